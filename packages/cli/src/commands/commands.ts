import type { Command as CommandResource, CommandStatus, Run } from "@muster/core/resources";
import { collectAll } from "@muster/sdk";
import { Option } from "commander";
import type { Context } from "../context.ts";
import { totalLine } from "../exec/progress.ts";
import { describeEnd, isFinal } from "../exec/words.ts";
import type { CommandFile } from "../program.ts";
import { formatAgo, formatElapsed } from "../terminal/format.ts";
import { type Column, renderFacts, renderTable } from "../terminal/table.ts";
import { positiveCount } from "../values.ts";

interface ListFlags {
  readonly status?: CommandStatus;
  readonly filter?: string;
  readonly limit: number;
}

export const addCommands: CommandFile = (program, bind) => {
  const commands = program.command("commands").description("list, show and cancel commands");
  commands
    .command("ls", { isDefault: true })
    .description("list commands, newest first")
    .addOption(
      new Option("--status <status>", "only in this state").choices(["running", "completed", "cancelled", "halted"]),
    )
    .option("--filter <text>", "part of the command's text")
    .option("--limit <n>", "at most so many", positiveCount, 50)
    .action(bind<ListFlags>(listCommands));
  commands
    .command("show")
    .argument("<command>", "its id")
    .description("show one command and all its runs")
    .action(bind(showCommand));
  commands
    .command("cancel")
    .argument("<command>", "its id")
    .description("start no more of its runs and stop those that run")
    .action(
      bind(async (context, { args: [id = ""] }) => {
        const command = await (await context.client()).commands.cancel(id);
        context.present(command, () => context.terminal.line(totalLine(command)));
      }),
    );
};

async function listCommands(context: Context, { flags }: { flags: ListFlags }): Promise<void> {
  const list = await collectAll(
    (await context.client()).commands.listAll({
      ...(flags.status !== undefined && { status: flags.status }),
      ...(flags.filter !== undefined && { filter: flags.filter }),
    }),
    flags.limit,
  );
  const columns = commandColumns(context);
  context.present(list, () => context.terminal.lines(renderTable(columns, list, context.terminal.width)));
}

async function showCommand(context: Context, { args: [id = ""] }: { args: readonly string[] }): Promise<void> {
  const client = await context.client();
  const [command, runs] = await Promise.all([client.commands.get(id), collectAll(client.commands.allRuns(id))]);
  context.present({ command, runs }, () => {
    context.terminal.lines(
      renderFacts([
        ["command", command.id],
        ["text", describeText(command)],
        ["status", [command.status, command.statusReason].filter((part) => part !== null).join(": ")],
        ["created", `${command.createdAt} by ${command.createdBy}`],
        ["finished", command.finishedAt],
        ["timeout", formatElapsed(command.timeoutMs)],
        ["expires", command.expiresAt],
        ["concurrency", command.concurrency === null ? null : String(command.concurrency)],
        ["failure budget", command.failureBudget === null ? null : String(command.failureBudget)],
        ["runs", totalLine(command)],
      ]),
    );
    context.terminal.line();
    context.terminal.lines(renderTable(runColumns(context), runs, context.terminal.width));
  });
}

function commandColumns(context: Context): Column<CommandResource>[] {
  const now = context.clock.now();
  const { style } = context.terminal;
  const failures = ({ counts }: CommandResource) =>
    counts.failed + counts.timed_out + counts.rejected + counts.unknown + counts.expired;
  return [
    { title: "COMMAND", value: describeText, flexible: true },
    {
      title: "STATUS",
      value: (command) => command.status,
      paint: (text, command) =>
        (command.status === "running" ? style.yellow : command.status === "completed" ? style.green : style.red)(text),
    },
    { title: "OK", value: (command) => `${command.counts.succeeded}/${command.total}`, align: "right" },
    { title: "FAILED", value: (command) => String(failures(command)), align: "right" },
    { title: "BY", value: (command) => command.createdBy, flexible: true },
    { title: "CREATED", value: (command) => formatAgo(command.createdAt, now) },
    { title: "ID", value: (command) => command.id },
  ];
}

function runColumns(context: Context): Column<Run>[] {
  const { style } = context.terminal;
  return [
    { title: "AGENT", value: (run) => run.agentName, flexible: true },
    {
      title: "STATUS",
      value: describeEnd,
      flexible: true,
      paint: (text, run) => (run.status === "succeeded" ? style.green : isFinal(run) ? style.red : style.yellow)(text),
    },
    {
      title: "TOOK",
      value: (run) => (run.executionMs === null ? "–" : formatElapsed(run.executionMs)),
      align: "right",
    },
    { title: "RUN", value: (run) => run.id },
  ];
}

/** An argv is shown with quotes where a shell would need them. */
function describeText(command: CommandResource): string {
  if (command.text !== null) return command.text;
  return (command.argv ?? []).map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)).join(" ");
}
