import { hasCode, MusterError } from "@muster/core";
import type { AvailableInput, Input, InputBulkAnswer, InputBulkOutcome, InputRevision } from "@muster/core/resources";
import type { MusterClient } from "@muster/sdk";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { readTargets, type TargetFlags } from "../exec/request.ts";
import type { CommandFile } from "../program.ts";
import { confirm } from "../prompt.ts";
import { resolveAgent } from "../resolve.ts";
import { formatAgo } from "../terminal/format.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { type Column, renderTable } from "../terminal/table.ts";
import { readTextFile } from "../text-file.ts";
import { positiveCount } from "../values.ts";
import { addTargetOptions } from "./exec.ts";

interface TextFlags {
  readonly file: string;
}

interface AddFlags extends TargetFlags, TextFlags {
  readonly type: string;
}

interface EditFlags extends TextFlags {
  readonly message?: string;
  readonly base?: number;
}

export const addInputs: CommandFile = (program, bind) => {
  const inputs = program.command("inputs").description("see and change what agents collect");
  addReading(inputs, bind);
  addWriting(inputs, bind);
  addSwitching(inputs, bind);
};

type Bind = Parameters<CommandFile>[1];

function addReading(inputs: Command, bind: Bind): void {
  inputs
    .command("list", { isDefault: true })
    .alias("ls")
    .argument("<agent>", "id, name or hostname")
    .description("what an agent collects, and how that goes")
    .action(
      bind(async (context, { args }) => present(context, await (await open(context, args)).list(), inputColumns)),
    );
  inputs
    .command("available")
    .argument("<agent>")
    .description("what an agent could collect")
    .action(
      bind(async (context, { args }) =>
        present(context, await (await open(context, args)).available(), () => AVAILABLE),
      ),
    );
  inputs
    .command("sample")
    .argument("<agent>")
    .argument("<input>", "such as cpu")
    .description("print a commented configuration to start from")
    .action(
      bind(async (context, { args }) => {
        const toml = await (await open(context, args)).sample(args[1] ?? "");
        context.present({ input: args[1], toml }, () => context.terminal.write(toml));
      }),
    );
  inputs
    .command("get")
    .argument("<agent>")
    .argument("<input-id>", "dkinput_…")
    .description("print the configuration of an input")
    .action(
      bind(async (context, { args }) => {
        const input = await (await open(context, args)).get(args[1] ?? "");
        context.present(input, () => context.terminal.write(input.toml));
      }),
    );
  inputs
    .command("history")
    .argument("<agent>")
    .argument("<input-id>")
    .description("every revision of an input, newest first")
    .action(
      bind(async (context, { args }) =>
        present(context, await (await open(context, args)).history(args[1] ?? ""), revisionColumns),
      ),
    );
}

function addWriting(inputs: Command, bind: Bind): void {
  addTargetOptions(
    inputs
      .command("add")
      .argument("<input>", "such as cpu")
      .description("give one agent or many an input")
      .requiredOption("-f, --file <file>", "its configuration; - reads it from stdin")
      .option("--type <type>", "whose words the configuration uses", "datakit"),
  ).action(bind<AddFlags>(addToAgents));
  inputs
    .command("edit")
    .argument("<agent>")
    .argument("<input-id>")
    .description("give an input another configuration")
    .requiredOption("-f, --file <file>", "the new configuration; - reads it from stdin")
    .option("-m, --message <text>", "why, for the history")
    .option("--base <revision>", "only if this is still the newest revision", positiveCount)
    .action(
      bind<EditFlags>(async (context, { args: [word = "", inputId = ""], flags }) => {
        const client = await context.client();
        const { id } = await resolveAgent(client, word);
        const change = {
          toml: await readTextFile(context.host, flags.file),
          ...(flags.message !== undefined && { message: flags.message }),
          ...(flags.base !== undefined && { baseRevision: flags.base }),
        };
        const input = await pointAt(flags.file, client.inputs.change(id, inputId, change));
        context.present(input, () => context.terminal.line(describe(input)));
      }),
    );
  inputs
    .command("test")
    .argument("<agent>")
    .argument("<input>")
    .description("let an agent collect once with a configuration, and change nothing")
    .requiredOption("-f, --file <file>", "the configuration; - reads it from stdin")
    .option("--type <type>", "whose words the configuration uses", "datakit")
    .action(
      bind<TextFlags & { type: string }>(async (context, { args: [word = "", input = ""], flags }) => {
        const client = await context.client();
        const { id } = await resolveAgent(client, word);
        const toml = await readTextFile(context.host, flags.file);
        const output = await pointAt(flags.file, client.inputs.test(id, { input, inputType: flags.type, toml }));
        context.present({ output }, () => context.terminal.lines(output.split("\n").filter(Boolean).map(sanitizeLine)));
      }),
    );
  inputs
    .command("rollback")
    .argument("<agent>")
    .argument("<input-id>")
    .argument("<revision>", "its number in the history", positiveCount)
    .description("give an input the configuration of an earlier revision again, also one that was removed")
    .action(
      bind(async (context, { args: [word = "", inputId = "", revision = ""] }) => {
        const client = await context.client();
        const { id } = await resolveAgent(client, word);
        const input = await client.inputs.rollBack(id, inputId, positiveCount(revision));
        context.present(input, () => context.terminal.line(describe(input)));
      }),
    );
}

function addSwitching(inputs: Command, bind: Bind): void {
  inputs
    .command("rm")
    .argument("<agent>")
    .argument("<input-id>")
    .description("remove an input; its history stays")
    .option("--yes", "do not ask")
    .action(
      bind<{ yes?: boolean }>(async (context, { args: [word = "", inputId = ""], flags }) => {
        const client = await context.client();
        const agent = await resolveAgent(client, word);
        const question = `Remove ${sanitizeLine(inputId)} from ${sanitizeLine(agent.name)}?`;
        if (!flags.yes) await confirm(context.host, question);
        await client.inputs.remove(agent.id, inputId);
        context.present({ removed: inputId }, () => context.terminal.line(`removed ${sanitizeLine(inputId)}`));
      }),
    );
  for (const verb of ["enable", "disable"] as const) {
    inputs
      .command(verb)
      .argument("<agent>")
      .argument("<input-id...>", "all of them or none")
      .description(verb === "enable" ? "collect again with these inputs" : "collect no more; the files keep every byte")
      .action(
        bind(async (context, { args: [word = "", ...ids] }) => {
          const client = await context.client();
          await client.inputs[verb]((await resolveAgent(client, word)).id, ids);
          context.present({ [`${verb}d`]: ids }, () =>
            context.terminal.lines(ids.map((id) => `${verb}d ${sanitizeLine(id)}`)),
          );
        }),
      );
  }
  inputs
    .command("reload")
    .argument("<agent>")
    .description("let an agent read its configurations anew")
    .action(
      bind(async (context, { args }) => present(context, await (await open(context, args)).reload(), inputColumns)),
    );
}

/** What can be asked of the agent that the first argument names. */
async function open(context: Context, [word = ""]: readonly string[]) {
  const client = await context.client();
  const { id } = await resolveAgent(client, word);
  const { inputs } = client;
  return {
    list: () => inputs.list(id),
    available: () => inputs.available(id),
    sample: (input: string) => inputs.sample(id, input),
    get: (inputId: string) => inputs.get(id, inputId),
    history: (inputId: string) => inputs.revisions(id, inputId),
    reload: () => inputs.reload(id),
  };
}

function present<Row>(context: Context, rows: readonly Row[], columns: (now: number) => readonly Column<Row>[]): void {
  const { terminal } = context;
  context.present(rows, () => terminal.lines(renderTable(columns(context.clock.now()), rows, terminal.width)));
}

/** One agent by name answers with its input; whoever is meant otherwise gets a line each. */
async function addToAgents(
  context: Context,
  { args: [input = ""], flags }: { readonly args: readonly string[]; readonly flags: AddFlags },
): Promise<number> {
  const client = await context.client();
  const targets = await readTargets(client, flags);
  const write = { input, inputType: flags.type, toml: await readTextFile(context.host, flags.file) };
  const [only, ...others] = targets.ids ?? [];
  const isOne = only !== undefined && others.length === 0 && !targets.selector && targets.groups?.length === 0;
  if (isOne) {
    const added = await pointAt(flags.file, client.inputs.add(only, write));
    context.present(added, () => context.terminal.line(describe(added)));
    return 0;
  }
  const answer = await pointAt(flags.file, addToMany(client, { ...write, targets }));
  context.present(answer, () => {
    context.terminal.lines(renderTable(OUTCOMES, answer.items, context.terminal.width));
    const { applied, unchanged, refused, unknown, total } = answer;
    context.terminal.note(
      `${applied} applied, ${unchanged} had it, ${refused} refused, ${unknown} unknown, of ${total}`,
    );
  });
  return exitCodeOf(answer);
}

async function addToMany(client: MusterClient, request: Parameters<MusterClient["inputs"]["addToMany"]>[0]) {
  const answer = await client.inputs.addToMany(request);
  if (answer.total === 0) throw new MusterError("not_found", "no agent meets the targets");
  return answer;
}

/** The worst of all agents, as the table of exit codes has it. */
function exitCodeOf(answer: InputBulkAnswer): number {
  if (answer.refused > 0) return 6;
  return answer.unknown > 0 ? 4 : 0;
}

/** Puts the place in the caller's own file before what is wrong there, and says with whom it conflicts. */
async function pointAt<Answer>(file: string, asked: Promise<Answer>): Promise<Answer> {
  try {
    return await asked;
  } catch (error) {
    if (hasCode(error, "conflict") && typeof error.details.inputId === "string")
      throw new MusterError(
        "conflict",
        error.message,
        { ...error.details, hint: `see ${error.details.inputId}` },
        error,
      );
    if (!hasCode(error, "invalid_argument") || typeof error.details.line !== "number") throw error;
    const { line, column } = error.details;
    const place = [file === "-" ? "stdin" : file, line, ...(typeof column === "number" ? [column] : [])].join(":");
    const hint = "nothing was changed";
    throw new MusterError("invalid_argument", `${place}: ${error.message}`, { ...error.details, hint }, error);
  }
}

function describe(input: Input): string {
  const error = input.error === null ? "" : `  ${sanitizeLine(input.error)}`;
  return `${sanitizeLine(input.id)}  ${input.status}${error}`;
}

function inputColumns(now: number): Column<Input>[] {
  return [
    { title: "ID", value: (input) => input.id },
    { title: "INPUTS", value: (input) => input.inputs.join(","), flexible: true },
    { title: "STATUS", value: (input) => (input.drifted ? `${input.status}, drifted` : input.status) },
    { title: "POINTS", value: (input) => String(input.points), align: "right" },
    { title: "LAST", value: (input) => formatAgo(input.lastPointAt, now) },
    { title: "REV", value: (input) => (input.managed ? String(input.revision ?? "–") : "not managed"), align: "right" },
    { title: "ERROR", value: (input) => input.error ?? "", flexible: true },
  ];
}

const AVAILABLE: readonly Column<AvailableInput>[] = [
  { title: "INPUT", value: (input) => input.input },
  { title: "CATALOG", value: (input) => input.catalog },
  { title: "TYPE", value: (input) => input.inputType },
  { title: "SUMMARY", value: (input) => input.summary, flexible: true },
];

function revisionColumns(now: number): Column<InputRevision>[] {
  return [
    { title: "REV", value: (one) => String(one.revision), align: "right" },
    { title: "WHEN", value: (one) => formatAgo(one.createdAt, now) },
    { title: "WHO", value: (one) => one.createdBy, flexible: true },
    { title: "OUTCOME", value: (one) => one.outcome },
    { title: "WHAT", value: (one) => one.message, flexible: true },
    { title: "REASON", value: (one) => one.reason ?? "", flexible: true },
  ];
}

const OUTCOMES: readonly Column<InputBulkOutcome>[] = [
  { title: "AGENT", value: (item) => item.agentName, flexible: true },
  { title: "OUTCOME", value: (item) => item.outcome },
  { title: "STATUS", value: (item) => item.status ?? "–" },
  { title: "ID", value: (item) => item.inputId ?? "–" },
  { title: "REASON", value: (item) => item.reason ?? "", flexible: true },
];
