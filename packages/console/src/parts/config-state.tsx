import type { AgentConfig, ConfigStatus, RolloutAgentState, RolloutState } from "@muster/core/resources";
import { useSpeech } from "../i18n/language.tsx";
import { Mark, type Shape, type Tone } from "./mark.tsx";
import classes from "./status.module.css";

type Look = readonly [Tone, Shape];

const CONFIG_LOOKS: Readonly<Record<ConfigStatus, Look>> = {
  pending: ["unknown", "dots"],
  applying: ["accent", "play"],
  applied: ["ok", "tick"],
  failed: ["wrong", "cross"],
  unknown: ["attention", "question"],
};

const ROLLOUT_LOOKS: Readonly<Record<RolloutState, Look>> = {
  running: ["accent", "play"],
  paused: ["attention", "slash"],
  halted: ["wrong", "triangle"],
  done: ["ok", "tick"],
  rolled_back: ["attention", "cross"],
  superseded: ["unknown", "slash"],
  cancelled: ["unknown", "slash"],
};

const MEMBER_LOOKS: Readonly<Record<RolloutAgentState, Look>> = {
  waiting: ["unknown", "dots"],
  pending: ["accent", "play"],
  applied: ["accent", "tick"],
  healthy: ["ok", "tick"],
  failed: ["wrong", "cross"],
};

/** Colour, shape and word of what an agent makes of a config. One that has to go is removed, not applied. */
export function ConfigState({ state }: { state: Pick<AgentConfig, "status" | "error" | "wanted"> }) {
  const { say } = useSpeech();
  const [tone, shape] = CONFIG_LOOKS[state.status];
  const leaving = state.wanted === null && state.status !== "failed";
  return (
    <span className={classes.state} title={state.error ?? undefined}>
      {leaving ? <Mark tone="unknown" shape="slash" /> : <Mark tone={tone} shape={shape} />}
      {leaving ? say("configStatus.leaving") : say(`configStatus.${state.status}`)}
    </span>
  );
}

export function RolloutMark({ state }: { state: RolloutState }) {
  const [tone, shape] = ROLLOUT_LOOKS[state];
  return <Mark tone={tone} shape={shape} />;
}

/** Colour, shape and word; `reason` on hover. */
export function RolloutStateWord({ state, reason }: { state: RolloutState; reason?: string }) {
  const { say } = useSpeech();
  return (
    <span className={classes.state} title={reason}>
      <RolloutMark state={state} />
      {say(`rolloutState.${state}`)}
    </span>
  );
}

export function MemberState({ state, error }: { state: RolloutAgentState; error: string | null }) {
  const { say } = useSpeech();
  const [tone, shape] = MEMBER_LOOKS[state];
  return (
    <span className={classes.state} title={error ?? undefined}>
      <Mark tone={tone} shape={shape} />
      {say(`rolloutAgent.${state}`)}
    </span>
  );
}

/** The shape of a status where the word stands elsewhere. */
export function ConfigMark({ status }: { status: ConfigStatus }) {
  const [tone, shape] = CONFIG_LOOKS[status];
  return <Mark tone={tone} shape={shape} />;
}
