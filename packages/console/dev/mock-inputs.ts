import type { AvailableInput, Input, InputBulkAnswer, InputRevision } from "@muster/core/resources";
import { iso } from "./mock-fleet.ts";

/** Inputs of make-believe: the same for every agent, kept while the mock runs. Texts with `wrong` in them are refused. */

const started = Date.now();
const DAY = 86_400_000;

const of = (catalog: string, input: string, summary: string): AvailableInput => ({
  input,
  catalog,
  inputType: "datakit",
  summary,
});

export const AVAILABLE: readonly AvailableInput[] = [
  of("host", "cpu", "Time of every processor by what it was spent on"),
  of("host", "disk", "Room and inodes of filesystems"),
  of("host", "logfile", "Lines of log files, followed through rotations"),
  of("host", "mem", "Memory by use"),
  of("databases", "mysql", "State and throughput of MySQL and MariaDB"),
  of("databases", "postgresql", "Databases, tables and replication of PostgreSQL"),
  of("databases", "redis", "Memory, clients, commands and replication of Redis"),
  of("nginx", "nginx", "Connections and requests of nginx, from stub_status or vhost_traffic_status"),
  of("prometheus", "prom", "Scrapes whatever speaks the Prometheus text format"),
  of("checks", "http_check", "Whether addresses answer, how fast, and until when their certificates hold"),
];

export const sampleOf = (input: string) => `# Reads the status page of ${input}. It needs one, for example:
#   server { listen 127.0.0.1:80; location = /server_status { stub_status; allow 127.0.0.1; deny all; } }
[[inputs.${input}]]
  # How often it collects.
  interval = "10s"
  urls = ["http://127.0.0.1/server_status"]
  # "stub_status", "vts", or "auto" to see from the answer.
  format = "auto"
  timeout = "5s"
  max_body_size = 1_048_576
  insecure_skip_verify = false

  # Added to every point.
  [inputs.${input}.tags]
    # environment = "production"
`;

const input = (number: number, name: string, part: Partial<Input>): Input => ({
  id: `dkinput_cq3f9k8s4t0${String(number).padStart(9, "0")}`,
  inputs: [name],
  inputType: "datakit",
  managed: true,
  status: "running",
  error: null,
  file: `dkinput_cq3f9k8s4t0${String(number).padStart(9, "0")}.conf`,
  digest: "d",
  points: 8412 * number,
  lastPointAt: iso(Date.now() - 3000),
  agentId: "",
  revision: number,
  updatedAt: iso(started - number * DAY),
  updatedBy: number % 2 ? "ada" : "admin",
  drifted: false,
  ...part,
});

const INPUTS: readonly Input[] = [
  input(1, "cpu", {}),
  input(7, "nginx", {
    status: "fallback",
    error: "urls[0]: http://127.0.0.1:8080/server_status answered with status 404",
  }),
  input(2, "postgresql", {
    status: "failed",
    error: 'cannot start: no password for user "muster": set `password` or `password_file`',
    points: 0,
    lastPointAt: null,
  }),
  input(4, "redis", { error: "connect ECONNREFUSED 127.0.0.1:6379" }),
  input(3, "logfile", { drifted: true }),
  input(5, "disk", { status: "disabled", points: 0 }),
  input(6, "prom", {
    id: "legacy-prom.conf",
    managed: false,
    file: "legacy-prom.conf",
    revision: null,
    updatedAt: null,
    updatedBy: null,
  }),
];

export const listInputs = (agentId: string) =>
  INPUTS.map((item) => ({
    ...item,
    agentId,
    ...(item.lastPointAt !== null && { lastPointAt: iso(Date.now() - 3000) }),
  }));

export function findInput(agentId: string, inputId: string) {
  const found = listInputs(agentId).find(({ id }) => id === inputId);
  return found && { ...found, toml: sampleOf(found.inputs[0] ?? "cpu").replace("10s", "15s") };
}

export function listRevisions(inputId: string): InputRevision[] {
  const name = INPUTS.find(({ id }) => id === inputId)?.inputs[0] ?? "nginx";
  const first = sampleOf(name);
  const at = (number: number, toml: string, part: Partial<InputRevision>): InputRevision => ({
    inputId,
    revision: number,
    toml,
    createdAt: iso(started - (9 - number) * 7_000_000),
    createdBy: number % 2 ? "ada" : "admin",
    message: "changed",
    outcome: "applied",
    reason: null,
    ...part,
  });
  const second = first.replace("10s", "15s").replace('"5s"', '"3s"\n  # behind the balancer\n  bearer_token = ""');
  const port = second.replace("127.0.0.1/", "127.0.0.1:8080/");
  return [
    at(7, second, { message: "rolled back to 2" }),
    at(6, port.replace("timeout =", "timeot ="), {
      outcome: "refused",
      reason: "line 9: timeot is no option of nginx; did you mean timeout?",
    }),
    at(5, port, { message: "nginx listens on 8080 since the move, says the ticket" }),
    at(4, second, { message: "enabled" }),
    at(3, second, { message: "disabled" }),
    at(2, second, {}),
    at(1, first, { message: "added" }),
  ];
}

/** A problem document where the text has `wrong` in it. */
export function refusalOf(toml: string) {
  const lines = toml.split("\n");
  const line = lines.findIndex((text) => text.includes("wrong")) + 1;
  if (line === 0) return undefined;
  return {
    type: "urn:muster:error:invalid_argument",
    title: "Bad Request",
    status: 400,
    code: "invalid_argument",
    detail: "wrong is no option of this input; did you mean timeout?",
    details: { reason: "datakit.invalidConfig", line, column: (lines[line - 1]?.indexOf("wrong") ?? 0) + 1 },
  };
}

export function addToMany(agents: readonly { id: string; name: string; status: string }[]): InputBulkAnswer {
  const items = agents.map(({ id, name, status }, number): InputBulkAnswer["items"][number] => {
    const about = { agentId: id, agentName: name, inputId: null, status: null };
    if (status !== "online")
      return { ...about, outcome: "refused", code: "offline", reason: "the agent is not connected" };
    if (number % 9 === 4)
      return {
        ...about,
        outcome: "refused",
        code: "datakit.invalidConfig",
        reason: "line 5: urls: the host has no address 127.0.0.1",
      };
    if (number % 7 === 3)
      return { ...about, outcome: "unchanged", code: "dataway.duplicateInput", reason: "the agent has it already" };
    if (number % 23 === 11)
      return {
        ...about,
        outcome: "unknown",
        code: "deadline_exceeded",
        reason: "the agent did not answer within 30 s",
      };
    return {
      ...about,
      outcome: "applied",
      inputId: INPUTS[1]?.id ?? null,
      status: number % 5 === 2 ? "fallback" : "running",
      code: null,
      reason: null,
    };
  });
  const count = (outcome: string) => items.filter((item) => item.outcome === outcome).length;
  return {
    total: items.length,
    applied: count("applied"),
    unchanged: count("unchanged"),
    refused: count("refused"),
    unknown: count("unknown"),
    items,
  };
}
