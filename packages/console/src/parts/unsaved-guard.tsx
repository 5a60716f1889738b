import { useEffect, useRef } from "react";
import { useBlocker } from "react-router";
import { useSpeech } from "../i18n/language.tsx";
import { Confirm } from "./confirm.tsx";

/** Asks before the page is left while something is unsaved. The answered function lets the next step pass: it was saved. */
export function useUnsavedGuard(changed: boolean): { readonly guard: React.ReactNode; readonly letGo: () => void } {
  const { say } = useSpeech();
  const free = useRef(false);
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) =>
      changed && !free.current && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    if (!changed) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    globalThis.addEventListener("beforeunload", ask);
    return () => globalThis.removeEventListener("beforeunload", ask);
  }, [changed]);
  return {
    letGo: () => {
      free.current = true;
    },
    guard: blocker.state === "blocked" && (
      <Confirm
        title={say("inputs.leaveTitle")}
        action={say("inputs.leave")}
        onConfirm={() => blocker.proceed()}
        onClose={() => blocker.reset()}
      >
        {say("inputs.leaveText")}
      </Confirm>
    ),
  };
}
