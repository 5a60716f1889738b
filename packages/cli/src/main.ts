import { systemClock } from "@muster/core";
import { addAgents } from "./commands/agents.ts";
import { addCommands } from "./commands/commands.ts";
import { addCompletion } from "./commands/completion.ts";
import { addConfig } from "./commands/config.ts";
import { addConfigs } from "./commands/configs.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEnroll } from "./commands/enroll.ts";
import { addExec } from "./commands/exec.ts";
import { addGroups } from "./commands/groups.ts";
import { addInputs } from "./commands/inputs.ts";
import { addLogin } from "./commands/login.ts";
import { addLogout } from "./commands/logout.ts";
import { addLogs } from "./commands/logs.ts";
import { addProcesses } from "./commands/processes.ts";
import { addRollouts } from "./commands/rollouts.ts";
import { addRuns } from "./commands/runs.ts";
import { addSecrets } from "./commands/secrets.ts";
import { addTokens } from "./commands/tokens.ts";
import { addTop } from "./commands/top.ts";
import { addUsers } from "./commands/users.ts";
import { addWhoami } from "./commands/whoami.ts";
import type { CliHost } from "./context.ts";
import { type CommandFile, runProgram } from "./program.ts";

/** In the order of `muster --help`. */
const GROUPS: readonly (readonly [heading: string, files: readonly CommandFile[]])[] = [
  ["Run Muster:", [addProcesses]],
  ["Look and act:", [addAgents, addExec, addTop, addRuns, addCommands, addGroups, addInputs, addLogs]],
  ["Configure:", [addConfigs, addRollouts, addSecrets, addConfig]],
  ["Access:", [addLogin, addLogout, addWhoami, addEnroll, addTokens, addUsers]],
  ["Help:", [addDoctor, addCompletion]],
];

export type { CliHost } from "./context.ts";

/**
 * Runs one command line; answers the exit code. Everything it touches is in `host`. The caller keeps the process alive:
 * a command that waits for a reconnection has only timers that do not.
 */
export function runCli(host: CliHost, argv: readonly string[]): Promise<number> {
  return runProgram(host, argv.length === 0 ? ["--help"] : argv, (program, bind) => {
    for (const [heading, files] of GROUPS) {
      program.commandsGroup(heading);
      for (const add of files) add(program, bind);
    }
  });
}

/** The process itself as a host. */
export function processHost(version: string): CliHost {
  const { env, stdin, stdout, stderr } = process;
  // whoever reads us may leave early (`| head`): that is no failure
  stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  return { environment: env, stdin, stdout, stderr, version, clock: systemClock, onInterrupt: listenForInterrupts };
}

function listenForInterrupts(listener: () => void): () => void {
  process.on("SIGINT", listener);
  process.on("SIGTERM", listener);
  return () => {
    process.off("SIGINT", listener);
    process.off("SIGTERM", listener);
  };
}
