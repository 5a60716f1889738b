import { crc32 } from "node:zlib";
import { HOST_METRICS } from "@muster/core";
import type { MeasuredAgent, Step } from "./step.ts";

/*
 * One record of the queue: u32 length of the payload, u32 CRC-32 of it, the payload (little endian throughout).
 * Payload of an agent: u8 1, u32 number, JSON of the agent. It precedes the first step of that number in a segment.
 * Payload of a step:   u8 2, u8 number of fields, u32 number of the agent, f64 start of the step, a bit per field that
 *                      was measured, a bit per field whose readings differed, f64 averages of the former, f64 least and
 *                      most of the latter.
 */
const HEADER = 8;
const AGENT = 1;
const STEP = 2;
const STEP_HEADER = 14;
/** A longer one was not written by us. */
const MAX_PAYLOAD = 256 * 1024;

/** An agent of a segment, by the number that its steps there refer to. */
export type NumberedAgents = Map<number, MeasuredAgent>;

/** Gives agents their numbers within one segment and makes the bytes of records. */
export class RecordWriter {
  readonly #numbers = new Map<
    string,
    { readonly agent: MeasuredAgent; readonly text: string; readonly number: number }
  >();
  #next = 0;

  /** The records of these steps, agents that are new here first. */
  encode(steps: readonly Step[]): Buffer {
    const parts: Buffer[] = [];
    for (const step of steps) {
      const number = this.#numberOf(step.agent, parts);
      parts.push(frame(encodeStep(step, number)));
    }
    return Buffer.concat(parts);
  }

  #numberOf(agent: MeasuredAgent, parts: Buffer[]): number {
    const { id, name, hostname, labels, series } = agent;
    const key = series ? `${id} ${series.measurement} ${JSON.stringify(series.tags)} ${series.fields[0]}` : id;
    const known = this.#numbers.get(key);
    if (known?.agent === agent) return known.number;
    const text = JSON.stringify({ id, name, hostname, labels, series });
    const number = known?.text === text ? known.number : this.#next++;
    if (known?.text !== text) parts.push(frame(encodeAgent(number, text)));
    this.#numbers.set(key, { agent, text, number });
    return number;
  }
}

/** What stands at one place of a segment. */
export type QueueRecord =
  | { readonly kind: "step"; readonly step: Step; readonly end: number }
  | { readonly kind: "agent"; readonly end: number }
  /** The bytes end before the record does. */
  | { readonly kind: "cut" }
  /** The bytes are not what was written. */
  | { readonly kind: "broken" };

/** Reads the record at `offset`, and remembers the agents that it meets. Never throws, whatever the bytes are. */
export function readRecord(bytes: Buffer, offset: number, agents: NumberedAgents): QueueRecord {
  if (offset + HEADER > bytes.length) return { kind: "cut" };
  const length = bytes.readUInt32LE(offset);
  if (length < 5 || length > MAX_PAYLOAD) return { kind: "broken" };
  const end = offset + HEADER + length;
  if (end > bytes.length) return { kind: "cut" };
  const payload = bytes.subarray(offset + HEADER, end);
  if (crc32(payload) !== bytes.readUInt32LE(offset + 4)) return { kind: "broken" };
  if (payload[0] === AGENT) {
    const agent = readAgent(payload);
    if (!agent) return { kind: "broken" };
    agents.set(payload.readUInt32LE(1), agent);
    return { kind: "agent", end };
  }
  const step = payload[0] === STEP ? readStep(payload, agents) : undefined;
  return step ? { kind: "step", step, end } : { kind: "broken" };
}

function frame(payload: Buffer): Buffer {
  const record = Buffer.allocUnsafe(HEADER + payload.length);
  record.writeUInt32LE(payload.length, 0);
  record.writeUInt32LE(crc32(payload), 4);
  payload.copy(record, HEADER);
  return record;
}

function encodeAgent(number: number, text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(AGENT, 0);
  head.writeUInt32LE(number, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

function readAgent(payload: Buffer): MeasuredAgent | undefined {
  try {
    return JSON.parse(payload.toString("utf8", 5)) as MeasuredAgent;
  } catch {
    return undefined;
  }
}

function encodeStep(step: Step, number: number): Buffer {
  const fields = step.avg.length;
  const maskBytes = Math.ceil(fields / 8);
  const measured: number[] = [];
  const differed: number[] = [];
  const payload = Buffer.alloc(STEP_HEADER + 2 * maskBytes + fields * 24);
  payload.writeUInt8(STEP, 0);
  payload.writeUInt8(fields, 1);
  payload.writeUInt32LE(number, 2);
  payload.writeDoubleLE(step.at, 6);
  for (let field = 0; field < fields; field++) {
    if (Number.isNaN(step.avg[field])) continue;
    measured.push(field);
    setBit(payload, STEP_HEADER, field);
    if (step.min[field] === step.max[field]) continue;
    differed.push(field);
    setBit(payload, STEP_HEADER + maskBytes, field);
  }
  let at = STEP_HEADER + 2 * maskBytes;
  const write = (value: number | undefined) => {
    at = payload.writeDoubleLE(value ?? Number.NaN, at);
  };
  for (const field of measured) write(step.avg[field]);
  for (const field of differed) {
    write(step.min[field]);
    write(step.max[field]);
  }
  return payload.subarray(0, at);
}

/** Undefined when its agent is unknown, which only happens to bytes that are not ours. */
function readStep(payload: Buffer, agents: NumberedAgents): Step | undefined {
  const fields = payload.readUInt8(1);
  const maskBytes = Math.ceil(fields / 8);
  const agent = payload.length < STEP_HEADER + 2 * maskBytes ? undefined : agents.get(payload.readUInt32LE(2));
  if (!agent) return undefined;
  const avg = new Float64Array(agent.series?.fields.length ?? HOST_METRICS.length).fill(Number.NaN);
  let at = STEP_HEADER + 2 * maskBytes;
  const read = () => {
    at += 8;
    return at <= payload.length ? payload.readDoubleLE(at - 8) : Number.NaN;
  };
  for (let field = 0; field < fields; field++) if (hasBit(payload, STEP_HEADER, field)) avg[field] = read();
  const min = avg.slice();
  const max = avg.slice();
  for (let field = 0; field < fields; field++) {
    if (!hasBit(payload, STEP_HEADER + maskBytes, field)) continue;
    min[field] = read();
    max[field] = read();
  }
  return { agent, at: payload.readDoubleLE(6), avg, min, max };
}

function setBit(bytes: Buffer, start: number, bit: number): void {
  bytes[start + (bit >> 3)] = (bytes[start + (bit >> 3)] ?? 0) | (1 << (bit & 7));
}

function hasBit(bytes: Buffer, start: number, bit: number): boolean {
  return (((bytes[start + (bit >> 3)] ?? 0) >> (bit & 7)) & 1) === 1;
}
