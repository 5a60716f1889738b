import type { Rollout } from "@muster/core/resources";
import { useSpeech } from "../../i18n/language.tsx";
import { stateOfWave, sumWave, type WaveSum } from "../../logic/rollout-picture.ts";
import { Mark, type Shape, type Tone } from "../../parts/mark.tsx";
import { Section } from "../../parts/page.tsx";
import { useWaveWords, WaveBar } from "../../parts/wave-bar.tsx";
import classes from "./rollout.module.css";

type WaveState = ReturnType<typeof stateOfWave>;

const LOOKS: Readonly<Record<WaveState, readonly [Tone, Shape]>> = {
  waiting: ["unknown", "dots"],
  now: ["accent", "play"],
  stopped: ["attention", "slash"],
  done: ["ok", "tick"],
};

/** How far each wave is. */
export function WaveList({ rollout }: { rollout: Rollout }) {
  const { say } = useSpeech();
  return (
    <Section title={say("rollout.waves")}>
      <ol className={classes.waves}>
        {rollout.waves.map((wave, index) => {
          const number = index + 1;
          return (
            <WaveRow
              key={number}
              number={number}
              size={wave.size}
              state={stateOfWave(rollout, number)}
              sum={sumWave(rollout, wave, number)}
            />
          );
        })}
      </ol>
    </Section>
  );
}

function WaveRow({ number, size, state, sum }: { number: number; size: string; state: WaveState; sum: WaveSum }) {
  const { say } = useSpeech();
  const words = useWaveWords(sum);
  const [tone, shape] = LOOKS[state];
  return (
    <li className={classes.wave} data-state={state}>
      <span className="figures">
        {say("rollout.wave", { number })} <span className="dim">{say("rollout.upTo", { size })}</span>
      </span>
      <span className={classes.where}>
        <Mark tone={tone} shape={shape} />
        {say(`waveState.${state}`)}
      </span>
      <WaveBar sum={sum} />
      <span className="dim figures">{sum.agents === 0 ? say("rollout.nobodyInWave") : words}</span>
    </li>
  );
}
