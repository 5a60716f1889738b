import type { Timestamp } from "./time.ts";

/**
 * The host measurements that every agent can report, in the order in which they are stored and sent.
 * Base units as OpenTelemetry writes them: ratios are 0..1 ("1"), sizes bytes ("By"), rates "By/s", durations "s".
 * Append only: stored rows refer to positions.
 */
export const HOST_METRICS = [
  { name: "system.cpu.utilization", unit: "1" },
  { name: "system.cpu.user", unit: "1" },
  { name: "system.cpu.system", unit: "1" },
  { name: "system.cpu.iowait", unit: "1" },
  { name: "system.cpu.steal", unit: "1" },
  { name: "system.load.1m", unit: "1" },
  { name: "system.load.5m", unit: "1" },
  { name: "system.load.15m", unit: "1" },
  { name: "system.memory.limit", unit: "By" },
  { name: "system.memory.usage", unit: "By" },
  { name: "system.memory.utilization", unit: "1" },
  { name: "system.memory.cached", unit: "By" },
  { name: "system.swap.limit", unit: "By" },
  { name: "system.swap.usage", unit: "By" },
  { name: "system.filesystem.limit", unit: "By" },
  { name: "system.filesystem.usage", unit: "By" },
  { name: "system.filesystem.utilization", unit: "1" },
  { name: "system.disk.read", unit: "By/s" },
  { name: "system.disk.write", unit: "By/s" },
  { name: "system.network.receive", unit: "By/s" },
  { name: "system.network.transmit", unit: "By/s" },
  { name: "system.processes", unit: "{process}" },
  { name: "system.uptime", unit: "s" },
] as const;

export type HostMetricName = (typeof HOST_METRICS)[number]["name"];

/** The values of one instant by name; what was not measured is absent. */
export type HostValues = Partial<Record<HostMetricName, number>>;

/** The same by position, in the order of HOST_METRICS; null where nothing was measured. A newer peer's may be longer. */
export type HostRow = readonly (number | null)[];

/** What `HostValues` summarises, for people: every core, disk and network of the host at one instant. */
export interface HostDetail {
  /** Per core: the shares of time spent in user (with nice), system (with irq) and iowait, each 0..1. */
  readonly cores: readonly { readonly user: number; readonly system: number; readonly iowait: number }[];
  readonly memory: { readonly total: number; readonly used: number; readonly buffers: number; readonly cached: number };
  readonly swap: { readonly total: number; readonly used: number };
  readonly load: readonly [number, number, number];
  readonly filesystems: readonly {
    readonly mount: string;
    readonly device: string;
    readonly type: string;
    readonly total: number;
    readonly used: number;
  }[];
  /** Rates per second since the sample before. `busy` is the share of time with an operation in flight. */
  readonly disks: readonly {
    readonly device: string;
    readonly readBytes: number;
    readonly writeBytes: number;
    readonly reads: number;
    readonly writes: number;
    readonly busy: number;
  }[];
  readonly networks: readonly {
    readonly name: string;
    readonly receiveBytes: number;
    readonly transmitBytes: number;
  }[];
  readonly uptimeS: number;
  readonly processes: { readonly total: number; readonly running: number };
  readonly cpuModel?: string;
}

/** One reading of a host. */
export interface HostSample {
  /** By the clock of whoever measured. */
  readonly at: Timestamp;
  readonly values: HostValues;
  readonly detail?: HostDetail;
}
