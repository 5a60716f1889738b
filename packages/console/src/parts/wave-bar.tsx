import { useSpeech } from "../i18n/language.tsx";
import type { WaveSum } from "../logic/rollout-picture.ts";
import classes from "./counts-bar.module.css";
import type { Tone } from "./mark.tsx";

/** In the order of a bar, with the colour and whether it is still on the way. */
const STRETCHES = [
  ["applied", "ok", false],
  ["failed", "wrong", false],
  ["pending", "accent", true],
  ["offline", "attention", true],
  ["waiting", "unknown", true],
] as const satisfies readonly (readonly [Exclude<keyof WaveSum, "agents">, Tone, boolean])[];

/** How far a wave or a whole rollout is: one line, a stretch per state. */
export function WaveBar({ sum }: { sum: WaveSum }) {
  const words = useWaveWords(sum);
  return (
    <span className={classes.bar} role="img" aria-label={words} title={words}>
      {STRETCHES.filter(([name]) => sum[name] > 0).map(([name, tone, isWaiting]) => (
        <span
          key={name}
          className={classes.stretch}
          data-waiting={isWaiting || undefined}
          style={{ flexGrow: sum[name], background: `var(--m-${tone}-fill)` }}
        />
      ))}
    </span>
  );
}

/** "Applied 12, failed 1": what there is of each. */
export function useWaveWords(sum: WaveSum): string {
  const { say, format } = useSpeech();
  return STRETCHES.filter(([name]) => sum[name] > 0)
    .map(([name]) => `${say(`wave.${name}`)} ${format.number(sum[name])}`)
    .join(", ");
}
