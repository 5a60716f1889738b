import {
  type AgentId,
  HOST_METRICS,
  type HostDetail,
  type HostRow,
  type HostValues,
  type Timestamp,
} from "@muster/core";
import { Accumulator, CELLS } from "./accumulator.ts";

export const FIELD_NAMES = HOST_METRICS.map((metric) => metric.name);

/** What is kept in memory of one agent's host: the newest reading and the step being gathered. */
export interface HostSeries {
  readonly agentNumber: number;
  readonly agentId: AgentId;
  setNumber: number | null;
  receivedAt: Timestamp;
  /** In the order of HOST_METRICS; NaN where nothing was measured. */
  readonly values: Float64Array;
  detail: HostDetail | null;
  readonly gathering: Accumulator;
  storedThrough: Timestamp | null;
  loaded: boolean;
  /** When the gathered step began, by our own clock, to close it when nothing follows. */
  openedAt: number;
}

/** Agents whose numbers share one piece of memory: a piece for each would cost some 300 bytes before it holds anything. */
const AGENTS_PER_PIECE = 64;
const FIELDS = FIELD_NAMES.length;
let piece = new Float64Array(0);

/** Room for so many numbers in the memory that the agents share. A piece is freed with the last agent in it. */
function makeRoom(length: number): Float64Array<ArrayBuffer> {
  if (piece.length < length) piece = new Float64Array(FIELDS * (1 + CELLS) * AGENTS_PER_PIECE);
  const room = piece.subarray(0, length);
  piece = piece.subarray(length);
  return room;
}

export function makeSeries(agent: { readonly number: number; readonly id: AgentId }): HostSeries {
  return {
    agentNumber: agent.number,
    agentId: agent.id,
    setNumber: null,
    receivedAt: 0,
    values: makeRoom(FIELDS).fill(Number.NaN),
    detail: null,
    gathering: new Accumulator(FIELDS, makeRoom(FIELDS * CELLS)),
    storedThrough: null,
    loaded: false,
    openedAt: 0,
  };
}

/** Takes over a reading in either of its forms. */
export function fillValues(target: Float64Array, values: HostValues | HostRow): void {
  if (isRow(values)) {
    for (let index = 0; index < target.length; index++) target[index] = values[index] ?? Number.NaN;
    return;
  }
  for (let index = 0; index < target.length; index++)
    target[index] = values[FIELD_NAMES[index] as keyof HostValues] ?? Number.NaN;
}

function isRow(values: HostValues | HostRow): values is HostRow {
  return Array.isArray(values);
}
