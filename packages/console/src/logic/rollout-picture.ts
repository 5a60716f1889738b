import type { Rollout, RolloutState } from "@muster/core/resources";

/** Agents of a rollout, or of one of its waves. */
export interface WaveSum {
  readonly agents: number;
  readonly applied: number;
  readonly failed: number;
  readonly pending: number;
  readonly offline: number;
  /** Of waves that have not begun. */
  readonly waiting: number;
}

/** What people may do with a rollout in a state. */
export type RolloutDeed = "pause" | "resume" | "cancel" | "rollBack";

const DEEDS: Readonly<Record<RolloutState, readonly RolloutDeed[]>> = {
  running: ["pause", "cancel", "rollBack"],
  paused: ["resume", "cancel", "rollBack"],
  halted: ["resume", "cancel", "rollBack"],
  done: ["rollBack"],
  cancelled: ["rollBack"],
  superseded: [],
  rolled_back: [],
};

export function deedsOf(state: RolloutState): readonly RolloutDeed[] {
  return DEEDS[state];
}

type Wave = Rollout["waves"][number];

/** `number` counts waves from 1; one that has not begun has everybody waiting. */
export function sumWave(rollout: Pick<Rollout, "wave">, wave: Wave, number: number): WaveSum {
  const { agents, applied, failed, pending, offline } = wave;
  if (number > rollout.wave) return { agents, applied: 0, failed: 0, pending: 0, offline: 0, waiting: agents };
  return { agents, applied, failed, pending, offline, waiting: 0 };
}

export function sumRollout(rollout: Pick<Rollout, "wave" | "waves">): WaveSum {
  const sum = { agents: 0, applied: 0, failed: 0, pending: 0, offline: 0, waiting: 0 };
  rollout.waves.forEach((wave, index) => {
    const part = sumWave(rollout, wave, index + 1);
    for (const name of Object.keys(sum) as (keyof WaveSum)[]) sum[name] += part[name];
  });
  return sum;
}

/** Where a wave is. */
export function stateOfWave(
  rollout: Pick<Rollout, "wave" | "state">,
  number: number,
): "waiting" | "now" | "stopped" | "done" {
  if (number > rollout.wave) return "waiting";
  if (number < rollout.wave || rollout.state === "done") return "done";
  return rollout.state === "running" ? "now" : "stopped";
}
