import {
  type AgentId,
  HOST_METRICS,
  type HostDetail,
  type HostRow,
  type HostValues,
  type Timestamp,
} from "@muster/core";
import { Accumulator } from "./accumulator.ts";

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

export function makeSeries(agent: { readonly number: number; readonly id: AgentId }): HostSeries {
  return {
    agentNumber: agent.number,
    agentId: agent.id,
    setNumber: null,
    receivedAt: 0,
    values: new Float64Array(FIELD_NAMES.length).fill(Number.NaN),
    detail: null,
    gathering: new Accumulator(FIELD_NAMES.length),
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
