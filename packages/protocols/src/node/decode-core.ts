import { readWantedConfigs } from "./configs.ts";
import { type Decoded, decodeContent, failUnknownType, isObject, readEnvelope } from "./envelope.ts";
import {
  type Building,
  readFlag,
  readInteger,
  readObject,
  readOptional,
  readText,
  readTextMap,
  readTexts,
} from "./fields.ts";
import type {
  CoreFrame,
  ExecuteCommand,
  HeartbeatAck,
  NativeCommand,
  NativeWelcome,
  RegisterResponse,
  WireError,
} from "./frames.ts";
import { readCall } from "./inputs.ts";
import { NODE_LIMITS } from "./limits.ts";
import { readCapabilities } from "./native.ts";

const CORE_TYPES = ["welcome", "register_response", "heartbeat_ack", "execute_command", "command_received", "error"];

/** Decodes one message from a core, ours or an original one. What fails is to be logged and survived, not answered. */
export function decodeCoreFrame(text: string): Decoded<CoreFrame> {
  const envelope = readEnvelope(text);
  if (envelope.frame === undefined) return envelope;
  const { type, id, timestamp, data } = envelope.frame;
  const decode = <Type extends CoreFrame["type"], Content>(
    known: Type,
    read: (fields: Record<string, unknown>) => Content,
  ) => decodeContent("PARSE_ERROR", id, () => ({ type: known, id, timestamp, data: read(readObject(data, "data")) }));
  switch (type) {
    case "heartbeat_ack":
      return decode(type, readAck);
    case "welcome":
      return decode(type, (fields) => ({ message: findText(fields.message), node_id: readNodeId(fields) }));
    case "register_response":
      return decode(type, readRegisterResponse);
    case "metrics_response":
      return decode(type, readMetricsResponse);
    case "execute_command":
      return decode(type, readExecute);
    case "command_received":
      return decode(type, readReceived);
    case "error":
      return decode(type, readError);
    case "output_received":
      return decode(type, (fields) => ({
        command_id: readCommandId(fields),
        through: readInteger(fields.through, "through", -1),
      }));
    case "samples_stored":
      return decode(type, (fields) => ({ through: readInteger(fields.through, "through") }));
    case "cancel_command":
      return decode(type, (fields) => ({
        command_id: readCommandId(fields),
        grace_ms: readInteger(fields.grace_ms, "grace_ms", 0),
      }));
    case "watch":
      return decode(type, (fields) => ({ detail: readFlag(fields.detail, "detail") }));
    case "reconnect":
      return decode(type, (fields) => ({
        after_ms: readInteger(fields.after_ms, "after_ms", 0),
        reason: findText(fields.reason),
      }));
    case "call":
      return decode(type, readCall);
    case "configs":
      return decode(type, readWantedConfigs);
    default:
      return failUnknownType(type, id, CORE_TYPES);
  }
}

/** Texts for people may be missing: nothing hangs on them. */
function findText(value: unknown): string {
  return typeof value === "string" ? value.slice(0, NODE_LIMITS.sentenceLength) : "";
}

function readNodeId(fields: Record<string, unknown>): string {
  return readText(fields.node_id, "node_id", NODE_LIMITS.wordLength);
}

function readCommandId(fields: Record<string, unknown>): string {
  return readText(fields.command_id, "command_id", NODE_LIMITS.commandIdLength);
}

function readAck(fields: Record<string, unknown>): HeartbeatAck {
  const ack: Building<HeartbeatAck> = {
    received: true,
    node_id: readNodeId(fields),
    metrics_saved: fields.metrics_saved !== false,
  };
  if (isObject(fields.muster)) {
    const beatMs = readOptional(fields.muster.beat_ms, "muster.beat_ms", readInterval);
    const through = readOptional(fields.muster.stored_through, "muster.stored_through", readInterval);
    ack.muster = {
      ...(beatMs === undefined ? {} : { beat_ms: beatMs }),
      ...(through === undefined ? {} : { stored_through: through }),
    };
  }
  return ack;
}

function readInterval(value: unknown, field: string): number {
  return readInteger(value, field, 1);
}

function readRegisterResponse(fields: Record<string, unknown>): RegisterResponse {
  const response: Building<RegisterResponse> = {
    success: readFlag(fields.success, "success"),
    message: findText(fields.message),
    node_id: readNodeId(fields),
  };
  if (fields.action === "created" || fields.action === "updated") response.action = fields.action;
  const info = fields.node_info;
  if (isObject(info) && Number.isSafeInteger(info.id)) {
    response.node_info = {
      id: info.id as number,
      hostname: findText(info.hostname),
      ip_address: findText(info.ip_address),
      status: findText(info.status),
    };
  }
  if (isObject(fields.muster) && fields.muster.protocol === 1) response.muster = readWelcome(fields.muster);
  return response;
}

function readWelcome(fields: Record<string, unknown>): NativeWelcome {
  const ids = { items: NODE_LIMITS.runs, length: NODE_LIMITS.commandIdLength };
  const through: Record<string, number> = {};
  for (const [commandId, seq] of Object.entries(readObject(fields.output_through, "muster.output_through"))) {
    if (commandId !== "__proto__") through[commandId] = readInteger(seq, "muster.output_through", -1);
  }
  return {
    protocol: 1,
    capabilities: readCapabilities(fields.capabilities, "muster.capabilities"),
    beat_ms: readInteger(fields.beat_ms, "muster.beat_ms", 1),
    stored_through: readOptional(fields.stored_through, "muster.stored_through", readInteger) ?? null,
    cancel: readTexts(fields.cancel, "muster.cancel", ids),
    forget: readTexts(fields.forget, "muster.forget", ids),
    output_through: through,
  };
}

function readMetricsResponse(fields: Record<string, unknown>) {
  return {
    success: readFlag(fields.success, "success"),
    message: findText(fields.message),
    node_id: readNodeId(fields),
    metric_id: readOptional(fields.metric_id, "metric_id", readInteger) ?? 0,
  };
}

function readReceived(fields: Record<string, unknown>) {
  const received = { received: true, node_id: readNodeId(fields) } as const;
  return typeof fields.command_id === "string" ? { ...received, command_id: readCommandId(fields) } : received;
}

function readError(fields: Record<string, unknown>): WireError {
  return {
    error_code: readText(fields.error_code, "error_code", 200),
    message: findText(fields.message),
    details: findText(fields.details),
  };
}

/** What a core writes when it names no timeout. */
const DEFAULT_TIMEOUT_S = 30;

function readExecute(fields: Record<string, unknown>): ExecuteCommand {
  const { timeout } = fields;
  const execute: Building<ExecuteCommand> = {
    command_id: readCommandId(fields),
    command_text: readText(fields.command_text, "command_text", NODE_LIMITS.frameBytes),
    timeout: typeof timeout === "number" && timeout > 0 ? timeout : DEFAULT_TIMEOUT_S,
  };
  if (isObject(fields.muster)) execute.muster = readNativeCommand(fields.muster);
  return execute;
}

function readNativeCommand(fields: Record<string, unknown>): NativeCommand {
  const command: Building<NativeCommand> = {
    timeout_ms: readInteger(fields.timeout_ms, "muster.timeout_ms", 1),
    grace_ms: readInteger(fields.grace_ms, "muster.grace_ms", 0),
    output_limit_bytes: readInteger(fields.output_limit_bytes, "muster.output_limit_bytes", 0),
    expires_at: readInteger(fields.expires_at, "muster.expires_at"),
    sent_at: readInteger(fields.sent_at, "muster.sent_at"),
  };
  const argv = readOptional(fields.argv, "muster.argv", readArgv);
  if (argv !== undefined) command.argv = argv;
  const env = readOptional(fields.env, "muster.env", readEnv);
  if (env !== undefined) command.env = env;
  const cwd = readOptional(fields.cwd, "muster.cwd", readPath);
  if (cwd !== undefined) command.cwd = cwd;
  const user = readOptional(fields.user, "muster.user", readText);
  if (user !== undefined) command.user = user;
  return command;
}

function readArgv(value: unknown, field: string): string[] {
  return readTexts(value, field, { items: NODE_LIMITS.argv, length: NODE_LIMITS.frameBytes });
}

function readEnv(value: unknown, field: string): Record<string, string> {
  return readTextMap(value, field, { items: NODE_LIMITS.env, key: 1024, value: NODE_LIMITS.frameBytes });
}

function readPath(value: unknown, field: string): string {
  return readText(value, field, 8192);
}
