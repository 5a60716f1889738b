import { type HostValues, type Timestamp, toIso } from "@muster/core";
import type { Agent, LatestSample, RunStatus, RunWithCommand } from "@muster/core/resources";
import {
  toWireMetrics,
  type WireCommand,
  type WireCommandStatus,
  type WireMetric,
  type WireNode,
} from "@muster/protocols/node";

/** Instants as the seed's clients parse them: whole seconds. */
export function toWireTime(at: Timestamp): string {
  return `${toIso(at).slice(0, 19)}Z`;
}

export function toWireTimeOf(iso: string): string {
  return toWireTime(Date.parse(iso));
}

/** `2025-09-11 10:12:05`, which the seed's statistics use. */
export function toSqlTime(at: Timestamp | null): string | null {
  return at === null ? null : toIso(at).slice(0, 19).replace("T", " ");
}

/** Stale is offline in the seed's words: silent for too long. An agent that never registered has no name and no address. */
export function toWireNode(agent: Agent, number: number): WireNode {
  return {
    id: number,
    node_id: agent.externalId,
    hostname: agent.hostname === "" ? "unknown" : agent.hostname,
    ip_address: agent.addresses[0] ?? "0.0.0.0",
    os_info: agent.os,
    status: toWireStatus(agent.status),
    last_heartbeat: agent.lastSeenAt === null ? null : toWireTimeOf(agent.lastSeenAt),
    registered_at: toWireTimeOf(agent.firstSeenAt),
    updated_at: toWireTimeOf(agent.lastSeenAt ?? agent.statusSince),
  };
}

export function toWireStatus(status: Agent["status"]): WireNode["status"] {
  return status === "online" ? "online" : "offline";
}

/** Stored readings are 10 s apart, and this is what names them; a newer one of the same step is the same row. */
const METRIC_STEP_MS = 10_000;

/** The number of the row that a reading of this instant is or will be in. */
export function metricIdOf(at: Timestamp): number {
  return Math.floor(at / METRIC_STEP_MS);
}

export function toWireMetric(
  nodeId: string,
  sample: { readonly id: number; readonly at: Timestamp; readonly values: HostValues },
): WireMetric {
  const metrics = toWireMetrics(sample.values);
  const time = toWireTime(sample.at);
  return {
    id: sample.id,
    node_id: nodeId,
    metric_time: time,
    cpu_usage: metrics.cpu_usage ?? null,
    memory_usage: metrics.memory_usage ?? null,
    disk_usage: metrics.disk_usage ?? null,
    disk_total: metrics.disk_total ?? null,
    disk_available: metrics.disk_available ?? null,
    load_average: metrics.load_average ?? null,
    memory_total: metrics.memory_total ?? null,
    memory_available: metrics.memory_available ?? null,
    uptime: metrics.uptime ?? null,
    created_at: time,
  };
}

export function toWireMetricOf(nodeId: string, sample: LatestSample): WireMetric {
  const at = Date.parse(sample.at);
  return toWireMetric(nodeId, { id: metricIdOf(at), at, values: sample.values });
}

const STATUS_WORDS: Readonly<Record<RunStatus, WireCommandStatus>> = {
  queued: "pending",
  delivered: "pending",
  started: "running",
  succeeded: "success",
  failed: "failed",
  rejected: "failed",
  cancelled: "failed",
  timed_out: "timeout",
  expired: "timeout",
  unknown: "timeout",
};

export function toWireCommandStatus(status: RunStatus): WireCommandStatus {
  return STATUS_WORDS[status];
}

export function isWireCommandStatus(text: string): text is WireCommandStatus {
  return Object.values<string>(STATUS_WORDS).includes(text);
}

/** A run is what the seed calls a command: one text for one node. Its id is the `command_id` of the node's frames too. */
export function toWireCommand(run: RunWithCommand, nodeId: string): WireCommand {
  return {
    id: numberOfRun(run.id),
    command_id: run.id,
    command_text: run.commandText,
    target_node_id: nodeId,
    status: toWireCommandStatus(run.status),
    created_at: toWireTimeOf(run.queuedAt),
    started_at: run.startedAt === null ? null : toWireTimeOf(run.startedAt),
    completed_at: run.finishedAt === null ? null : toWireTimeOf(run.finishedAt),
  };
}

/**
 * The seed's clients want an integer. Runs have UUIDv7 ids: 48 bits of time and the low five bits of the counter make
 * one that grows with time and fits a double. Nothing is looked up by it.
 */
export function numberOfRun(id: string): number {
  const hex = id.replaceAll("-", "");
  return Number.parseInt(hex.slice(0, 12), 16) * 32 + (Number.parseInt(hex.slice(13, 16), 16) % 32);
}
