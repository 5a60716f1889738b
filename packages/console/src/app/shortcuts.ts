import { useEffect, useEffectEvent } from "react";
import { useNavigate } from "react-router";
import { DESTINATIONS } from "./places.ts";
import { useMay } from "./session.tsx";

/** How long after `g` the second letter counts. */
const JUMP_MS = 1200;

interface ShortcutActions {
  readonly openPalette: () => void;
  readonly openList: () => void;
}

/** The keys that work everywhere: search, jumps, the list of all keys. Tables have their own. */
export function useShortcuts(actions: ShortcutActions): void {
  const navigate = useNavigate();
  const admin = useMay("admin");
  const operator = useMay("operator");
  const jump = (letter: string) => {
    const place = DESTINATIONS.find((candidate) => candidate.jump === letter);
    if (place && (place.role !== "admin" || admin)) void navigate(place.path);
    if (letter === "n" && operator) void navigate("/commands/new");
    if (letter === "i" && operator) void navigate("/agents/add-input");
  };
  const press = useEffectEvent((event: KeyboardEvent, afterG: boolean): "g" | undefined => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      actions.openPalette();
      return undefined;
    }
    if (event.metaKey || event.ctrlKey || event.altKey || isWriting(event.target)) return undefined;
    if (afterG) jump(event.key);
    else if (event.key === "g") return "g";
    else if (event.key === "?") actions.openList();
    else if (event.key === "/") {
      const search = document.querySelector<HTMLInputElement>("[data-search]");
      event.preventDefault();
      if (search) search.focus();
      else actions.openPalette();
    }
    return undefined;
  });
  useEffect(() => {
    let gAt = 0;
    const onKeyDown = (event: KeyboardEvent) => {
      const afterG = gAt !== 0 && event.timeStamp - gAt < JUMP_MS;
      gAt = press(event, afterG) === "g" ? event.timeStamp : 0;
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}

/** True where letters are text and not commands. */
export function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName)) &&
    !(target instanceof HTMLInputElement && ["checkbox", "radio"].includes(target.type))
  );
}
