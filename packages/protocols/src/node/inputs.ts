import { INPUT_LIMITS, INPUT_STATUSES, parseIso, toIso } from "@muster/core";
import type {
  AvailableInput,
  InputAnswer,
  InputCall,
  InputContent,
  InputFailure,
  InputInventory,
  InputReport,
} from "@muster/core/resources";
import { FieldError } from "./envelope.ts";
import {
  type Building,
  readArray,
  readFlag,
  readInteger,
  readObject,
  readOneOf,
  readOptional,
  readText,
  readTexts,
} from "./fields.ts";
import type { Call, CallResult, Inputs } from "./frames.ts";
import { NODE_LIMITS } from "./limits.ts";

/** Readers of what is asked of an agent's inputs and of what it says about them. Content is copied field by field. */

const METHODS = [
  "inputs.list",
  "inputs.sample",
  "inputs.read",
  "inputs.set",
  "inputs.remove",
  "inputs.enable",
  "inputs.disable",
  "inputs.test",
  "inputs.reload",
] as const;

export function readCall(data: unknown): Call {
  const fields = readObject(data, "data");
  return { call_id: readCallId(fields), call: readInputCall(readObject(fields.call, "call")) };
}

function readInputCall(fields: Record<string, unknown>): InputCall {
  const method = readOneOf(fields.method, "call.method", METHODS);
  switch (method) {
    case "inputs.list":
    case "inputs.reload":
      return { method };
    case "inputs.sample":
      return { method, input: readName(fields.input, "call.input") };
    case "inputs.read":
    case "inputs.remove":
      return { method, id: readId(fields.id, "call.id") };
    case "inputs.enable":
    case "inputs.disable": {
      const limits = { items: INPUT_LIMITS.idsPerCall, length: INPUT_LIMITS.idLength };
      return { method, ids: readTexts(fields.ids, "call.ids", limits) };
    }
    case "inputs.set":
      return { method, id: readId(fields.id, "call.id"), ...readConfiguration(fields) };
    case "inputs.test":
      return { method, ...readConfiguration(fields) };
  }
}

function readConfiguration(fields: Record<string, unknown>) {
  return {
    input: readName(fields.input, "call.input"),
    inputType: readText(fields.inputType, "call.inputType", INPUT_LIMITS.typeLength),
    toml: readText(fields.toml, "call.toml", INPUT_LIMITS.tomlBytes),
  };
}

export function readCallResult(data: unknown): CallResult {
  const fields = readObject(data, "data");
  return { call_id: readCallId(fields), answer: readAnswer(readObject(fields.answer, "answer")) };
}

function readAnswer(fields: Record<string, unknown>): InputAnswer {
  if (readFlag(fields.ok, "answer.ok")) return { ok: true, content: readContent(fields.content) };
  return { ok: false, failure: readFailure(readObject(fields.failure, "answer.failure")) };
}

function readContent(value: unknown): InputContent {
  const fields = readObject(value, "answer.content");
  const content: Building<InputContent> = {};
  const inventory = readOptional(fields.inventory, "answer.content.inventory", readInventory);
  if (inventory) content.inventory = inventory;
  const toml = readOptional(fields.toml, "answer.content.toml", readLongText);
  if (toml !== undefined) content.toml = toml;
  const output = readOptional(fields.output, "answer.content.output", readLongText);
  if (output !== undefined) content.output = output;
  return content;
}

function readFailure(fields: Record<string, unknown>): InputFailure {
  const status = readInteger(fields.status, "answer.failure.status", 400);
  if (status > 599) throw new FieldError("answer.failure.status: more than 599");
  const failure: Building<InputFailure> = {
    code: readText(fields.code, "answer.failure.code", 100),
    status,
    message: readText(fields.message, "answer.failure.message", INPUT_LIMITS.messageLength),
  };
  const line = readOptional(fields.line, "answer.failure.line", readPositive);
  if (line !== undefined) failure.line = line;
  const column = readOptional(fields.column, "answer.failure.column", readPositive);
  if (column !== undefined) failure.column = column;
  return failure;
}

export function readInputs(data: unknown): Inputs {
  const fields = readObject(data, "data");
  const inputs: Building<Inputs> = { inventory: readInventory(fields.inventory, "inventory") };
  const nodeId = readOptional(fields.node_id, "node_id", readNodeId);
  if (nodeId !== undefined) inputs.node_id = nodeId;
  return inputs;
}

export function readInventory(value: unknown, field: string): InputInventory {
  const fields = readObject(value, field);
  return {
    available: readArray(fields.available, `${field}.available`, INPUT_LIMITS.available).map(readAvailable),
    inputs: readArray(fields.inputs, `${field}.inputs`, INPUT_LIMITS.inputsPerAgent).map(readReport),
  };
}

function readAvailable(value: unknown): AvailableInput {
  const fields = readObject(value, "available");
  return {
    input: readName(fields.input, "available.input"),
    catalog: readText(fields.catalog, "available.catalog", INPUT_LIMITS.typeLength),
    inputType: readText(fields.inputType, "available.inputType", INPUT_LIMITS.typeLength),
    summary: readText(fields.summary, "available.summary", INPUT_LIMITS.summaryLength),
  };
}

function readReport(value: unknown): InputReport {
  const fields = readObject(value, "inputs");
  const names = { items: INPUT_LIMITS.inputsPerFile, length: INPUT_LIMITS.nameLength };
  return {
    id: readId(fields.id, "inputs.id"),
    inputs: readTexts(fields.inputs, "inputs.inputs", names),
    inputType: readText(fields.inputType, "inputs.inputType", INPUT_LIMITS.typeLength),
    managed: readFlag(fields.managed, "inputs.managed"),
    status: readOneOf(fields.status, "inputs.status", INPUT_STATUSES),
    error: readOptional(fields.error, "inputs.error", readSentence) ?? null,
    file: readText(fields.file, "inputs.file", INPUT_LIMITS.fileLength),
    digest: readOptional(fields.digest, "inputs.digest", readDigest) ?? null,
    points: readInteger(fields.points, "inputs.points", 0),
    lastPointAt: readOptional(fields.lastPointAt, "inputs.lastPointAt", readInstant) ?? null,
  };
}

function readCallId(fields: Record<string, unknown>): string {
  return readText(fields.call_id, "call_id", NODE_LIMITS.commandIdLength);
}

function readNodeId(value: unknown, field: string): string {
  return readText(value, field, NODE_LIMITS.nodeIdLength);
}

function readName(value: unknown, field: string): string {
  return readFilled(value, field, INPUT_LIMITS.nameLength);
}

function readId(value: unknown, field: string): string {
  return readFilled(value, field, INPUT_LIMITS.idLength);
}

function readFilled(value: unknown, field: string, limit: number): string {
  const text = readText(value, field, limit);
  if (text === "") throw new FieldError(`${field}: empty`);
  return text;
}

function readPositive(value: unknown, field: string): number {
  return readInteger(value, field, 1);
}

function readSentence(value: unknown, field: string): string {
  return readText(value, field, INPUT_LIMITS.messageLength);
}

function readDigest(value: unknown, field: string): string {
  return readText(value, field, INPUT_LIMITS.digestLength);
}

/** A sample, a configuration, or what a dry run collected. */
function readLongText(value: unknown, field: string): string {
  return readText(value, field, NODE_LIMITS.inputText);
}

/** RFC 3339, written as we write it. */
function readInstant(value: unknown, field: string): string {
  const at = parseIso(readText(value, field, 64));
  if (at === undefined) throw new FieldError(`${field}: expected an instant`);
  return toIso(at);
}
