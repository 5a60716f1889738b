import { statfs } from "node:fs/promises";
import { cpus, freemem, homedir, loadavg, totalmem, uptime } from "node:os";
import { parse } from "node:path";
import type { CancelTimer, Clock, HostDetail, HostSample, HostValues } from "@muster/core";
import type { HostSampler } from "./host-sampler.ts";
import { Rates } from "./rates.ts";

/** The library starts programs for most of what it tells, so it is asked rarely. */
const SLOW_MS = 30_000;

type CoreTicks = ReturnType<typeof cpus>[number]["times"];
type SlowReading = Pick<HostDetail, "filesystems" | "disks" | "networks" | "swap" | "processes">;

const NOTHING: SlowReading = {
  filesystems: [],
  disks: [],
  networks: [],
  swap: { total: 0, used: 0 },
  processes: { total: 0, running: 0 },
};

/** Reads a host that has no /proc: the quick values from Node itself, the others from systeminformation at a slow pace. */
export class PortableSampler implements HostSampler {
  readonly #clock: Clock;
  readonly #rates = new Rates();
  #ticksBefore: readonly CoreTicks[] = [];
  #slow: SlowReading = NOTHING;
  #cancelSlow: CancelTimer | undefined;
  #isReading = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(): Promise<void> {
    this.#cancelSlow = this.#clock.every(SLOW_MS, () => void this.#refresh());
    void this.#refresh(); // takes seconds on some systems
    this.sample();
  }

  sample(): HostSample {
    const values: HostValues = {};
    const cores = this.#readCores(values);
    const total = totalmem();
    const used = total - freemem();
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    Object.assign(values, {
      "system.memory.limit": total,
      "system.memory.usage": used,
      "system.memory.utilization": used / total,
      "system.load.1m": one,
      "system.load.5m": five,
      "system.load.15m": fifteen,
      "system.uptime": uptime(),
    } satisfies HostValues);
    putSlow(this.#slow, values);
    const memory = { total, used, buffers: 0, cached: 0 };
    const cpuModel = cpus()[0]?.model ?? "";
    return {
      at: this.#clock.now(),
      values,
      detail: { cores, memory, load: [one, five, fifteen], uptimeS: uptime(), cpuModel, ...this.#slow },
    };
  }

  stop(): void {
    this.#cancelSlow?.();
  }

  #readCores(values: HostValues): HostDetail["cores"] {
    const now = cpus().map((core) => core.times);
    const spent = now.map((ticks, index) => subtract(ticks, this.#ticksBefore[index]));
    this.#ticksBefore = now;
    const sum = (pick: (ticks: CoreTicks) => number) => spent.reduce((total, ticks) => total + pick(ticks), 0);
    const all = sum(totalTicks);
    if (all > 0) {
      values["system.cpu.utilization"] = 1 - sum((ticks) => ticks.idle) / all;
      values["system.cpu.user"] = sum((ticks) => ticks.user + ticks.nice) / all;
      values["system.cpu.system"] = sum((ticks) => ticks.sys + ticks.irq) / all;
    }
    return spent.map((ticks) => {
      const total = totalTicks(ticks) || 1;
      return { user: (ticks.user + ticks.nice) / total, system: (ticks.sys + ticks.irq) / total, iowait: 0 };
    });
  }

  async #refresh(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const library = await import("systeminformation");
      const [filesystems, memory, networks, disk, processes] = await Promise.all([
        library.fsSize(),
        library.mem(),
        library.networkStats("*"),
        library.fsStats(),
        library.processes(),
      ]);
      this.#rates.begin(this.#clock.monotonic());
      const io = this.#rates.next("disks", [disk?.rx ?? 0, disk?.wx ?? 0]) ?? [0, 0];
      this.#slow = {
        filesystems: filesystems.map((entry) => {
          return { mount: entry.mount, device: entry.fs, type: entry.type, total: entry.size, used: entry.used };
        }),
        disks: [{ device: "all", readBytes: io[0] ?? 0, writeBytes: io[1] ?? 0, reads: 0, writes: 0, busy: 0 }],
        networks: networks.map((entry) => {
          const [receiveBytes = 0, transmitBytes = 0] =
            this.#rates.next(entry.iface, [entry.rx_bytes, entry.tx_bytes]) ?? [];
          return { name: entry.iface, receiveBytes, transmitBytes };
        }),
        swap: { total: memory.swaptotal, used: memory.swapused },
        processes: { total: processes.all, running: processes.running },
      };
    } catch {
      // the single-file agent comes without the library
      this.#slow = { ...NOTHING, filesystems: await readRoot() };
    } finally {
      this.#isReading = false;
    }
  }
}

async function readRoot(): Promise<HostDetail["filesystems"]> {
  const mount = parse(homedir()).root; // the system's drive on Windows
  try {
    const { blocks, bsize, bfree } = await statfs(mount);
    return [{ mount, device: "", type: "", total: blocks * bsize, used: (blocks - bfree) * bsize }];
  } catch {
    return [];
  }
}

function putSlow(slow: SlowReading, values: HostValues): void {
  const root = slow.filesystems.find((entry) => entry.mount === "/") ?? slow.filesystems[0];
  if (root && root.total > 0) {
    values["system.filesystem.limit"] = root.total;
    values["system.filesystem.usage"] = root.used;
    values["system.filesystem.utilization"] = root.used / root.total;
  }
  values["system.swap.limit"] = slow.swap.total;
  values["system.swap.usage"] = slow.swap.used;
  if (slow.processes.total > 0) values["system.processes"] = slow.processes.total;
  if (slow.networks.length > 0) {
    values["system.network.receive"] = slow.networks.reduce((sum, entry) => sum + entry.receiveBytes, 0);
    values["system.network.transmit"] = slow.networks.reduce((sum, entry) => sum + entry.transmitBytes, 0);
  }
  const disk = slow.disks[0];
  if (disk) {
    values["system.disk.read"] = disk.readBytes;
    values["system.disk.write"] = disk.writeBytes;
  }
}

function subtract(now: CoreTicks, before: CoreTicks | undefined): CoreTicks {
  const since = (name: keyof CoreTicks) => Math.max(0, now[name] - (before?.[name] ?? now[name]));
  return { user: since("user"), nice: since("nice"), sys: since("sys"), idle: since("idle"), irq: since("irq") };
}

function totalTicks(ticks: CoreTicks): number {
  return ticks.user + ticks.nice + ticks.sys + ticks.idle + ticks.irq;
}
