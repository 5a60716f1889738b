import type { HostDetail, HostValues } from "@muster/core";
import { Fields } from "./fields.ts";

const KIB = 1024;

interface MemoryReading {
  readonly memory: HostDetail["memory"];
  readonly swap: HostDetail["swap"];
}

/** The lines of /proc/meminfo that are looked at; each is a number of KiB. */
const NAMES = {
  "MemTotal:": "total",
  "MemFree:": "free",
  "MemAvailable:": "available",
  "Buffers:": "buffers",
  "Cached:": "cached",
  "SwapTotal:": "swapTotal",
  "SwapFree:": "swapFree",
  "SReclaimable:": "reclaimable",
} as const;

/** Reads /proc/meminfo. Used memory is what cannot be had without swapping: the total less `MemAvailable`. */
export class MemoryCollector {
  readonly #fields = new Fields();

  collect(content: Uint8Array, values: HostValues): MemoryReading | undefined {
    const read = this.#read(content);
    if (read.total === undefined || read.total === 0) return undefined;
    const cached = (read.cached ?? 0) + (read.reclaimable ?? 0);
    // kernels before 3.14 and some containers do not tell what is available
    const available = read.available ?? (read.free ?? 0) + (read.buffers ?? 0) + cached;
    const used = Math.max(0, read.total - available);
    const swapTotal = read.swapTotal ?? 0;
    const swapUsed = Math.max(0, swapTotal - (read.swapFree ?? swapTotal));
    values["system.memory.limit"] = read.total;
    values["system.memory.usage"] = used;
    values["system.memory.utilization"] = used / read.total;
    values["system.memory.cached"] = cached;
    values["system.swap.limit"] = swapTotal;
    values["system.swap.usage"] = swapUsed;
    return {
      memory: { total: read.total, used, buffers: read.buffers ?? 0, cached },
      swap: { total: swapTotal, used: swapUsed },
    };
  }

  #read(content: Uint8Array): Partial<Record<(typeof NAMES)[keyof typeof NAMES], number>> {
    const read: Partial<Record<(typeof NAMES)[keyof typeof NAMES], number>> = {};
    const fields = this.#fields.reset(content);
    for (let left = Object.keys(NAMES).length; left > 0 && !fields.isAtEnd; fields.nextLine()) {
      const word = fields.word();
      if (!Object.hasOwn(NAMES, word)) continue;
      read[NAMES[word as keyof typeof NAMES]] = fields.number() * KIB;
      left -= 1;
    }
    return read;
  }
}
