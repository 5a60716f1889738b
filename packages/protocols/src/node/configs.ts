import { CONFIG_LIMITS } from "@muster/core";
import { FieldError } from "./envelope.ts";
import { type Building, readArray, readInteger, readObject, readOneOf, readOptional, readText } from "./fields.ts";
import type { ConfigReport, WantedConfigs, WireConfig, WireHeldConfig } from "./frames.ts";
import { NODE_LIMITS } from "./limits.ts";

/** Readers of what an agent should have of configs, and of what it says that it has. */

const STATUSES = ["applying", "applied", "failed"] as const;
const MAX_KIND = 50;
const MAX_DIGEST = 128;

export function readWantedConfigs(data: unknown): WantedConfigs {
  const { configs } = readObject(data, "data");
  return { configs: readArray(configs, "configs", CONFIG_LIMITS.configsPerAgent).map(readWireConfig) };
}

function readWireConfig(value: unknown): WireConfig {
  const fields = readObject(value, "configs");
  const config: Building<WireConfig> = {
    ...readHead(fields, "configs"),
    format: readText(fields.format, "configs.format", MAX_KIND),
    revision: readInteger(fields.revision, "configs.revision", 0),
    digest: readDigest(fields.digest, "configs.digest"),
  };
  const text = readOptional(fields.text, "configs.text", readConfigText);
  if (text !== undefined) config.text = text;
  return config;
}

export function readConfigReport(data: unknown): ConfigReport {
  const fields = readObject(data, "data");
  const report: Building<ConfigReport> = {
    held: readArray(fields.held, "held", CONFIG_LIMITS.configsPerAgent).map(readHeld),
  };
  const nodeId = readOptional(fields.node_id, "node_id", readNodeId);
  if (nodeId !== undefined) report.node_id = nodeId;
  return report;
}

function readHeld(value: unknown): WireHeldConfig {
  const fields = readObject(value, "held");
  return {
    ...readHead(fields, "held"),
    revision: readOptional(fields.revision, "held.revision", readRevision) ?? null,
    status: readOneOf(fields.status, "held.status", STATUSES),
    error: readOptional(fields.error, "held.error", readError) ?? null,
    given: readOptional(fields.given, "held.given", readDigest) ?? null,
    digest: readOptional(fields.digest, "held.digest", readDigest) ?? null,
  };
}

function readHead(fields: Record<string, unknown>, field: string) {
  const name = readText(fields.name, `${field}.name`, CONFIG_LIMITS.nameLength);
  if (name === "") throw new FieldError(`${field}.name: empty`);
  return { name, kind: readText(fields.kind, `${field}.kind`, MAX_KIND) };
}

function readRevision(value: unknown, field: string): number {
  return readInteger(value, field, 0);
}

function readDigest(value: unknown, field: string): string {
  return readText(value, field, MAX_DIGEST);
}

function readConfigText(value: unknown, field: string): string {
  return readText(value, field, CONFIG_LIMITS.textBytes);
}

function readError(value: unknown, field: string): string {
  return readText(value, field, CONFIG_LIMITS.errorLength);
}

function readNodeId(value: unknown, field: string): string {
  return readText(value, field, NODE_LIMITS.nodeIdLength);
}
