import type { Agent, RecordItem, RecordPage } from "@muster/core/resources";
import { iso } from "./mock-fleet.ts";

/** Log lines of make-believe: one every four seconds up to now, the same whenever they are asked for. */

const EVERY_MS = 4000;
const KEPT = 3000;

const LINES = [
  ["nginx", "info", '10.0.3.7 - - "GET /api/orders?limit=50 HTTP/1.1" 200 5123 "-" "okhttp/4.12" 0.012'],
  ["nginx", "error", "upstream timed out (110: Connection timed out) while reading response header from upstream"],
  ["postgresql", "warning", "checkpoints are occurring too frequently (9 seconds apart)"],
  ["app", "debug", "cache miss for basket:8f2e1c, loading from the database"],
  [
    "app",
    "critical",
    "Unhandled rejection\nError: connect ECONNREFUSED 10.0.0.4:5432\n    at TCPConnectWrap.afterConnect (node:net:1607:16)\n    at Pool.query (/srv/app/db.js:41:9)",
  ],
  ["sshd", "notice", "Accepted publickey for deploy from 10.0.9.1 port 51022 ssh2: ED25519"],
  ["app", "info", `مرحبا <b>not bold</b> ${"a very long line ".repeat(20)}`],
] as const;

function makeRecord(number: number, agents: readonly Agent[]): RecordItem {
  const [measurement, status, message] = LINES[(number * 5) % LINES.length] ?? LINES[0];
  const agent = agents[number % Math.min(agents.length, 9)];
  const at = iso(number * EVERY_MS);
  return {
    id: `r${number}`,
    category: "logging",
    agentId: agent?.id ?? "",
    agentName: agent?.name ?? "",
    at,
    timeNs: `${number * EVERY_MS}000000`,
    receivedAt: at,
    measurement,
    status,
    message,
    tags: { host: agent?.hostname ?? "", service: measurement, filepath: `/var/log/${measurement}/current.log` },
    fields: { message, status, log_read_lines: number % 1000, duration: 0.012 },
  };
}

export function listRecords(agents: readonly Agent[], query: URLSearchParams): RecordPage {
  const newest = Math.floor(Date.now() / EVERY_MS);
  const matches = (record: RecordItem) =>
    (!query.get("contains") || record.message.toLowerCase().includes((query.get("contains") ?? "").toLowerCase())) &&
    (!query.get("status") || record.status === query.get("status")) &&
    (!query.get("measurement") || record.measurement === query.get("measurement")) &&
    (!query.get("agentId") || record.agentId === query.get("agentId")) &&
    record.at >= (query.get("from") ?? "") &&
    (!query.get("category") || query.get("category") === "logging");
  const after = query.get("after");
  if (after !== null) {
    const fresh = Array.from({ length: newest - Number(after) }, (_, index) => Number(after) + 1 + index);
    const items = fresh.map((number) => makeRecord(number, agents)).filter(matches);
    return { items, nextCursor: null, tailCursor: String(newest) };
  }
  const limit = Number(query.get("limit") ?? 100);
  const from = Number(query.get("cursor") ?? newest);
  const items: RecordItem[] = [];
  let number = from;
  for (; number > newest - KEPT && items.length < limit; number--) {
    const record = makeRecord(number, agents);
    if (matches(record)) items.push(record);
  }
  return { items, nextCursor: number > newest - KEPT ? String(number) : null, tailCursor: String(newest) };
}
