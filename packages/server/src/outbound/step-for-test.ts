import { HOST_METRICS, type HostValues, type Labels } from "@muster/core";
import type { MeasuredAgent, Step } from "./step.ts";

/** A step with what the test says and nothing else measured. */
export function makeStep(how: {
  at?: number;
  agent?: MeasuredAgent;
  id?: string;
  labels?: Labels;
  avg?: HostValues;
  min?: HostValues;
  max?: HostValues;
}): Step {
  const { id = "01agent", labels = { role: "web" }, avg = {} } = how;
  const fill = (values: HostValues) =>
    Float64Array.from(HOST_METRICS, ({ name }) => values[name] ?? avg[name] ?? Number.NaN);
  return {
    agent: how.agent ?? { id, name: "web one", hostname: "web-1", labels },
    at: how.at ?? 1_700_000_000_000,
    avg: fill(avg),
    min: fill(how.min ?? {}),
    max: fill(how.max ?? {}),
  };
}

/** Reads a Snappy block by the format's description (length, then literals and copies), so not by what wrote it. */
export function readSnappyBlock(block: Uint8Array): Uint8Array {
  let position = 0;
  const next = () => block[position++] ?? 0;
  const number = (bytes: number) => {
    let value = 0;
    for (let index = 0; index < bytes; index++) value += next() * 2 ** (8 * index);
    return value;
  };
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = next();
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  const out = new Uint8Array(length);
  let end = 0;
  while (position < block.length) {
    const tag = next();
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >> 2;
      const size = 1 + (short < 60 ? short : number(short - 59));
      out.set(block.subarray(position, position + size), end);
      position += size;
      end += size;
      continue;
    }
    const size = kind === 1 ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
    const offset = kind === 1 ? ((tag >> 5) << 8) + next() : number(kind === 2 ? 2 : 4);
    for (let index = 0; index < size; index++, end++) out[end] = out[end - offset] ?? 0;
  }
  return out;
}
