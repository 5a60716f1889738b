import type { RunStatus, RunWithCommand } from "@muster/core/resources";
import { collectAll } from "@muster/sdk";
import { Option } from "commander";
import type { Context } from "../context.ts";
import { JsonPrinter, PlainPrinter } from "../exec/printers.ts";
import { describeEnd, isFinal, RUN_STATUS_NAMES, statusWords } from "../exec/words.ts";
import { exitCodeOfRun } from "../exit-codes.ts";
import type { CommandFile } from "../program.ts";
import { resolveAgent } from "../resolve.ts";
import { formatAgo, formatBytes, formatElapsed } from "../terminal/format.ts";
import { type Column, renderFacts, renderTable } from "../terminal/table.ts";
import { positiveCount } from "../values.ts";

interface ListFlags {
  readonly agent?: string;
  readonly status?: RunStatus;
  readonly limit: number;
}

interface OutputFlags {
  readonly follow?: boolean;
  readonly raw?: boolean;
}

export const addRuns: CommandFile = (program, bind) => {
  const runs = program.command("runs").description("list and show runs, read their output, cancel them");
  runs
    .command("ls", { isDefault: true })
    .description("list runs, newest first")
    .option("--agent <agent>", "only of this agent (id, name or hostname)")
    .addOption(new Option("--status <status>", "only in this state").choices(RUN_STATUS_NAMES))
    .option("--limit <n>", "at most so many", positiveCount, 50)
    .action(bind<ListFlags>(listRuns));
  runs
    .command("show")
    .argument("<run>", "its id")
    .description("show one run in full")
    .action(
      bind(async (context, { args: [id = ""] }) => {
        const run = await (await context.client()).runs.get(id);
        context.present(run, () =>
          context.terminal.lines(
            renderFacts([
              ["run", run.id],
              ["command", run.commandText],
              ["command id", run.commandId],
              ["agent", `${run.agentName} (${run.agentId})`],
              ["status", describeEnd(run)],
              ["exit code", run.exitCode === null ? null : String(run.exitCode)],
              ["queued", run.queuedAt],
              ["delivered", run.deliveredAt],
              ["started", run.startedAt],
              ["finished", run.finishedAt],
              ["took", run.executionMs === null ? null : formatElapsed(run.executionMs)],
              ["output", `${formatBytes(run.stdoutBytes)} stdout, ${formatBytes(run.stderrBytes)} stderr`],
              ["left out", run.cutBytes === 0 ? null : formatBytes(run.cutBytes)],
            ]),
          ),
        );
      }),
    );
  runs
    .command("output")
    .argument("<run>", "its id")
    .description("print what a run wrote")
    .option("--follow", "go on until it has ended; the exit code is the run's")
    .option("--raw", "the bytes as they are, for files and pipes")
    .action(bind<OutputFlags>(printOutput));
  runs
    .command("cancel")
    .argument("<run>", "its id")
    .description("stop a run and everything it started")
    .action(
      bind(async (context, { args: [id = ""] }) => {
        const run = await (await context.client()).runs.cancel(id);
        context.present(run, () => context.terminal.line(isFinal(run) ? describeEnd(run) : "cancelling"));
      }),
    );
};

async function listRuns(context: Context, { flags }: { flags: ListFlags }): Promise<void> {
  const client = await context.client();
  const agentId = flags.agent === undefined ? undefined : (await resolveAgent(client, flags.agent)).id;
  const list = await collectAll(
    client.runs.listAll({
      ...(agentId !== undefined && { agentId }),
      ...(flags.status !== undefined && { status: flags.status }),
    }),
    flags.limit,
  );
  const columns = runColumns(context);
  context.present(list, () => context.terminal.lines(renderTable(columns, list, context.terminal.width)));
}

async function printOutput(
  context: Context,
  { args: [id = ""], flags }: { args: readonly string[]; flags: OutputFlags },
): Promise<number> {
  const client = await context.client();
  const run = await client.runs.get(id);
  const { terminal } = context;
  const printer = context.json ? new JsonPrinter(terminal) : new PlainPrinter(terminal, { raw: flags.raw ?? false });
  for await (const chunk of client.runs.output(id, { follow: flags.follow ?? false })) printer.print(run, chunk);
  if (!flags.follow) return 0;
  const ended = await client.runs.get(id);
  if (!context.json && ended.status !== "succeeded") terminal.note(terminal.errorStyle.red(describeEnd(ended)));
  return exitCodeOfRun(ended);
}

function runColumns(context: Context): Column<RunWithCommand>[] {
  const now = context.clock.now();
  const { style } = context.terminal;
  return [
    { title: "AGENT", value: (run) => run.agentName, flexible: true },
    {
      title: "STATUS",
      value: (run) => statusWords(run.status),
      paint: (text, run) => (run.status === "succeeded" ? style.green : isFinal(run) ? style.red : style.yellow)(text),
    },
    { title: "EXIT", value: (run) => String(run.exitCode ?? "–"), align: "right" },
    {
      title: "TOOK",
      value: (run) => (run.executionMs === null ? "–" : formatElapsed(run.executionMs)),
      align: "right",
    },
    { title: "COMMAND", value: (run) => run.commandText, flexible: true },
    { title: "QUEUED", value: (run) => formatAgo(run.queuedAt, now) },
    { title: "ID", value: (run) => run.id },
  ];
}
