import { readFileSync } from "node:fs";
import type { CancelTimer, Clock, HostDetail, HostSample, HostValues } from "@muster/core";
import { CpuCollector } from "./cpu.ts";
import { DiskIoCollector } from "./disk-io.ts";
import { FilesystemCollector } from "./filesystems.ts";
import type { HostSampler } from "./host-sampler.ts";
import { LoadCollector, readUptime } from "./load.ts";
import { MemoryCollector } from "./memory.ts";
import { NetworkCollector } from "./network.ts";
import { ProcFile } from "./proc-file.ts";
import { ProcessCounter } from "./processes.ts";

/** The pace of what is dear or changes slowly: filesystems, the process count, which disks there are. */
const SLOW_MS = 30_000;

export interface LinuxSamplerOptions {
  readonly clock: Clock;
  /** Default "/proc". */
  readonly proc?: string;
}

/** Reads a Linux host from /proc. What is not there (in a container, say) is absent from the sample. */
export class LinuxSampler implements HostSampler {
  readonly #clock: Clock;
  readonly #proc: string;
  readonly #files: Record<"stat" | "meminfo" | "loadavg" | "diskstats" | "network" | "uptime", ProcFile>;
  readonly #cpu = new CpuCollector();
  readonly #memory = new MemoryCollector();
  readonly #load = new LoadCollector();
  readonly #diskIo = new DiskIoCollector();
  readonly #network = new NetworkCollector();
  readonly #filesystems: FilesystemCollector;
  readonly #processes: ProcessCounter;
  #cancelSlow: CancelTimer | undefined;
  #cpuModel: string | undefined;

  constructor(options: LinuxSamplerOptions) {
    const proc = options.proc ?? "/proc";
    this.#clock = options.clock;
    this.#proc = proc;
    this.#files = {
      stat: new ProcFile(`${proc}/stat`),
      meminfo: new ProcFile(`${proc}/meminfo`),
      loadavg: new ProcFile(`${proc}/loadavg`),
      diskstats: new ProcFile(`${proc}/diskstats`),
      network: new ProcFile(`${proc}/net/dev`),
      uptime: new ProcFile(`${proc}/uptime`),
    };
    this.#filesystems = new FilesystemCollector(`${proc}/self/mounts`);
    this.#processes = new ProcessCounter(proc);
  }

  async start(): Promise<void> {
    this.#cpuModel = readCpuModel(`${this.#proc}/cpuinfo`);
    this.#cancelSlow = this.#clock.every(SLOW_MS, () => void this.#refresh());
    await this.#refresh();
    this.sample(); // the start of the first rates
  }

  sample(): HostSample {
    const values: HostValues = {};
    const atMs = this.#clock.monotonic();
    const { stat, meminfo, loadavg, diskstats, network, uptime } = this.#files;
    const cores = collect(stat, (content) => this.#cpu.collect(content, values)) ?? [];
    const memory = collect(meminfo, (content) => this.#memory.collect(content, values));
    const load = collect(loadavg, (content) => this.#load.collect(content, values));
    const disks = collect(diskstats, (content) => this.#diskIo.collect(content, atMs, values)) ?? [];
    const networks = collect(network, (content) => this.#network.collect(content, atMs, values)) ?? [];
    const uptimeS = collect(uptime, readUptime);
    if (uptimeS !== undefined) values["system.uptime"] = uptimeS;
    const { count } = this.#processes;
    if (count !== undefined) values["system.processes"] = count;
    const detail: HostDetail = {
      cores,
      memory: memory?.memory ?? { total: 0, used: 0, buffers: 0, cached: 0 },
      swap: memory?.swap ?? { total: 0, used: 0 },
      load: load?.load ?? [0, 0, 0],
      filesystems: this.#filesystems.collect(values),
      disks,
      networks,
      uptimeS: uptimeS ?? 0,
      processes: { total: count ?? 0, running: load?.running ?? 0 },
      ...(this.#cpuModel === undefined ? {} : { cpuModel: this.#cpuModel }),
    };
    return { at: this.#clock.now(), values, detail };
  }

  stop(): void {
    this.#cancelSlow?.();
    for (const file of Object.values(this.#files)) file.close();
  }

  async #refresh(): Promise<void> {
    this.#diskIo.refreshDisks();
    await Promise.all([this.#filesystems.refresh(), this.#processes.refresh()]);
  }
}

function collect<Reading>(file: ProcFile, read: (content: Uint8Array) => Reading): Reading | undefined {
  const content = file.read();
  return content === undefined || content.length === 0 ? undefined : read(content);
}

/** The first core's name; ARM kernels often tell none. */
export function readCpuModel(path: string): string | undefined {
  try {
    const match = /^(?:model name|Model|cpu model|Processor)\s*:\s*(.+)$/m.exec(readFileSync(path, "utf8"));
    return match?.[1]?.trim().slice(0, 200);
  } catch {
    return undefined;
  }
}
