import type { RunCounts, RunStatus } from "@muster/core/resources";
import { useSpeech } from "../i18n/language.tsx";
import classes from "./counts-bar.module.css";
import { toneOfRun } from "./status.tsx";

/** In the order of a bar: what ended well, what went wrong, what is on the way. */
const ORDER: readonly RunStatus[] = [
  "succeeded",
  "failed",
  "timed_out",
  "unknown",
  "rejected",
  "expired",
  "cancelled",
  "started",
  "delivered",
  "queued",
];

const ON_THE_WAY: ReadonlySet<RunStatus> = new Set(["queued", "delivered", "started"]);

export function countEnded(counts: RunCounts): number {
  return ORDER.reduce((sum, status) => sum + (ON_THE_WAY.has(status) ? 0 : counts[status]), 0);
}

/** States that occur, with how often. */
export function presentCounts(counts: RunCounts): [RunStatus, number][] {
  return ORDER.filter((status) => counts[status] > 0).map((status) => [status, counts[status]]);
}

/** How far a command is: one line, a stretch per state. */
export function CountsBar({ counts }: { counts: RunCounts }) {
  const { say, format } = useSpeech();
  const present = presentCounts(counts);
  const words = present.map(([status, count]) => `${say(`run.${status}`)} ${format.number(count)}`).join(", ");
  return (
    <span className={classes.bar} role="img" aria-label={words} title={words}>
      {present.map(([status, count]) => (
        <span
          key={status}
          className={classes.stretch}
          data-waiting={ON_THE_WAY.has(status) || undefined}
          style={{ flexGrow: count, background: `var(--m-${toneOfRun(status)}-fill)` }}
        />
      ))}
    </span>
  );
}
