import type { AgentStatus, Command, CommandStatus, RunStatus } from "@muster/core/resources";
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

type CommandOutcome = CommandStatus | "failed" | "partly";

const COMMAND_LOOKS: Readonly<Record<CommandOutcome, readonly [Tone, Shape]>> = {
  running: ["accent", "play"],
  completed: ["ok", "tick"],
  partly: ["attention", "triangle"],
  failed: ["wrong", "cross"],
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

/** A command that ended is only well when all its runs are. */
export function outcomeOfCommand({
  status,
  counts,
  total,
}: Pick<Command, "status" | "counts" | "total">): CommandOutcome {
  if (status !== "completed" || counts.succeeded === total) return status;
  return counts.succeeded === 0 && total > 0 ? "failed" : "partly";
}

export function CommandMark({ command }: { command: Command }) {
  const [tone, shape] = COMMAND_LOOKS[outcomeOfCommand(command)];
  return <Mark tone={tone} shape={shape} />;
}

export function CommandState({ command }: { command: Command }) {
  const { say } = useSpeech();
  return (
    <span className={classes.state} title={command.statusReason ?? undefined}>
      <CommandMark command={command} />
      {say(`commandStatus.${outcomeOfCommand(command)}`)}
    </span>
  );
}

/** The colour of a run's state, for bars. */
export function toneOfRun(status: RunStatus): Tone {
  return RUN_LOOKS[status][0];
}
