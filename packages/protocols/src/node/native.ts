import { CAPABILITIES, type Capability, HOST_METRICS, isLabelKey, LABEL_LIMITS } from "@muster/core";
import { readDetail } from "./detail.ts";
import { FieldError, isObject } from "./envelope.ts";
import {
  type Building,
  isFiniteNumber,
  readArray,
  readInteger,
  readObject,
  readOneOf,
  readOptional,
  readText,
  readTextMap,
  readTexts,
} from "./fields.ts";
import type { CommandOutput, JournaledRun, NativeHello, NativeSample, Samples, WireChunk } from "./frames.ts";
import { NODE_LIMITS } from "./limits.ts";

/** Readers of what our own agent adds to the protocol. A newer agent's unknown capabilities are left out. */
export function readHello(fields: Record<string, unknown>): NativeHello {
  const hello: Building<NativeHello> = {
    protocol: 1,
    version: readText(fields.version, "muster.version"),
    capabilities: readCapabilities(fields.capabilities, "muster.capabilities"),
    now: readInteger(fields.now, "muster.now"),
    runs: readArray(fields.runs, "muster.runs", NODE_LIMITS.runs).map(readJournaledRun),
  };
  const name = readOptional(fields.name, "muster.name", readText);
  if (name !== undefined) hello.name = name;
  const os = readOptional(fields.os, "muster.os", readText);
  if (os !== undefined) hello.os = os;
  const arch = readOptional(fields.arch, "muster.arch", readText);
  if (arch !== undefined) hello.arch = arch;
  const addresses = readOptional(fields.addresses, "muster.addresses", readAddresses);
  if (addresses !== undefined) hello.addresses = addresses;
  const labels = readOptional(fields.labels, "muster.labels", readLabels);
  if (labels !== undefined) hello.labels = labels;
  return hello;
}

export function readCapabilities(value: unknown, field: string): Capability[] {
  const words = readTexts(value, field, { items: 100, length: 100 });
  return CAPABILITIES.filter((capability) => words.includes(capability));
}

function readAddresses(value: unknown, field: string): string[] {
  return readTexts(value, field, { items: NODE_LIMITS.addresses, length: 100 });
}

function readLabels(value: unknown, field: string): Record<string, string> {
  const { count, keyLength, valueLength } = LABEL_LIMITS;
  const labels = readTextMap(value, field, { items: count, key: keyLength, value: valueLength });
  for (const key of Object.keys(labels)) if (!isLabelKey(key)) throw new FieldError(`${field}: a key is no label key`);
  return labels;
}

function readJournaledRun(value: unknown): JournaledRun {
  const fields = readObject(value, "muster.runs");
  return {
    command_id: readText(fields.command_id, "muster.runs.command_id", NODE_LIMITS.commandIdLength),
    state: readOneOf(fields.state, "muster.runs.state", ["accepted", "started", "finished"]),
    seq: readInteger(fields.seq, "muster.runs.seq", -1),
  };
}

/** Undefined for a sample with anything wrong in its values: the beat counts, its reading does not. */
export function readNativeSample(value: unknown): NativeSample | undefined {
  if (!isObject(value) || !Number.isSafeInteger(value.at) || !isRow(value.values)) return undefined;
  const sample: Building<NativeSample> = { at: value.at as number, values: value.values };
  const detail = value.detail === undefined ? undefined : readDetail(value.detail);
  if (detail) sample.detail = detail;
  if (value.backlog === true) sample.backlog = true;
  return sample;
}

/** Longer rows come from newer agents that measure more than we know. */
function isRow(value: unknown): value is (number | null)[] {
  if (!Array.isArray(value) || value.length > HOST_METRICS.length + 200) return false;
  for (let index = 0; index < value.length; index++) {
    const item: unknown = value[index];
    if (item !== null && !isFiniteNumber(item)) return false;
  }
  return true;
}

export function readSamples(data: unknown): Samples {
  const fields = readObject(data, "data");
  const rows: (readonly (number | null)[])[] = [];
  for (const row of readArray(fields.rows, "rows", NODE_LIMITS.rows)) {
    if (!isRow(row) || !Number.isSafeInteger(row[0])) throw new FieldError("rows: expected [at, value or null, …]");
    rows.push(row);
  }
  const samples: Building<Samples> = { rows };
  const nodeId = readOptional(fields.node_id, "node_id", readNodeId);
  if (nodeId !== undefined) samples.node_id = nodeId;
  return samples;
}

function readNodeId(value: unknown, field: string): string {
  return readText(value, field, NODE_LIMITS.nodeIdLength);
}

export function readOutput(data: unknown): CommandOutput {
  const fields = readObject(data, "data");
  return {
    command_id: readText(fields.command_id, "command_id", NODE_LIMITS.commandIdLength),
    chunks: readArray(fields.chunks, "chunks", NODE_LIMITS.chunks).map(readChunk),
  };
}

function readChunk(value: unknown): WireChunk {
  const fields = readObject(value, "chunks");
  const head = {
    seq: readInteger(fields.seq, "chunks.seq", 0),
    stream: readOneOf(fields.stream, "chunks.stream", ["stdout", "stderr"]),
    at: readInteger(fields.at, "chunks.at"),
  };
  const { text, base64, cut } = fields;
  const present = Number(text !== undefined) + Number(base64 !== undefined) + Number(cut !== undefined);
  if (present !== 1) throw new FieldError("chunks: expected exactly one of text, base64 and cut");
  if (text !== undefined) return { ...head, text: readText(text, "chunks.text", NODE_LIMITS.frameBytes) };
  if (base64 !== undefined) return { ...head, base64: readText(base64, "chunks.base64", NODE_LIMITS.frameBytes) };
  // sums of them must stay numbers that a database holds
  return { ...head, cut: Math.min(readInteger(cut, "chunks.cut", 1), NODE_LIMITS.cutBytes) };
}
