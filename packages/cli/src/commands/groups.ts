import type { Group } from "@muster/core/resources";
import { collectAll } from "@muster/sdk";
import { selectorOfLabels } from "../labels.ts";
import type { CommandFile } from "../program.ts";
import { confirm } from "../prompt.ts";
import { resolveAgent, resolveGroup } from "../resolve.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { type Column, renderFacts, renderTable } from "../terminal/table.ts";
import { collect } from "../values.ts";

interface CreateFlags {
  readonly label?: string[];
  readonly selector?: string;
  readonly agent?: string[];
  readonly description?: string;
}

const COLUMNS: readonly Column<Group>[] = [
  { title: "NAME", value: (group) => group.name, flexible: true },
  { title: "AGENTS", value: (group) => String(group.agents), align: "right" },
  { title: "SELECTOR", value: (group) => group.selector ?? "–", flexible: true },
  { title: "DESCRIPTION", value: (group) => group.description, flexible: true },
  { title: "ID", value: (group) => group.id },
];

export const addGroups: CommandFile = (program, bind) => {
  const groups = program.command("groups").description("list, show, create and remove groups of agents");
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
  groups
    .command("create")
    .argument("<name>")
    .description("create a group of everyone a selector meets, and of agents named one by one")
    .option("--label <key=value>", "agents with this label; repeatable", collect)
    .option("--selector <selector>", 'agents that meet it, such as "role=web,env!=dev"')
    .option("--agent <agent>", "this agent; repeatable", collect)
    .option("--description <text>", "what it is for")
    .action(
      bind<CreateFlags>(async (context, { args, flags }) => {
        const client = await context.client();
        const agentIds: string[] = [];
        for (const word of flags.agent ?? []) agentIds.push((await resolveAgent(client, word)).id);
        const group = await client.groups.create({
          name: args[0] ?? "",
          selector: selectorOfLabels(flags.label ?? [], flags.selector) ?? null,
          agentIds,
          ...(flags.description !== undefined && { description: flags.description }),
        });
        context.present(group, () => context.terminal.lines(describeGroup(group)));
      }),
    );
  groups
    .command("rm")
    .argument("<group>", "id or name")
    .description("remove a group; its agents stay")
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

function describeGroup(group: Group): string[] {
  return renderFacts([
    ["name", group.name],
    ["id", group.id],
    ["description", group.description || null],
    ["selector", group.selector],
    ["named agents", group.agentIds.join(", ") || null],
    ["agents", String(group.agents)],
    ["created", group.createdAt],
  ]);
}
