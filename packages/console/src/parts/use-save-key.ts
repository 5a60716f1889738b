import { useEffect, useEffectEvent } from "react";

/** How the key is written. */
export const SAVE_KEY = /mac/i.test(navigator.platform) ? "⌘S" : "Ctrl S";

/** Ctrl+S or ⌘S, wherever the cursor is; the browser would save the page. */
export function useSaveKey(save: () => void): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (!(event.metaKey || event.ctrlKey) || event.altKey || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    save();
  });
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => press(event);
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}
