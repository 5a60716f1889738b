import type { HostValues } from "@muster/core";
import { Fields } from "./fields.ts";

interface LoadReading {
  readonly load: readonly [number, number, number];
  readonly running: number;
}

/** Reads /proc/loadavg: `0.42 0.36 0.28 2/812 40127` (the last but one is running and existing threads). */
export class LoadCollector {
  readonly #fields = new Fields();

  collect(content: Uint8Array, values: HostValues): LoadReading {
    const fields = this.#fields.reset(content);
    const load = [fields.number(), fields.number(), fields.number()] as const;
    values["system.load.1m"] = load[0];
    values["system.load.5m"] = load[1];
    values["system.load.15m"] = load[2];
    return { load, running: Number.parseInt(fields.word(), 10) || 0 };
  }
}

/** Reads /proc/uptime: seconds since boot, seconds idle. */
export function readUptime(content: Uint8Array): number {
  return new Fields().reset(content).number();
}
