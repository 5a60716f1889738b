import { Tooltip, UnstyledButton } from "@mantine/core";
import { useServerClock } from "../api/clock.tsx";
import { useLiveState, useReconnect } from "../api/live.tsx";
import { useSpeech } from "../i18n/language.tsx";
import { Mark, type Tone } from "../parts/mark.tsx";
import classes from "./connection-mark.module.css";

/** Whether what is on screen moves: live, connecting, or broken with a way to try at once. */
export function ConnectionMark() {
  const { say, format } = useSpeech();
  const state = useLiveState();
  const reconnect = useReconnect();
  const clock = useServerClock();
  const shown: { tone: Tone; shape: "disc" | "ring" | "triangle"; word: string; tip: string } =
    state.phase === "open"
      ? { tone: "ok", shape: "disc", word: say("live.open"), tip: say("live.openTip") }
      : state.phase === "waiting"
        ? {
            tone: "wrong",
            shape: "triangle",
            word: say("live.lost"),
            tip: say("live.lostTip", { reason: state.reason, when: format.age(state.retryAt, clock()) }),
          }
        : { tone: "unknown", shape: "ring", word: say("live.connecting"), tip: say("live.connectingTip") };
  return (
    <Tooltip label={shown.tip}>
      <UnstyledButton className={classes.mark} onClick={reconnect} aria-live="polite" aria-label={shown.word}>
        <Mark tone={shown.tone} shape={shown.shape} />
        <span className={classes.word}>{shown.word}</span>
      </UnstyledButton>
    </Tooltip>
  );
}
