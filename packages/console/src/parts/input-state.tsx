import type { Input } from "@muster/core/resources";
import { useSpeech } from "../i18n/language.tsx";
import { healthOf, type InputHealth } from "../logic/input-list.ts";
import { Mark, type Shape, type Tone } from "./mark.tsx";
import classes from "./status.module.css";

const LOOKS: Readonly<Record<InputHealth, readonly [Tone, Shape]>> = {
  running: ["ok", "disc"],
  trouble: ["attention", "triangle"],
  fallback: ["attention", "triangle"],
  failed: ["wrong", "cross"],
  pending: ["unknown", "dots"],
  disabled: ["unknown", "slash"],
};

/** Colour, shape and word of how an input is. */
export function InputState({ input }: { input: Pick<Input, "status" | "error"> }) {
  const { say } = useSpeech();
  const health = healthOf(input);
  const [tone, shape] = LOOKS[health];
  return (
    <span className={classes.state} title={input.error ?? undefined}>
      <Mark tone={tone} shape={shape} />
      {say(`input.${health}`)}
    </span>
  );
}

export function toneOfInput(input: Pick<Input, "status" | "error">): Tone {
  return LOOKS[healthOf(input)][0];
}
