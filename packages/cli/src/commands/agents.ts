import { formatDuration } from "@muster/core";
import type { Agent, AgentStatus } from "@muster/core/resources";
import { collectAll } from "@muster/sdk";
import type { Context } from "../context.ts";
import { parseLabelChanges, selectorOfLabels } from "../labels.ts";
import type { CommandFile } from "../program.ts";
import { confirm } from "../prompt.ts";
import { resolveAgent, resolveGroup } from "../resolve.ts";
import { formatAgo, formatRatio, plural } from "../terminal/format.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { type Column, renderFacts, renderTable } from "../terminal/table.ts";
import { collect } from "../values.ts";

interface ListFlags {
  readonly label?: string[];
  readonly selector?: string;
  readonly group?: string;
  readonly status?: AgentStatus;
  readonly filter?: string;
}

export const addAgents: CommandFile = (program, bind) => {
  const agents = program.command("agents").description("list, show, label and remove agents");
  agents
    .command("ls", { isDefault: true })
    .description("list agents")
    .option("--label <key=value>", "only agents with this label; repeatable", collect)
    .option("--selector <selector>", 'only agents that meet it, such as "role=web,env!=dev"')
    .option("--group <group>", "only agents of this group (id or name)")
    .option("--status <status>", "online, stale or offline")
    .option("--filter <text>", "part of the name, hostname, external id or an address")
    .action(bind<ListFlags>(listAgents));
  agents
    .command("show")
    .argument("<agent>", "id, name or hostname")
    .description("show one agent in full")
    .action(
      bind(async (context, { args }) => {
        const agent = await resolveAgent(await context.client(), args[0] ?? "");
        context.present(agent, () => context.terminal.lines(describeAgent(agent, context)));
      }),
    );
  agents
    .command("rm")
    .argument("<agents...>", "ids, names or hostnames")
    .description("remove agents and end their connections")
    .option("--yes", "do not ask")
    .action(bind<{ yes?: boolean }>(removeAgents));
  agents
    .command("label")
    .argument("<agent>", "id, name or hostname")
    .argument("<changes...>", "key=value sets a label, key- removes it")
    .description("change the labels of an agent")
    .action(
      bind(async (context, { args: [word = "", ...changes] }) => {
        const client = await context.client();
        const agent = await resolveAgent(client, word);
        const updated = await client.agents.update(agent.id, { labels: parseLabelChanges(agent.labels, changes) });
        context.present(updated, () => context.terminal.line(sanitizeLine(formatLabels(updated)) || "no labels"));
      }),
    );
};

async function listAgents(context: Context, { flags }: { flags: ListFlags }): Promise<void> {
  const client = await context.client();
  const selector = selectorOfLabels(flags.label ?? [], flags.selector);
  const agents = await collectAll(
    client.agents.listAll({
      ...(selector !== undefined && { selector }),
      ...(flags.group !== undefined && { group: (await resolveGroup(client, flags.group)).id }),
      ...(flags.status !== undefined && { status: flags.status }),
      ...(flags.filter !== undefined && { filter: flags.filter }),
    }),
  );
  context.present(agents, () => {
    if (agents.length === 0) context.terminal.note("no agents; `muster enroll` prints the line that adds a host");
    else context.terminal.lines(renderTable(agentColumns(context), agents, context.terminal.width));
  });
}

async function removeAgents(
  context: Context,
  { args, flags }: { args: readonly string[]; flags: { yes?: boolean } },
): Promise<void> {
  const client = await context.client();
  const agents: Agent[] = [];
  for (const word of args) agents.push(await resolveAgent(client, word));
  const names = agents.map((agent) => sanitizeLine(agent.name)).join(", ");
  if (!flags.yes)
    await confirm(context.host, `Remove ${plural(agents.length, "agent")} (${names}) with their history?`);
  for (const agent of agents) await client.agents.remove(agent.id);
  context.present({ removed: agents.map((agent) => agent.id) }, () => context.terminal.line(`removed ${names}`));
}

function agentColumns(context: Context): Column<Agent>[] {
  const now = context.clock.now();
  const gauge = (pick: (gauges: NonNullable<Agent["gauges"]>) => number | null) => (agent: Agent) => {
    const value = agent.gauges && agent.status === "online" ? pick(agent.gauges) : null;
    return value === null ? "–" : formatRatio(value);
  };
  return [
    { title: "NAME", value: (agent) => agent.name, flexible: true },
    {
      title: "STATUS",
      value: (agent) => (agent.connections > 1 ? `${agent.status}, ${agent.connections} claim it` : agent.status),
      paint: (text, agent) => paintStatus(context, agent.status)(text),
    },
    { title: "CPU", value: gauge(({ cpu }) => cpu), align: "right" },
    { title: "MEMORY", value: gauge(({ memory }) => memory), align: "right" },
    { title: "DISK", value: gauge(({ filesystem }) => filesystem), align: "right" },
    { title: "LABELS", value: formatLabels, flexible: true },
    { title: "SEEN", value: (agent) => formatAgo(agent.lastSeenAt, now) },
    { title: "ID", value: (agent) => agent.id },
  ];
}

function describeAgent(agent: Agent, context: Context): string[] {
  const now = context.clock.now();
  return renderFacts([
    ["name", agent.name],
    ["id", agent.id],
    ["status", `${agent.status} since ${agent.statusSince}: ${agent.statusReason}`],
    ["protocol", `${agent.protocol} (${agent.externalId})`],
    ["hostname", agent.hostname],
    ["addresses", agent.addresses.join(", ") || null],
    ["system", [agent.os, agent.arch].filter((part) => part !== null).join(" ") || null],
    ["version", agent.version],
    ["labels", formatLabels(agent) || null],
    ["capabilities", agent.capabilities.join(", ") || null],
    ["first seen", agent.firstSeenAt],
    ["last seen", `${agent.lastSeenAt ?? "never"} (${formatAgo(agent.lastSeenAt, now)})`],
    ["connections", String(agent.connections)],
    [
      "clock",
      agent.clockSkewMs === null
        ? null
        : `${agent.clockSkewMs < 0 ? "-" : "+"}${formatDuration(Math.abs(agent.clockSkewMs))}`,
    ],
  ]);
}

function formatLabels(agent: Agent): string {
  return Object.entries(agent.labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

function paintStatus(context: Context, status: AgentStatus): (text: string) => string {
  const { style } = context.terminal;
  return { online: style.green, stale: style.yellow, offline: style.dim }[status];
}
