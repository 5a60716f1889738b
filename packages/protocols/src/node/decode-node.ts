import { readConfigReport } from "./configs.ts";
import { type Decoded, decodeContent, failUnknownType, isObject, readEnvelope } from "./envelope.ts";
import { type Building, isFiniteNumber, readInteger, readOneOf, readOptional, readText } from "./fields.ts";
import type {
  CommandResult,
  CommandStarted,
  Envelope,
  Heartbeat,
  NativeResult,
  NodeFrame,
  NodeRegister,
} from "./frames.ts";
import { readCallResult, readInputs } from "./inputs.ts";
import { NODE_LIMITS } from "./limits.ts";
import { readHello, readNativeSample, readOutput, readSamples } from "./native.ts";
import { readMetrics, readMetricsStrictly } from "./wire-metrics.ts";

/** The types a node may send, as the original lists them in its errors, with those it only knew from its document. */
export const NODE_TYPES = ["node_register", "heartbeat", "metrics", "command_started", "command_result"] as const;

/**
 * Decodes one message from a node. As lenient as the original core where that was lenient (a heartbeat with odd
 * content is still a heartbeat, a result for any command is acknowledged), strict with our own frames.
 */
export function decodeNodeFrame(text: string): Decoded<NodeFrame> {
  const envelope = readEnvelope(text);
  if (envelope.frame === undefined) return envelope;
  const { type, id, timestamp, data } = envelope.frame;
  switch (type) {
    case "heartbeat":
      return { frame: { type, id, timestamp, data: readHeartbeat(data) } };
    case "node_register":
      return decodeContent("INVALID_REGISTER_DATA", id, () => ({ type, id, timestamp, data: readRegister(data) }));
    case "metrics":
      return decodeContent("INVALID_METRIC_DATA", id, () => ({ type, id, timestamp, data: readMetricsFrame(data) }));
    case "command_started":
      return { frame: { type, id, timestamp, data: readStarted(data) } };
    case "command_result":
      return decodeContent("PARSE_ERROR", id, () => ({ type, id, timestamp, data: readResult(data) }));
    case "command_output":
      return decodeContent("PARSE_ERROR", id, () => ({ type, id, timestamp, data: readOutput(data) }));
    case "samples":
      return decodeContent("PARSE_ERROR", id, () => ({ type, id, timestamp, data: readSamples(data) }));
    case "call_result":
      return decodeContent("PARSE_ERROR", id, () => ({ type, id, timestamp, data: readCallResult(data) }));
    case "inputs":
      return decodeContent("PARSE_ERROR", id, () => ({ type, id, timestamp, data: readInputs(data) }));
    case "config_report":
      return decodeContent("PARSE_ERROR", id, () => ({ type, id, timestamp, data: readConfigReport(data) }));
    default:
      return failUnknownType(type, id, NODE_TYPES);
  }
}

function readHeartbeat(data: unknown): Heartbeat {
  const beat: Building<Heartbeat> = {};
  if (!isObject(data)) return beat;
  const nodeId = findNodeId(data);
  if (nodeId !== undefined) beat.node_id = nodeId;
  if (typeof data.status === "string" && data.status.length <= NODE_LIMITS.wordLength) beat.status = data.status;
  if (data.metrics !== undefined && data.metrics !== null) beat.metrics = readMetrics(data.metrics);
  if (data.muster !== undefined) {
    const sample = readNativeSample(data.muster);
    if (sample) beat.muster = sample;
  }
  return beat;
}

/** `data.node_id` counts when it is a usable string; anything else means the connection's own id. */
function findNodeId(data: Record<string, unknown>): string | undefined {
  const nodeId = data.node_id;
  if (typeof nodeId !== "string" || nodeId === "" || nodeId.length > NODE_LIMITS.nodeIdLength) return undefined;
  return nodeId;
}

function readRegister(data: unknown): NodeRegister {
  const fields = isObject(data) ? data : {};
  const register: Building<NodeRegister> = {
    hostname: readText(fields.hostname, "hostname"),
    ip_address: readText(fields.ip_address, "ip_address"),
  };
  if (typeof fields.node_id === "string" && fields.node_id !== "") {
    register.node_id = readText(fields.node_id, "node_id", NODE_LIMITS.nodeIdLength);
  }
  if (typeof fields.os_info === "string") register.os_info = readText(fields.os_info, "os_info");
  // a later version of the extension is answered as if it had not been offered
  if (isObject(fields.muster) && fields.muster.protocol === 1) register.muster = readHello(fields.muster);
  return register;
}

function readMetricsFrame(data: unknown): Extract<NodeFrame, Envelope<"metrics">>["data"] {
  const metrics = readMetricsStrictly(data);
  const nodeId = findNodeId(data as Record<string, unknown>);
  return nodeId === undefined ? metrics : { ...metrics, node_id: nodeId };
}

/** An unreadable command id becomes "", which no command has. */
function findCommandId(data: Record<string, unknown>): string {
  const commandId = data.command_id;
  return typeof commandId === "string" && commandId.length <= NODE_LIMITS.commandIdLength ? commandId : "";
}

/** Nothing that a database could not hold as a whole number. */
function toWhole(value: number): number {
  return Math.trunc(Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value)));
}

function readStarted(data: unknown): CommandStarted {
  if (!isObject(data)) return { command_id: "" };
  const started: Building<CommandStarted> = { command_id: findCommandId(data) };
  if (isFiniteNumber(data.at)) started.at = toWhole(data.at);
  return started;
}

function readResult(data: unknown): CommandResult {
  const fields = isObject(data) ? data : {};
  const { exit_code, stdout, stderr, execution_time_ms } = fields;
  const result: Building<CommandResult> = {
    command_id: findCommandId(fields),
    exit_code: Number.isSafeInteger(exit_code) ? (exit_code as number) : null,
    stdout: typeof stdout === "string" ? stdout : "",
    stderr: typeof stderr === "string" ? stderr : "",
    execution_time_ms: isFiniteNumber(execution_time_ms) ? Math.max(0, toWhole(execution_time_ms)) : 0,
  };
  if (isObject(fields.muster)) result.muster = readNativeResult(fields.muster);
  return result;
}

const RESULT_STATES = ["succeeded", "failed", "timed_out", "cancelled", "rejected", "unknown"] as const;

function readNativeResult(fields: Record<string, unknown>): NativeResult {
  const result: Building<NativeResult> = {
    state: readOneOf(fields.state, "muster.state", RESULT_STATES),
    finished_at: readInteger(fields.finished_at, "muster.finished_at"),
    stdout_bytes: readInteger(fields.stdout_bytes, "muster.stdout_bytes", 0),
    stderr_bytes: readInteger(fields.stderr_bytes, "muster.stderr_bytes", 0),
    cut_bytes: readInteger(fields.cut_bytes, "muster.cut_bytes", 0),
    last_seq: readInteger(fields.last_seq, "muster.last_seq", -1),
  };
  const reason = readOptional(fields.reason, "muster.reason", readSentence);
  if (reason !== undefined) result.reason = reason;
  const startedAt = readOptional(fields.started_at, "muster.started_at", readInteger);
  if (startedAt !== undefined) result.started_at = startedAt;
  const digest = readOptional(fields.digest, "muster.digest", readDigest);
  if (digest !== undefined) result.digest = digest;
  return result;
}

function readSentence(value: unknown, field: string): string {
  return readText(value, field, NODE_LIMITS.sentenceLength);
}

function readDigest(value: unknown, field: string): string {
  return readText(value, field, 128);
}
