import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";
import { matchesSelector, parseSelector } from "@muster/core";
import type { Agent, Command, Run } from "@muster/core/resources";
import * as configs from "./mock-configs.ts";
import { countRuns, iso, makeAgent, makeCommand, makeOutput, makeSample, random } from "./mock-fleet.ts";
import * as inputs from "./mock-inputs.ts";
import { serveLive } from "./mock-live.ts";
import { listRecords } from "./mock-records.ts";

/**
 * A server of make-believe for working on the console and for its pictures: the API with a generated fleet, no
 * database, no agents, everybody is admin.   node dev/mock-server.ts --agents 300 --port 9998 --ugly
 */
const { values: flags } = parseArgs({
  options: {
    agents: { type: "string", default: "300" },
    port: { type: "string", default: "9998" },
    ugly: { type: "boolean", default: false },
    dist: { type: "string", default: join(import.meta.dirname, "../dist") },
  },
});

const now = () => Date.now();
const started = now();

export interface MockFleet {
  readonly agents: Agent[];
  readonly commands: { command: Command; runs: Run[] }[];
}

const agents = Array.from({ length: Number(flags.agents) }, (_, number) => makeAgent(number, flags.ugly, started));
agents.sort((a, b) => (a.name < b.name ? -1 : 1));
const commands =
  agents.length === 0 ? [] : Array.from({ length: 40 }, (_, number) => makeCommand(number, agents, started)).reverse();
const fleet: MockFleet = { agents, commands };

function countAgents() {
  const of = (status: string) => agents.filter((agent) => agent.status === status).length;
  const conflicts = agents.filter((agent) => agent.connections > 1).length;
  return { total: agents.length, online: of("online"), stale: of("stale"), offline: of("offline"), conflicts };
}

function page<Item>(items: readonly Item[], query: URLSearchParams) {
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 100);
  const nextCursor = from + limit < items.length ? String(from + limit) : null;
  return { items: items.slice(from, from + limit), nextCursor };
}

function listAgents(query: URLSearchParams) {
  const filter = query.get("filter")?.toLowerCase() ?? "";
  const terms = parseSelector(query.get("selector") ?? "");
  const status = query.get("status");
  const found = agents.filter(
    (agent) =>
      (!status || agent.status === status) &&
      matchesSelector(agent.labels, terms) &&
      `${agent.name} ${agent.addresses[0]}`.toLowerCase().includes(filter),
  );
  if (query.get("sort") === "-name") found.reverse();
  if (query.get("sort") === "-firstSeenAt") found.sort((a, b) => (a.firstSeenAt < b.firstSeenAt ? 1 : -1));
  return { ...page(found, query), total: found.length };
}

interface MockTargets {
  readonly ids?: readonly string[];
  readonly selector?: string;
  readonly groups?: readonly string[];
  readonly all?: boolean;
}

function targetsOf(targets: MockTargets): Agent[] {
  const selector = targets.selector ?? (targets.groups?.length ? "role=web" : undefined);
  const terms = selector ? parseSelector(selector) : undefined;
  return agents.filter(
    (agent) => targets.all || targets.ids?.includes(agent.id) || (terms && matchesSelector(agent.labels, terms)),
  );
}

function preview({ targets }: { targets: MockTargets }) {
  const hit = targetsOf(targets);
  const items = hit
    .slice(0, 1000)
    .map(({ id, name, status, capabilities }) => ({ id, name, status, canRun: capabilities.includes("command") }));
  return { total: hit.length, online: hit.filter((agent) => agent.status === "online").length, items };
}

function metrics(query: URLSearchParams) {
  const from = Date.parse(query.get("from") ?? "");
  const to = Date.parse(query.get("to") ?? "");
  const points = Number(query.get("maxPoints") ?? 600);
  const stepMs = Math.max(10_000, Math.ceil((to - from) / points / 1000) * 1000);
  const count = Math.ceil((to - from) / stepMs);
  const number = agents.findIndex((agent) => agent.id === query.get("agentId"));
  const agent = agents[number];
  const present: Partial<Record<string, number>> = agent ? makeSample(agent, number, now()).values : {};
  const series = (query.get("names") ?? "").split(",").map((name) => {
    const base = present[name] ?? (name.includes("cpu") ? 0.05 : name.includes("memory") ? 4e10 : 2);
    let level = base;
    const avg = Array.from({ length: count }, (_, index) => {
      level = Math.max(0, level + (base - level) * 0.08 + (random() - 0.5) * base * 0.16);
      return index > count * 0.55 && index < count * 0.62 ? null : level;
    });
    return { name, unit: "1", avg, min: avg, max: avg };
  });
  return { from: iso(from), stepMs, series };
}

const ME = { kind: "user", id: "u1", name: "admin", role: "admin" };
const token = (name: string) => ({
  id: name,
  name,
  hint: "mst_3f9a",
  scopes: ["operator"],
  createdAt: iso(started),
  createdBy: "admin",
  expiresAt: iso(started + 9e9),
  lastUsedAt: iso(started - 3e6),
  agents: 12,
});
const groups = [
  {
    id: "default",
    name: "default",
    description: "Everyone",
    selector: null,
    agentIds: [],
    agents: agents.length,
    tags: [],
    position: 0,
    createdAt: iso(started),
  },
  {
    id: "g1",
    name: "Web tier",
    description: "Everything behind the balancer",
    selector: "role=web",
    agentIds: [],
    agents: 51,
    tags: [{ name: "tier", value: "web" }],
    position: 1,
    createdAt: iso(started),
  },
  {
    id: "g2",
    name: "Canaries",
    description: "",
    selector: null,
    agentIds: agents.slice(0, 3).map((agent) => agent.id),
    agents: 3,
    tags: [],
    position: 2,
    createdAt: iso(started),
  },
];

function system() {
  const door = (name: string, policy: string, openTo: string) => ({
    name,
    policy,
    listeners: ["127.0.0.1:9999"],
    openTo,
    connections: agents.length,
  });
  return {
    version: "0.1.0",
    startedAt: iso(started - 7e8),
    now: iso(now()),
    publicUrl: "http://127.0.0.1:9999",
    database: "sqlite",
    bus: "local",
    agents: countAgents(),
    commands: { running: 1, last24h: 31 },
    doors: [door("node", "token", "anybody with an enrolment token")],
    warnings: flags.ugly
      ? [
          {
            code: "default_token",
            message:
              "The well-known token default-token is accepted: anybody who knows the product can enrol an agent.",
          },
        ]
      : [],
  };
}

type Answer = (query: URLSearchParams, body: never, ids: string[]) => unknown;
const findCommand = (id: string | undefined) => commands.find(({ command }) => command.id === id);
const allRuns = () =>
  commands.flatMap(({ command, runs }) => runs.map((run) => ({ ...run, commandText: command.text ?? "" })));

const ROUTES: Readonly<Record<string, Answer>> = {
  "POST login": () => ME,
  "POST logout": () => ({}),
  "GET me": () => ME,
  "GET system": system,
  "GET openapi.json": () => ({
    paths: {
      "/fleet/v1/agents": { get: { summary: "Agents, page by page", responses: { 200: { description: "a page" } } } },
    },
  }),
  "GET agents": listAgents,
  "GET agents/labels": () => ({
    items: ["role", "zone", "env"].map((key) => ({
      key,
      values: [...new Set(agents.map((agent) => agent.labels[key] ?? ""))].map((value) => ({
        value,
        agents: agents.filter((agent) => agent.labels[key] === value).length,
      })),
    })),
  }),
  "GET agents/*": (_, __, [id]) => agents.find((agent) => agent.id === id),
  "PATCH agents/*": (_, body, [id]) => Object.assign(agents.find((agent) => agent.id === id) ?? {}, body),
  "GET agents/*/sample": (_, __, [id]) =>
    agents.flatMap((agent, number) => (agent.id === id && agent.gauges ? [makeSample(agent, number, now())] : []))[0],
  "GET agents/*/runs": (query, __, [id]) =>
    page(
      allRuns().filter((run) => run.agentId === id),
      query,
    ),
  "GET agents/*/inputs": (_, __, [id]) => ({ items: inputs.listInputs(id ?? "") }),
  "GET agents/*/inputs/available": () => ({ items: inputs.AVAILABLE }),
  "GET agents/*/inputs/samples/*": (_, __, [, name]) => ({ input: name, toml: inputs.sampleOf(name ?? "cpu") }),
  "GET agents/*/inputs/*": (_, __, [id, inputId]) => inputs.findInput(id ?? "", inputId ?? ""),
  "PUT agents/*/inputs/*": (_, body, [id, inputId]) =>
    inputs.refusalOf((body as { toml: string }).toml) ?? {
      ...inputs.findInput(id ?? "", inputId ?? ""),
      status: "running",
      error: null,
    },
  "POST agents/*/inputs": (_, body, [id]) =>
    inputs.refusalOf((body as { toml: string }).toml) ?? inputs.listInputs(id ?? "")[0],
  "POST agents/*/inputs/test": (_, body) =>
    inputs.refusalOf((body as { toml: string }).toml) ?? {
      output:
        "nginx,nginx_server=127.0.0.1,nginx_port=80 connection_active=3i,connection_accepts=1804i,connection_handled=1804i,connection_requests=5213i,connection_reading=0i,connection_writing=1i,connection_waiting=2i 1764040000000000000\n",
    },
  "POST agents/*/inputs/reload": (_, __, [id]) => ({ items: inputs.listInputs(id ?? "") }),
  "GET agents/*/inputs/*/revisions": (_, __, [, inputId]) => ({ items: inputs.listRevisions(inputId ?? "") }),
  "POST inputs": (_, body) =>
    inputs.refusalOf((body as { toml: string }).toml) ??
    inputs.addToMany(targetsOf((body as { targets: MockTargets }).targets)),
  "GET groups": (query) => page(groups, query),
  "GET groups/*": (_, __, [id]) => groups.find((group) => group.id === id),
  "PUT groups/*": (_, __, [id]) => groups.find((group) => group.id === id),
  "POST groups/preview": (_, body) => {
    const hit = targetsOf(body as MockTargets);
    return { agents: hit.length, items: hit.slice(0, 100).map(({ id, name, status }) => ({ id, name, status })) };
  },
  "GET config-kinds": () => ({ items: configs.KINDS }),
  "GET configs": (query) => page(configs.listConfigs(query), query),
  "POST configs": (_, body) =>
    inputs.refusalOf((body as { text: string }).text) ? undefined : configs.findConfig("c4"),
  "POST configs/plan": (_, body) => configs.planConfig(agents, body),
  "GET configs/*": (_, __, [id]) => configs.findConfig(id ?? ""),
  "PATCH configs/*": (_, body, [id]) =>
    inputs.refusalOf((body as { text: string }).text) ?? configs.findConfig(id ?? ""),
  "GET configs/*/revisions": (_, __, [id]) => ({ items: configs.listRevisions(id ?? "") }),
  "GET configs/*/revisions/*": (_, __, [id, revision]) =>
    configs.listRevisions(id ?? "").find((each) => String(each.revision) === revision),
  "GET configs/*/agents": (query, __, [id]) => {
    const found = configs.findConfig(id ?? "");
    const rows = found ? configs.listAgentConfigs(agents, found) : [];
    return page(
      rows.filter(({ status }) => !query.get("status") || query.get("status") === status),
      query,
    );
  },
  "GET agents/*/configs": (_, __, [id]) => ({ items: configs.configsOfAgent(agents, id ?? "") }),
  "POST agents/*/configs/*/retry": () => ({}),
  "GET rollouts": (query) => page(query.get("configId") === "c1" ? configs.listRollouts() : [], query),
  "POST rollouts": () => configs.findRollout("r1"),
  "GET rollouts/*": (_, __, [id]) => configs.findRollout(id ?? ""),
  "GET rollouts/*/agents": (query) => page(configs.listRolloutAgents(agents, query), query),
  "GET rollouts/*/errors": (_, __, [id]) => ({ items: id === "r3" ? [] : configs.ROLLOUT_ERRORS }),
  "POST rollouts/*/pause": (_, __, [id]) => configs.actOnRollout(id ?? "", "paused"),
  "POST rollouts/*/resume": (_, __, [id]) => configs.actOnRollout(id ?? "", "running"),
  "POST rollouts/*/cancel": (_, __, [id]) => configs.actOnRollout(id ?? "", "cancelled"),
  "POST rollouts/*/rollback": (_, __, [id]) => configs.actOnRollout(id ?? "", "rolled_back"),
  "GET secrets": () => ({ items: configs.listSecrets() }),
  "GET commands": (query) =>
    page(
      commands
        .map(({ command }) => command)
        .filter(
          (command) =>
            (!query.get("status") || command.status === query.get("status")) &&
            (command.text ?? "").includes(query.get("filter") ?? ""),
        ),
      query,
    ),
  "POST commands": () => commands[0]?.command,
  "POST commands/preview": (_, body) => preview(body),
  "GET commands/*": (_, __, [id]) => findCommand(id)?.command,
  "GET commands/*/runs": (query, __, [id]) => page(findCommand(id)?.runs ?? [], query),
  "GET runs": (query) => page(allRuns(), query),
  "GET runs/*": (_, __, [id]) => allRuns().find((run) => run.id === id),
  "GET runs/*/output": (_, __, [id]) =>
    allRuns()
      .filter((run) => run.id === id)
      .flatMap(makeOutput)
      .map((chunk) => JSON.stringify(chunk))
      .join("\n"),
  "GET records": (query) => listRecords(agents, query),
  "GET metrics": metrics,
  "GET users": () => ({
    items: [
      { ...ME, username: "admin", disabled: false, createdAt: iso(started), lastLoginAt: iso(started) },
      { id: "u2", username: "ada", role: "operator", disabled: true, createdAt: iso(started), lastLoginAt: null },
    ],
    nextCursor: null,
  }),
  "GET tokens": () => ({ items: [token("ci pipeline"), token("grafana")], nextCursor: null }),
  "GET enrollment-tokens": () => ({ items: [token("first start"), token("Berlin rack 4")], nextCursor: null }),
  "POST enrollment-tokens": () => ({
    id: "e9",
    token: "tkn_0f",
    installLine: `curl -fsS -H "Authorization: Bearer tkn_${"0f".repeat(16)}" http://127.0.0.1:9999/fleet/v1/install.sh | sh`,
    agentLine: `muster agent --server http://127.0.0.1:9999 --token tkn_${"0f".repeat(16)}`,
  }),
  "GET audit": (query) =>
    page(
      Array.from({ length: 500 }, (_, number) => ({
        id: String(number),
        at: iso(started - number * 777_000),
        actor: number % 5 ? "admin" : "token:ci",
        address: "127.0.0.1",
        action: ["command.create", "login", "token.create", "agent.update"][number % 4],
        target: number % 3 ? "web-001" : null,
        outcome: number % 7 ? "ok" : "refused",
        details: { text: "uptime", total: 37 },
      })),
      query,
    ),
};

function findRoute(method: string, parts: readonly string[]): { answer: Answer; ids: string[] } | undefined {
  const exact = ROUTES[`${method} ${parts.join("/")}`];
  if (exact) return { answer: exact, ids: [] };
  // the second part is an id, and what hangs below it may have a third
  for (const places of [[1], [1, 3], [1, 4]]) {
    const path = parts.map((part, index) => (places.includes(index) ? "*" : part)).join("/");
    const answer = ROUTES[`${method} ${path}`];
    if (answer) return { answer, ids: places.map((place) => parts[place] ?? "") };
  }
  return undefined;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

function sendFile(path: string, response: ServerResponse): void {
  const file = path.startsWith("/assets/") || path === "/first-paint.js" ? path : "/index.html";
  response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
  response.setHeader(
    "content-security-policy",
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
  );
  response.end(readFileSync(join(flags.dist, file)));
}

function isProblem(result: unknown): result is { status: number } {
  return typeof result === "object" && result !== null && "type" in result && "status" in result;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (!url.pathname.startsWith("/fleet/v1/")) return sendFile(url.pathname, response);
  const route = findRoute(
    request.method ?? "GET",
    url.pathname.slice("/fleet/v1/".length).split("/").map(decodeURIComponent),
  );
  let text = "";
  for await (const piece of request) text += piece;
  const result = route?.answer(url.searchParams, (text ? JSON.parse(text) : {}) as never, route.ids);
  response.setHeader("content-type", "application/json");
  if (result === undefined) {
    response.statusCode = 404;
    response.end(
      JSON.stringify({
        type: "about:blank",
        title: "Not found",
        status: 404,
        code: "not_found",
        detail: "no such thing here",
      }),
    );
  } else if (isProblem(result)) {
    response.statusCode = result.status;
    response.end(JSON.stringify(result));
  } else response.end(typeof result === "string" ? result : JSON.stringify(result));
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
});
serveLive(server, fleet, { counts: countAgents, recount: countRuns });
server.listen(Number(flags.port), "127.0.0.1", () => process.stdout.write(`mock: http://127.0.0.1:${flags.port}\n`));
