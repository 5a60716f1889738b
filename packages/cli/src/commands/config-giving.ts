import type { ConfigPlan } from "@muster/core/resources";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import type { Bind } from "../program.ts";
import { resolveAgent, resolveGroup } from "../resolve.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { type Column, renderTable } from "../terminal/table.ts";
import { positiveCount } from "../values.ts";

interface AssignFlags {
  readonly revision?: number;
  readonly dryRun?: boolean;
}

/** `muster configs assign`, `unassign` and `retry`: who has what, at once. */
export function addConfigGiving(configs: Command, bind: Bind): void {
  configs
    .command("assign")
    .argument("<config>", "name or id")
    .argument("<group...>", "names or ids")
    .description("give groups a config at once; `muster rollouts start` does it in waves")
    .option("--revision <revision>", "this one; default: the newest", positiveCount)
    .option("--dry-run", "only show which agents would get another text")
    .action(
      bind<AssignFlags>(async (context, { args: [word = "", ...groups], flags }) => {
        const client = await context.client();
        const config = await client.configs.get(word);
        const revision = flags.revision ?? config.revision;
        const ids: string[] = [];
        for (const group of groups) ids.push((await resolveGroup(client, group)).id);
        if (flags.dryRun)
          return showPlan(context, await client.configs.plan({ configId: config.id, revision, groups: ids }));
        for (const id of ids) await client.configs.assign(config.id, id, revision);
        context.present({ configId: config.id, revision, groups: ids }, () =>
          context.terminal.lines(
            groups.map((group) => `gave ${label(config.name, revision)} to ${sanitizeLine(group)}`),
          ),
        );
      }),
    );
  configs
    .command("unassign")
    .argument("<config>", "name or id")
    .argument("<group...>", "names or ids")
    .description("take a config from groups; agents that have it from no other group lose it")
    .action(
      bind(async (context, { args: [word = "", ...groups] }) => {
        const client = await context.client();
        const config = await client.configs.get(word);
        const ids: string[] = [];
        for (const group of groups) ids.push((await resolveGroup(client, group)).id);
        for (const id of ids) await client.configs.unassign(config.id, id);
        context.present({ configId: config.id, groups: ids }, () =>
          context.terminal.lines(
            groups.map((group) => `took ${sanitizeLine(config.name)} from ${sanitizeLine(group)}`),
          ),
        );
      }),
    );
  configs
    .command("retry")
    .argument("<config>", "name or id")
    .argument("<agent...>", "ids, names or hostnames")
    .description("offer agents again what failed on them")
    .action(
      bind(async (context, { args: [word = "", ...agents] }) => {
        const client = await context.client();
        const config = await client.configs.get(word);
        for (const agent of agents) await client.configs.retry((await resolveAgent(client, agent)).id, config.id);
        context.present({ configId: config.id, agents }, () =>
          context.terminal.lines(agents.map((agent) => `${sanitizeLine(agent)} is offered it again`)),
        );
      }),
    );
}

/** What would change, before it is done. */
export function showPlan(context: Context, plan: ConfigPlan): void {
  context.present(plan, () => {
    const { terminal } = context;
    if (plan.items.length > 0) terminal.lines(renderTable(PLANNED, plan.items, terminal.width));
    const { changed, unchanged, unable } = plan;
    terminal.note(`${changed} would get another text, ${unchanged} have it, ${unable} cannot take it`);
  });
}

function label(name: string, revision: number): string {
  return `${sanitizeLine(name)} (revision ${revision})`;
}

const PLANNED: readonly Column<ConfigPlan["items"][number]>[] = [
  { title: "AGENT", value: (item) => item.agentName, flexible: true },
  { title: "OUTCOME", value: (item) => item.outcome },
  { title: "FROM", value: (item) => String(item.from ?? "–"), align: "right" },
  { title: "TO", value: (item) => String(item.to ?? "–"), align: "right" },
  { title: "REASON", value: (item) => item.reason ?? "", flexible: true },
];
