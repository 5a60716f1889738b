import type { Group, GroupPreview } from "@muster/core/resources";
import { collectAll, type MusterClient } from "@muster/sdk";
import { type Command, InvalidArgumentError } from "commander";
import { usageError } from "../failure.ts";
import { selectorOfLabels } from "../labels.ts";
import type { Bind, CommandFile } from "../program.ts";
import { confirm } from "../prompt.ts";
import { resolveAgent, resolveGroup } from "../resolve.ts";
import { plural } from "../terminal/format.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { type Column, renderFacts, renderTable } from "../terminal/table.ts";
import { collect } from "../values.ts";

interface RuleFlags {
  readonly label?: string[];
  readonly selector?: string;
  readonly tag?: string[];
  readonly agent?: string[];
}

interface WriteFlags extends RuleFlags {
  readonly description?: string;
  readonly position?: number;
}

const COLUMNS: readonly Column<Group>[] = [
  { title: "NAME", value: (group) => group.name, flexible: true },
  { title: "AGENTS", value: (group) => String(group.agents), align: "right" },
  { title: "POSITION", value: (group) => String(group.position), align: "right" },
  { title: "SELECTOR", value: (group) => group.selector ?? "–", flexible: true },
  { title: "TAGS", value: (group) => tagsOf(group) || "–", flexible: true },
  { title: "DESCRIPTION", value: (group) => group.description, flexible: true },
  { title: "ID", value: (group) => group.id },
];

export const addGroups: CommandFile = (program, bind) => {
  const groups = program.command("groups").description("list, show, create, change and remove groups of agents");
  groups
    .command("ls", { isDefault: true })
    .description("list groups")
    .action(
      bind(async (context) => {
        const list = await collectAll((await context.client()).groups.listAll());
        context.present(list, () => context.terminal.lines(renderTable(COLUMNS, list, context.terminal.width)));
      }),
    );
  groups
    .command("show")
    .argument("<group>", "id or name")
    .description("show one group")
    .action(
      bind(async (context, { args }) => {
        const group = await resolveGroup(await context.client(), args[0] ?? "");
        context.present(group, () => context.terminal.lines(describeGroup(group)));
      }),
    );
  addWriting(groups, bind);
  groups
    .command("rm")
    .argument("<group>", "id or name")
    .description("remove a group; its agents stay, and lose the configs that only it gave them")
    .option("--yes", "do not ask")
    .action(
      bind<{ yes?: boolean }>(async (context, { args, flags }) => {
        const client = await context.client();
        const group = await resolveGroup(client, args[0] ?? "");
        if (!flags.yes) await confirm(context.host, `Remove the group ${sanitizeLine(group.name)}?`);
        await client.groups.remove(group.id);
        context.present({ removed: group.id }, () => context.terminal.line(`removed ${sanitizeLine(group.name)}`));
      }),
    );
};

function addWriting(groups: Command, bind: Bind): void {
  addRuleOptions(groups.command("create").argument("<name>").description("create a group of agents"))
    .option("--description <text>", "what it is for")
    .option("--position <number>", "where two groups give the same config the greater decides", wholeNumber)
    .action(
      bind<WriteFlags>(async (context, { args: [name = ""], flags }) => {
        const client = await context.client();
        const { description, position } = flags;
        const group = await client.groups.create({
          name,
          ...(await readRule(client, flags)),
          ...(description !== undefined && { description }),
          ...(position !== undefined && { position }),
        });
        context.present(group, () => context.terminal.lines(describeGroup(group)));
      }),
    );
  addRuleOptions(
    groups
      .command("set")
      .argument("<group>", "id or name")
      .description("change a group: what is named is replaced, everything else stays"),
  )
    .option("--name <name>", "another name")
    .option("--description <text>", "what it is for")
    .option("--position <number>", "where two groups give the same config the greater decides", wholeNumber)
    .action(
      bind<WriteFlags & { name?: string }>(async (context, { args: [word = ""], flags }) => {
        const client = await context.client();
        const before = await resolveGroup(client, word);
        const rule = await readRule(client, flags);
        const isNamed = { selector: flags.selector ?? flags.label, tags: flags.tag, agentIds: flags.agent };
        const group = await client.groups.replace(before.id, {
          name: flags.name ?? before.name,
          description: flags.description ?? before.description,
          position: flags.position ?? before.position,
          selector: isNamed.selector === undefined ? before.selector : rule.selector,
          tags: isNamed.tags === undefined ? before.tags : rule.tags,
          agentIds: isNamed.agentIds === undefined ? before.agentIds : rule.agentIds,
        });
        context.present(group, () => context.terminal.lines(describeGroup(group)));
      }),
    );
  addRuleOptions(groups.command("preview").description("who would be in a group, before there is one")).action(
    bind<RuleFlags>(async (context, { flags }) => {
      const client = await context.client();
      const preview = await client.groups.preview(await readRule(client, flags));
      context.present(preview, () => {
        context.terminal.lines(renderTable(MEMBERS, preview.items, context.terminal.width));
        context.terminal.note(plural(preview.agents, "agent"));
      });
    }),
  );
}

function addRuleOptions(command: Command): Command {
  return command
    .option("--label <key=value>", "agents with this label; repeatable, all must hold", collect)
    .option("--selector <selector>", 'agents that meet it, such as "role=web,env!=dev || gpu"')
    .option("--tag <name=value>", "agents with this tag; repeatable, one is enough", collect)
    .option("--agent <agent>", "this agent; repeatable", collect);
}

async function readRule(client: MusterClient, flags: RuleFlags) {
  const agentIds: string[] = [];
  for (const word of (flags.agent ?? []).filter(Boolean)) agentIds.push((await resolveAgent(client, word)).id);
  return {
    selector: selectorOfLabels(flags.label ?? [], flags.selector) || null,
    tags: (flags.tag ?? []).filter(Boolean).map(readTag),
    agentIds,
  };
}

function readTag(text: string): Group["tags"][number] {
  const equals = text.indexOf("=");
  if (equals === -1) throw usageError(`--tag ${text}: expected name=value`);
  return { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("expected a whole number");
  return Number(text);
}

function tagsOf(group: Group): string {
  return group.tags.map(({ name, value }) => `${name}=${value}`).join(", ");
}

const MEMBERS: readonly Column<GroupPreview["items"][number]>[] = [
  { title: "NAME", value: (agent) => agent.name, flexible: true },
  { title: "STATUS", value: (agent) => agent.status },
  { title: "ID", value: (agent) => agent.id },
];

function describeGroup(group: Group): string[] {
  return renderFacts([
    ["name", group.name],
    ["id", group.id],
    ["description", group.description || null],
    ["selector", group.selector],
    ["tags", tagsOf(group) || null],
    ["named agents", group.agentIds.join(", ") || null],
    ["agents", String(group.agents)],
    ["position", String(group.position)],
    ["created", group.createdAt],
  ]);
}
