import type {
  Agent,
  AgentConfig,
  Config,
  ConfigPlan,
  ConfigRevision,
  ConfigSecret,
  ConfigStatus,
  Rollout,
  RolloutAgent,
} from "@muster/core/resources";
import { iso } from "./mock-fleet.ts";

/** Configs of make-believe: kept while the mock runs, given to made-up groups, rolled out by the clock. */

const started = Date.now();
const DAY = 86_400_000;

export const KINDS = [
  { id: "pipeline", title: "Pipeline of logs", formats: ["yaml", "json"], capability: "pipelines", fileNames: true },
  { id: "settings", title: "Settings of the agent", formats: ["json"], capability: "settings", fileNames: true },
  { id: "onetime", title: "One-time pipeline", formats: ["json", "yaml"], capability: "onetime", fileNames: true },
  { id: "file", title: "File", formats: ["text", "yaml", "toml", "json"], capability: "configs", fileNames: true },
];

const NGINX = `# Access log of the web tier, to the log service.
enable: true
global:
  StructureType: v2
inputs:
  - Type: input_file
    FilePaths:
      - /var/log/nginx/access.log
    MaxDirSearchDepth: 0
processors:
  - Type: processor_parse_regex_native
    SourceKey: content
    Regex: '(\\S+) - (\\S+) \\[([^\\]]+)\\] "(\\w+) (\\S+)'
flushers:
  - Type: flusher_http
    RemoteURL: "https://logs.example.internal/\${label.zone}"
    Headers:
      Authorization: "Bearer \${secret.log-token}"
`;

const TEXTS: Readonly<Record<string, readonly string[]>> = {
  c1: [
    NGINX.replace("MaxDirSearchDepth: 0\n", "").replace("StructureType: v2", "StructureType: v1"),
    NGINX.replace("MaxDirSearchDepth: 0", "MaxDirSearchDepth: 2"),
    NGINX.replace("StructureType: v2", "StructureType: v1"),
    NGINX,
  ],
  c2: ['{\n  "max_bytes_per_sec": 20971520,\n  "cpu_usage_limit": 0.4\n}\n'],
  c3: ["[sshd]\nenabled = true\n", "[sshd]\nenabled = true\nbantime = 3600\n"],
  c4: ['[[inputs.cpu]]\n  interval = "10s"\n', '[[inputs.cpu]]\n  interval = "15s"\n  percpu = true\n'],
};

const config = (id: string, name: string, part: Partial<Config>): Config => ({
  id,
  name,
  kind: "pipeline",
  format: "yaml",
  description: "",
  agentType: "",
  expiresAt: null,
  revision: TEXTS[id]?.length ?? 1,
  groups: [],
  rolloutId: null,
  createdAt: iso(started - 40 * DAY),
  updatedAt: iso(started - 2 * 3_600_000),
  updatedBy: "ada",
  ...part,
});

const given = (id: string, name: string, revision: number) => ({ id, name, revision });

const configs: Config[] = [
  config("c1", "nginx-access", {
    description: "Access log of the web tier",
    groups: [given("default", "default", 2), given("g1", "Web tier", 3)],
    rolloutId: "r1",
  }),
  config("c2", "agent-limits", {
    kind: "settings",
    format: "json",
    agentType: "ilogtail",
    groups: [given("default", "default", 1)],
  }),
  config("c3", "fail2ban", { kind: "file", format: "toml", groups: [given("g2", "Canaries", 2)] }),
  config("c4", "cpu", { kind: "file", format: "toml", description: "Time of every processor" }),
  config("c5", `${"an-unreasonably-long-name-for-a-config-".repeat(5)}end`, { description: "long ".repeat(40) }),
];

const MESSAGES = [
  "",
  "search two folders deep",
  "v1 again, v2 loses lines",
  "v2 with the fixed parser, see the ticket",
];

export function listRevisions(id: string): ConfigRevision[] {
  return [...(TEXTS[id] ?? ["enable: true\n"])]
    .map((text, index) => ({
      configId: id,
      revision: index + 1,
      text,
      digest: `${id}-${text.length}`,
      message: id === "c1" ? (MESSAGES[index] ?? "") : "",
      createdAt: iso(started - (5 - index) * DAY),
      createdBy: index % 2 ? "ada" : "admin",
      variables: text.includes("secret") ? ["label.zone", "secret.log-token"] : [],
    }))
    .reverse();
}

export const listConfigs = (query: URLSearchParams) =>
  configs.filter(
    ({ name, kind }) => name.includes(query.get("filter") ?? "") && (!query.get("kind") || query.get("kind") === kind),
  );
export const findConfig = (id: string) => configs.find((candidate) => candidate.id === id);

const ERRORS = [
  'processor_parse_regex_native: Regex: missing closing ]: "[^\\\\]]+)\\\\]"',
  "flusher_http: the agent has no label zone",
];

export function listAgentConfigs(agents: readonly Agent[], of: Config): AgentConfig[] {
  if (of.groups.length === 0) return [];
  return agents.slice(0, 120).map((agent, number) => agentConfig(agent, of, number));
}

export const configsOfAgent = (agents: readonly Agent[], agentId: string): AgentConfig[] => {
  const number = agents.findIndex(({ id }) => id === agentId);
  const agent = agents[number];
  return agent
    ? configs.filter(({ groups }) => groups.length > 0).map((of, step) => agentConfig(agent, of, number + step * 5))
    : [];
};

function agentConfig(agent: Agent, of: Config, number: number): AgentConfig {
  const statuses: readonly ConfigStatus[] = [
    "applied",
    "applied",
    "applied",
    "applied",
    "failed",
    "applying",
    "pending",
    "unknown",
  ];
  const status = agent.status === "offline" ? "pending" : (statuses[number % 8] ?? "applied");
  const group = of.groups.at(-1);
  const wanted = number % 31 === 30 ? null : (group?.revision ?? 1);
  return {
    agentId: agent.id,
    agentName: agent.name,
    configId: of.id,
    configName: of.name,
    groupId: wanted === null ? null : (group?.id ?? null),
    wanted,
    applied: status === "applied" ? wanted : status === "failed" || status === "applying" ? 1 : null,
    status,
    error: status === "failed" ? (ERRORS[number % 2] ?? null) : null,
    since: iso(started - number * 77_000),
    drifted: number % 17 === 3,
  };
}

export function planConfig(
  agents: readonly Agent[],
  body: { revision: number; groups: readonly string[] },
): ConfigPlan {
  const hit = body.groups.includes("default") ? agents : agents.slice(0, 51);
  const items = hit.slice(0, 100).flatMap((agent, number): ConfigPlan["items"] => {
    const about = { agentId: agent.id, agentName: agent.name };
    if (number % 13 === 4)
      return [{ ...about, outcome: "unable", from: null, to: null, reason: "the agent has no label zone" }];
    if (number % 5 === 2) return [];
    return [{ ...about, outcome: "changed", from: number % 7 === 3 ? null : 3, to: body.revision, reason: null }];
  });
  const count = (outcome: string) => items.filter((item) => item.outcome === outcome).length;
  const changed = count("changed");
  const unable = count("unable");
  return { changed, unable, unchanged: hit.length - changed - unable, items };
}

const rollouts: Rollout[] = [
  rollout("r1", { state: "running" }),
  rollout("r2", {
    state: "halted",
    reason: "3 of 12 agents failed, 1 was allowed",
    createdAt: iso(started - DAY),
    revision: 3,
    failureBudget: 1,
  }),
  rollout("r3", {
    state: "done",
    reason: "",
    createdAt: iso(started - 3 * DAY),
    endedAt: iso(started - 3 * DAY + 400_000),
    revision: 2,
  }),
  rollout("r4", {
    state: "rolled_back",
    reason: "rolled back by ada: revision 3 has the text of 1",
    createdAt: iso(started - 5 * DAY),
    endedAt: iso(started - 5 * DAY + 90_000),
    revision: 2,
  }),
];

function rollout(id: string, part: Partial<Rollout>): Rollout {
  return {
    id,
    configId: "c1",
    configName: "nginx-access",
    revision: 4,
    groups: [
      { id: "default", name: "default" },
      { id: "g1", name: "Web tier" },
    ],
    state: "running",
    reason: "",
    wave: 1,
    waves: [],
    healthyMs: 30_000,
    applyTimeoutMs: 600_000,
    failureBudget: "10%",
    createdAt: iso(started - 130_000),
    createdBy: "ada",
    endedAt: null,
    ...part,
  };
}

const SIZES = ["1", "10%", "50%", "100%"];
const AGENTS = [1, 11, 48, 60];

/** A running one goes on by the clock: a wave each half minute. */
function present(of: Rollout): Rollout {
  const step = (Date.now() - started) / 2000;
  const begun = of.state === "running" ? Math.min(4, 2 + Math.floor(step / 15)) : of.state === "halted" ? 2 : 4;
  const waves = AGENTS.map((agents, index) => {
    const isNow = index + 1 === begun && of.endedAt === null;
    const applied = isNow ? Math.min(agents - 4, Math.floor(4 + (step % 15) * 3)) : Math.max(1, agents - 2);
    if (index + 1 > begun) return { size: SIZES[index] ?? "", agents, applied: 0, failed: 0, pending: 0, offline: 0 };
    const failed = index === 1 ? (of.state === "halted" ? 3 : 1) : 0;
    const offline = agents > 20 ? 1 : 0;
    const done = Math.max(0, Math.min(agents - failed - offline, applied));
    return {
      size: SIZES[index] ?? "",
      agents,
      applied: done,
      failed,
      offline,
      pending: agents - done - failed - offline,
    };
  });
  return { ...of, wave: begun, waves };
}

export const listRollouts = () => rollouts.map(present);
export const findRollout = (id: string) => listRollouts().find((candidate) => candidate.id === id);

export function actOnRollout(id: string, state: Rollout["state"]) {
  const found = rollouts.find((candidate) => candidate.id === id);
  if (!found) return undefined;
  found.state = state;
  found.reason = state === "running" ? "resumed by admin" : `${state.replace("_", " ")} by admin`;
  if (state === "cancelled" || state === "rolled_back") found.endedAt = iso(Date.now());
  return present(found);
}

export function listRolloutAgents(agents: readonly Agent[], query: URLSearchParams): RolloutAgent[] {
  const states = ["healthy", "healthy", "healthy", "applied", "pending", "failed"] as const;
  return agents
    .slice(0, 120)
    .map((agent, number): RolloutAgent => {
      const wave = number < 1 ? 1 : number < 12 ? 2 : number < 60 ? 3 : 4;
      const state = wave > 2 ? "waiting" : (states[number % 6] ?? "pending");
      return {
        agentId: agent.id,
        agentName: agent.name,
        online: agent.status === "online",
        wave,
        state,
        error: state === "failed" ? (ERRORS[number % 2] ?? null) : null,
        since: iso(started - number * 3000),
      };
    })
    .filter(({ state }) => !query.get("state") || query.get("state") === state);
}

export const ROLLOUT_ERRORS = ERRORS.map((error, index) => ({ error, agents: 2 - index }));

const secrets: ConfigSecret[] = [
  {
    name: "log-token",
    description: "Writes to the log service",
    updatedAt: iso(started - 9 * DAY),
    updatedBy: "admin",
    usedBy: ["nginx-access"],
  },
  { name: "old-db-password", description: "", updatedAt: iso(started - 200 * DAY), updatedBy: "ada", usedBy: [] },
];
export const listSecrets = () => secrets;
