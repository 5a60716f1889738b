import type { AgentStatus, CommandStatus, RunStatus } from "@muster/core/resources";
import { useSpeech } from "../i18n/language.tsx";
import { Mark, type Shape, type Tone } from "./mark.tsx";
import classes from "./status.module.css";

const AGENT_LOOKS: Readonly<Record<AgentStatus, readonly [Tone, Shape]>> = {
  online: ["ok", "disc"],
  stale: ["attention", "triangle"],
  offline: ["unknown", "ring"],
};

const RUN_LOOKS: Readonly<Record<RunStatus, readonly [Tone, Shape]>> = {
  queued: ["unknown", "dots"],
  delivered: ["accent", "ring"],
  started: ["accent", "play"],
  succeeded: ["ok", "tick"],
  failed: ["wrong", "cross"],
  timed_out: ["wrong", "clock"],
  cancelled: ["unknown", "slash"],
  expired: ["attention", "clock"],
  rejected: ["attention", "slash"],
  unknown: ["attention", "question"],
};

const COMMAND_LOOKS: Readonly<Record<CommandStatus, readonly [Tone, Shape]>> = {
  running: ["accent", "play"],
  completed: ["ok", "tick"],
  cancelled: ["unknown", "slash"],
  halted: ["wrong", "triangle"],
};

export function AgentMark({ status }: { status: AgentStatus }) {
  const [tone, shape] = AGENT_LOOKS[status];
  return <Mark tone={tone} shape={shape} />;
}

export function RunMark({ status }: { status: RunStatus }) {
  const [tone, shape] = RUN_LOOKS[status];
  return <Mark tone={tone} shape={shape} />;
}

/** Colour, shape and word. */
export function AgentState({ status, reason }: { status: AgentStatus; reason?: string }) {
  const { say } = useSpeech();
  return (
    <span className={classes.state} title={reason}>
      <AgentMark status={status} />
      {say(`status.${status}`)}
    </span>
  );
}

export function RunState({ status, reason }: { status: RunStatus; reason?: string | null }) {
  const { say } = useSpeech();
  return (
    <span className={classes.state} title={reason ?? undefined}>
      <RunMark status={status} />
      {say(`run.${status}`)}
    </span>
  );
}

export function CommandState({ status, reason }: { status: CommandStatus; reason?: string | null }) {
  const { say } = useSpeech();
  const [tone, shape] = COMMAND_LOOKS[status];
  return (
    <span className={classes.state} title={reason ?? undefined}>
      <Mark tone={tone} shape={shape} />
      {say(`commandStatus.${status}`)}
    </span>
  );
}

/** The colour of a run's state, for bars. */
export function toneOfRun(status: RunStatus): Tone {
  return RUN_LOOKS[status][0];
}
