import { CONFIG_FORMATS, CONFIG_STATUSES, toIso } from "@muster/core";
import type {
  AgentConfig,
  Config,
  ConfigFormat,
  ConfigKind,
  ConfigRevision,
  ConfigStatus,
} from "@muster/core/resources";
import { collectAll } from "@muster/sdk";
import { type Command, Option } from "commander";
import type { Context } from "../context.ts";
import type { Bind, CommandFile } from "../program.ts";
import { confirm } from "../prompt.ts";
import { resolveAgent } from "../resolve.ts";
import { formatAgo, plural } from "../terminal/format.ts";
import { unifiedDiff } from "../terminal/line-diff.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { type Column, renderFacts, renderTable } from "../terminal/table.ts";
import { readTextFile } from "../text-file.ts";
import { durationMs, positiveCount } from "../values.ts";
import { addConfigGiving } from "./config-giving.ts";
import { showDiff } from "./config-texts.ts";

interface ToldFlags {
  readonly description?: string;
  readonly agentType?: string;
  readonly expires?: number;
  readonly message?: string;
}

interface CreateFlags extends ToldFlags {
  readonly kind: string;
  readonly format?: ConfigFormat;
  readonly file: string;
}

interface EditFlags extends ToldFlags {
  readonly file?: string;
  readonly base?: number;
}

export const addConfigs: CommandFile = (program, bind) => {
  const configs = program.command("configs").description("see, write and give the configs of agents");
  addReading(configs, bind);
  addHistory(configs, bind);
  addWriting(configs, bind);
  addConfigGiving(configs, bind);
};

function addReading(configs: Command, bind: Bind): void {
  configs
    .command("list", { isDefault: true })
    .alias("ls")
    .description("list configs with their newest revision and who has which")
    .option("--kind <kind>", "only of this kind")
    .option("--filter <text>", "only with this in name or description")
    .action(
      bind<{ kind?: string; filter?: string }>(async (context, { flags }) => {
        const client = await context.client();
        present(context, await collectAll(client.configs.listAll(flags)), configColumns);
      }),
    );
  configs
    .command("kinds")
    .description("list what a config can be for")
    .action(bind(async (context) => present(context, await (await context.client()).configs.kinds(), () => KINDS)));
  configs
    .command("show")
    .argument("<config>", "name or id")
    .description("show a config with its newest text, or with that of a revision")
    .option("--revision <revision>", "its number", positiveCount)
    .option("--text", "print the text and nothing else")
    .action(
      bind<{ revision?: number; text?: boolean }>(async (context, { args: [word = ""], flags }) => {
        const { configs: api } = await context.client();
        const config = await api.get(word);
        const revision = await api.revision(config.id, flags.revision ?? config.revision);
        context.present({ ...config, text: revision.text, shownRevision: revision.revision }, () => {
          if (flags.text) return context.terminal.write(revision.text);
          context.terminal.lines([...describeConfig(config), ...describeRevision(revision), ""]);
          context.terminal.write(revision.text);
        });
      }),
    );
  configs
    .command("agents")
    .argument("<config>", "name or id")
    .description("who should have a config or has it, and how that goes")
    .addOption(new Option("--status <status>", "only with this status").choices(CONFIG_STATUSES))
    .action(
      bind<{ status?: ConfigStatus }>(async (context, { args: [word = ""], flags }) => {
        const { configs: api } = await context.client();
        present(context, await collectAll(api.agentsAll((await api.get(word)).id, flags)), agentColumns);
      }),
    );
  configs
    .command("of")
    .argument("<agent>", "id, name or hostname")
    .description("what an agent should have and has, in the order in which it merges")
    .action(
      bind(async (context, { args: [word = ""] }) => {
        const client = await context.client();
        present(context, await client.configs.ofAgent((await resolveAgent(client, word)).id), ofAgentColumns);
      }),
    );
}

function addHistory(configs: Command, bind: Bind): void {
  configs
    .command("revisions")
    .argument("<config>", "name or id")
    .description("every revision of a config, newest first")
    .action(
      bind(async (context, { args: [word = ""] }) => {
        const { configs: api } = await context.client();
        present(context, await api.revisions((await api.get(word)).id), revisionColumns);
      }),
    );
  configs
    .command("diff")
    .argument("<config>", "name or id")
    .argument("[before]", "a revision; default: the one before the other", positiveCount)
    .argument("[after]", "a revision; default: the newest", positiveCount)
    .description("show what one revision has changed over another")
    .action(
      bind(async (context, { args: [word = "", first, second] }) => {
        const { configs: api } = await context.client();
        const config = await api.get(word);
        const after = second === undefined ? config.revision : positiveCount(second);
        const before = first === undefined ? after - 1 : positiveCount(first);
        const textOf = async (number: number) => (number === 0 ? "" : (await api.revision(config.id, number)).text);
        const name = (number: number) => `${config.name} (revision ${number})`;
        const names = { before: before === 0 ? "/dev/null" : name(before), after: name(after) };
        const lines = unifiedDiff(await textOf(before), await textOf(after), names);
        context.present({ before, after, diff: lines.join("\n") }, () => showDiff(context, lines));
      }),
    );
}

function addWriting(configs: Command, bind: Bind): void {
  addToldOptions(
    configs
      .command("create")
      .argument("<name>")
      .description("write a config; nobody gets it before it is given to a group")
      .requiredOption("--kind <kind>", "what it is for; `muster configs kinds` lists them")
      .requiredOption("-f, --file <file>", "its text; - reads it from stdin")
      .addOption(
        new Option("--format <format>", "what the text is; default: the first one of its kind").choices(CONFIG_FORMATS),
      ),
  ).action(
    bind<CreateFlags>(async (context, { args: [name = ""], flags }) => {
      const { configs: api } = await context.client();
      const { kind, format } = flags;
      const text = await readTextFile(context.host, flags.file);
      const config = await api.create({ name, kind, ...(format && { format }), text, ...told(context, flags) });
      context.present(config, () => context.terminal.line(describeWritten(config)));
    }),
  );
  addToldOptions(
    configs
      .command("edit")
      .argument("<config>", "name or id")
      .description("write a new revision; nobody gets it before it is given to a group")
      .option("-f, --file <file>", "the new text; - reads it from stdin")
      .option("--base <revision>", "only if this is still the newest revision", positiveCount),
  ).action(
    bind<EditFlags>(async (context, { args: [word = ""], flags }) => {
      const { configs: api } = await context.client();
      const { id } = await api.get(word);
      const config = await api.change(id, {
        ...(flags.file !== undefined && { text: await readTextFile(context.host, flags.file) }),
        ...(flags.base !== undefined && { baseRevision: flags.base }),
        ...told(context, flags),
      });
      context.present(config, () => context.terminal.line(describeWritten(config)));
    }),
  );
  configs
    .command("remove")
    .alias("rm")
    .argument("<config>", "name or id")
    .description("remove a config; its agents lose it")
    .option("--yes", "do not ask")
    .action(
      bind<{ yes?: boolean }>(async (context, { args: [word = ""], flags }) => {
        const { configs: api } = await context.client();
        const config = await api.get(word);
        const name = sanitizeLine(config.name);
        const question = `Remove ${name}, which ${plural(config.groups.length, "group")} have? Their agents lose it.`;
        if (!flags.yes) await confirm(context.host, question);
        await api.remove(config.id);
        context.present({ removed: config.id }, () => context.terminal.line(`removed ${name}`));
      }),
    );
}

function addToldOptions(command: Command): Command {
  return command
    .option("--description <text>", "what it is for")
    .option("--agent-type <type>", "only for agents of this type, such as ilogtail")
    .option("--expires <duration>", "after this time nobody may start it any more", durationMs)
    .option("-m, --message <text>", "why, for the history");
}

function told({ clock }: Context, { description, agentType, expires, message }: ToldFlags) {
  return {
    ...(description !== undefined && { description }),
    ...(agentType !== undefined && { agentType }),
    ...(expires !== undefined && { expiresAt: toIso(clock.now() + expires) }),
    ...(message !== undefined && { message }),
  };
}

function present<Row>(context: Context, rows: readonly Row[], columns: (now: number) => readonly Column<Row>[]): void {
  const { terminal } = context;
  context.present(rows, () => terminal.lines(renderTable(columns(context.clock.now()), rows, terminal.width)));
}

function describeWritten({ name, revision }: Config): string {
  return `${sanitizeLine(name)}  revision ${revision}`;
}

function describeConfig(config: Config): string[] {
  return renderFacts([
    ["name", config.name],
    ["id", config.id],
    ["kind", `${config.kind} (${config.format})`],
    ["description", config.description || null],
    ["for agents", config.agentType || "that can take its kind"],
    ["expires", config.expiresAt],
    ["newest", `revision ${config.revision}, ${config.updatedAt} by ${config.updatedBy}`],
    ["groups", groupsOf(config) || null],
    ["rollout", config.rolloutId],
  ]);
}

function describeRevision(revision: ConfigRevision): string[] {
  return renderFacts([
    ["revision", `${revision.revision}, ${revision.createdAt} by ${revision.createdBy}`],
    ["message", revision.message || null],
    ["asks for", revision.variables.join(", ") || null],
  ]);
}

/** With the revision where a group has not the newest one. */
function groupsOf(config: Config): string {
  const words = config.groups.map(({ name, revision }) =>
    revision === config.revision ? name : `${name} (revision ${revision})`,
  );
  return words.join(", ");
}

function configColumns(now: number): Column<Config>[] {
  return [
    { title: "NAME", value: (config) => config.name, flexible: true },
    { title: "KIND", value: (config) => config.kind },
    { title: "REV", value: (config) => String(config.revision), align: "right" },
    { title: "GROUPS", value: (config) => groupsOf(config) || "–", flexible: true },
    { title: "ROLLOUT", value: (config) => (config.rolloutId === null ? "–" : "under way") },
    { title: "CHANGED", value: (config) => formatAgo(config.updatedAt, now) },
    { title: "BY", value: (config) => config.updatedBy, flexible: true },
  ];
}

const KINDS: readonly Column<ConfigKind>[] = [
  { title: "KIND", value: (kind) => kind.id },
  { title: "WHAT", value: (kind) => kind.title, flexible: true },
  { title: "FORMATS", value: (kind) => kind.formats.join(", ") },
  { title: "AGENTS THAT CAN", value: (kind) => kind.capability },
];

function revisionColumns(now: number): Column<ConfigRevision>[] {
  return [
    { title: "REV", value: (one) => String(one.revision), align: "right" },
    { title: "WHEN", value: (one) => formatAgo(one.createdAt, now) },
    { title: "WHO", value: (one) => one.createdBy, flexible: true },
    { title: "WHY", value: (one) => one.message || "–", flexible: true },
    { title: "ASKS FOR", value: (one) => one.variables.join(", ") || "–", flexible: true },
  ];
}

function agentColumns(now: number): Column<AgentConfig>[] {
  return [{ title: "AGENT", value: (one) => one.agentName, flexible: true }, ...truthColumns(now)];
}

function ofAgentColumns(now: number): Column<AgentConfig>[] {
  return [{ title: "CONFIG", value: (one) => one.configName, flexible: true }, ...truthColumns(now)];
}

function truthColumns(now: number): Column<AgentConfig>[] {
  return [
    { title: "STATUS", value: (one) => (one.drifted ? `${one.status}, drifted` : one.status) },
    { title: "WANTED", value: (one) => String(one.wanted ?? "–"), align: "right" },
    { title: "RUNS", value: (one) => String(one.applied ?? "–"), align: "right" },
    { title: "SINCE", value: (one) => formatAgo(one.since, now) },
    { title: "ERROR", value: (one) => one.error ?? "", flexible: true },
  ];
}
