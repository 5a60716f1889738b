import type { Command } from "commander";
import { buildRequest, type ExecFlags, readTargets, type ShowFlags } from "../exec/request.ts";
import { runExec } from "../exec/session.ts";
import type { CommandFile } from "../program.ts";
import { collect, countOrShare, durationMs } from "../values.ts";

export const addExec: CommandFile = (program, bind) => {
  const exec = program.command("exec").description("run a command on many hosts and watch its output arrive");
  addTargetOptions(exec)
    .optionsGroup("How:")
    .option("--timeout <duration>", "end each run after this long (default: 30s)", durationMs)
    .option("--expires <duration>", "do not start later than this, for hosts that are away (default: 1h)", durationMs)
    .option("--concurrency <n|%>", "at most so many at once", countOrShare)
    .option("--failure-budget <n|%>", "start no more once more than so many have failed", countOrShare)
    .option("--user <name>", "run as this user of the host")
    .option("--cwd <folder>", "in this folder")
    .option("--env <NAME=value>", "with this variable; repeatable", collect)
    .optionsGroup("What is shown:")
    .option("--fold", "show each different output once, when all have ended")
    .option("--no-prefix", "leave out the names before the lines")
    .option("--raw", "with one host: the bytes as they are, for files and pipes")
    .option("--detach", "print the command's id and do not wait")
    .option("--dry-run", "show who would be hit and do nothing")
    .argument("<command...>", "one word is a line for the shell; several are a program and its arguments")
    .passThroughOptions()
    .addHelpText("after", EXAMPLES)
    .action(
      bind<ExecFlags & ShowFlags>(async (context, { args, flags }) => {
        const client = await context.client();
        const targets = await readTargets(client, flags);
        return runExec({ context, client, request: buildRequest(args, targets, flags), show: flags });
      }),
    );
};

/** The flags that say on whom, shared by everything that acts on many. */
export function addTargetOptions(command: Command): Command {
  return command
    .optionsGroup("On whom:")
    .option("--agent <agent>", "this agent (id, name or hostname); repeatable", collect)
    .option("--label <key=value>", "agents with this label; several must all hold; repeatable", collect)
    .option("--selector <selector>", 'agents that meet it, such as "role=web,env!=dev"')
    .option("--group <group>", "agents of this group (id or name); repeatable", collect)
    .option("--all", "every agent");
}

const EXAMPLES = `
Examples:
  muster exec --all -- uptime
  muster exec --label role=web --concurrency 10% --failure-budget 2 -- systemctl restart nginx
  muster exec --agent web-1 -- 'df -h | sort -k5'
  muster exec --group databases --fold -- cat /etc/os-release

The exit code is the worst of all runs: their own exit codes, 124 for a timeout, 125 for expired or
unknown, 126 for rejected by the host's policy, 130 for cancelled.`;
