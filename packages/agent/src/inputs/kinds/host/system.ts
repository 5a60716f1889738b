import { readdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { options } from "../shared/options.ts";
import { int, nowNs, percent, pointOf, present, type RawFields } from "../shared/values.ts";
import { type CpuRows, parseCpuTicks, usageBetween } from "./cpu.ts";
import { readMemory } from "./mem.ts";
import { HOST_ROOTS, type HostRoots, readNeeded, readNumber, readSmall, requireLinux } from "./proc.ts";

/** utmp(5) on every 64-bit Linux: records of 384 bytes that begin with their type; 7 is a person's login. */
const UTMP_RECORD = 384;
const UTMP_USER = 7;

/** Logins in a utmp file. */
export function countLogins(utmp: Uint8Array): number {
  const view = new DataView(utmp.buffer, utmp.byteOffset, utmp.byteLength);
  let logins = 0;
  for (let at = 0; at + UTMP_RECORD <= utmp.byteLength; at += UTMP_RECORD) {
    if (view.getInt16(at, true) === UTMP_USER) logins += 1;
  }
  return logins;
}

/** Counters of connection tracking: a heading of names, then one line of hexadecimal numbers for each core. */
export function parseConntrack(text: string): Record<string, number> {
  const [heading = "", ...rows] = text.trim().split("\n");
  const names = heading.trim().split(/\s+/);
  const sums: Record<string, number> = {};
  for (const row of rows) {
    for (const [index, word] of row.trim().split(/\s+/).entries()) {
      const name = names[index];
      if (name !== undefined) sums[name] = (sums[name] ?? 0) + (Number.parseInt(word, 16) || 0);
    }
  }
  return sums;
}

/** What /proc/sys/fs/file-nr tells: allocated, unused, maximum. */
export function readFileHandles(text: string): RawFields {
  const [allocated, , maximum] = text.trim().split(/\s+/).map(Number);
  return {
    allocated: int(allocated),
    maximum: int(maximum),
    maximum_mega: maximum === undefined ? undefined : maximum / 1e6,
  };
}

const LOADS = ["load1", "load5", "load15"] as const;

/** The three loads, and each by core. */
export function readLoads(loadavg: string, cores: number): RawFields {
  const numbers = loadavg.split(" ").slice(0, 3).map(Number);
  return Object.fromEntries(
    LOADS.flatMap((name, index) => [
      [name, numbers[index]],
      [`${name}_per_core`, (numbers[index] ?? Number.NaN) / cores],
    ]),
  );
}

export function createSystem(
  tools: KindTools,
  roots: HostRoots & { readonly run: string } = { ...HOST_ROOTS, run: "/run" },
): Collector {
  const under = (path: string) => join(roots.proc, path);
  const readTicks = () => parseCpuTicks(readNeeded(under("stat")));
  let ticks: CpuRows = new Map();

  const cpuUsage = () => {
    const before = ticks.get("cpu-total");
    ticks = readTicks();
    const now = ticks.get("cpu-total");
    return before && now ? usageBetween(before, now, false)?.usage_total : undefined;
  };

  /** Undefined where neither the old way nor systemd keeps a list. */
  const countUsers = async (): Promise<number | undefined> => {
    const utmp = await readFile(join(roots.run, "utmp")).catch(() => undefined);
    if (utmp) return countLogins(utmp);
    const folder = join(roots.run, "systemd/sessions");
    const names = await readdir(folder).catch(() => undefined);
    const sessions = names?.filter((name) => !name.includes("."));
    return sessions?.filter((name) => /^CLASS=user$/m.test(readSmall(join(folder, name)) ?? "")).length;
  };

  const countProcesses = async () => (await readdir(roots.proc)).filter((name) => /^\d+$/.test(name)).length;

  const readSystem = async (): Promise<RawFields> => {
    const cores = [...ticks.keys()].filter((name) => name !== "cpu-total").length || availableParallelism();
    const memory = readMemory(readNeeded(under("meminfo")));
    return {
      ...readLoads(readNeeded(under("loadavg")), cores),
      n_cpus: int(cores),
      n_users: int(await countUsers()),
      uptime: int(Number.parseFloat(readSmall(under("uptime")) ?? "")),
      process_count: int(await countProcesses()),
      cpu_total_usage: cpuUsage(),
      memory_usage: memory.used_percent,
    };
  };

  const readConntrack = (): RawFields => {
    const entries = readNumber(under("sys/net/netfilter/nf_conntrack_count"));
    if (entries === undefined) return {};
    const limit = readNumber(under("sys/net/netfilter/nf_conntrack_max"));
    const stats = parseConntrack(readSmall(under("net/stat/nf_conntrack")) ?? "");
    return {
      entries: int(entries),
      entries_limit: int(limit),
      used_percent: limit === undefined ? undefined : percent(entries, limit),
      ...Object.fromEntries(CONNTRACK.map((name) => [`stat_${name}`, int(stats[name])])),
    };
  };

  return {
    async start() {
      requireLinux("system");
      ticks = readTicks();
    },
    async collect() {
      const timeNs = nowNs(tools.clock);
      const handles = readSmall(under("sys/fs/file-nr"));
      const points = [
        pointOf("system", { fields: await readSystem(), timeNs }),
        pointOf("conntrack", { fields: readConntrack(), timeNs }),
        handles === undefined ? undefined : pointOf("filefd", { fields: readFileHandles(handles), timeNs }),
      ];
      await tools.emit("metric", present(points));
    },
  };
}

/** Columns of /proc/net/stat/nf_conntrack that are told. */
const CONNTRACK = [
  "found",
  "invalid",
  "ignore",
  "insert",
  "insert_failed",
  "drop",
  "early_drop",
  "search_restart",
] as const;

export const system = defineKind({
  name: "system",
  catalog: "host",
  summary: "Load, uptime, processors, users, processes, tracked connections and open files",
  defaultIntervalMs: 10_000,
  singleton: true,
  options: options({}),
  create: (_options, tools) => createSystem(tools),
  sample: sampleOf({
    name: "system",
    about: "The host as a whole: load, uptime, users and limits of the kernel.",
    interval: "10s",
  }),
  measurements: [
    {
      name: "system",
      category: "metric",
      about: "The host as a whole.",
      tags: {},
      fields: {
        load1: "mean number of tasks that ran or wanted to, over one minute",
        load5: "the same over five minutes",
        load15: "the same over fifteen minutes",
        load1_per_core: "load1 divided by the cores",
        load5_per_core: "load5 divided by the cores",
        load15_per_core: "load15 divided by the cores",
        n_cpus: "cores, a count",
        n_users: "people who are logged in, a count",
        uptime: "since the start of the host, seconds",
        process_count: "processes, a count",
        cpu_total_usage: "use of all processors since the reading before, per cent",
        memory_usage: "used memory, per cent",
      },
    },
    {
      name: "conntrack",
      category: "metric",
      about: "The kernel's table of tracked connections, where it is loaded; counters are summed over the cores.",
      tags: {},
      fields: {
        entries: "tracked connections, a count",
        entries_limit: "the most that fit, a count",
        used_percent: "entries of entries_limit, per cent",
        stat_found: "entries that were looked up and found, a count",
        stat_invalid: "packets that cannot be tracked, a count",
        stat_ignore: "packets of connections that are already tracked, a count",
        stat_insert: "entries that were put in, a count",
        stat_insert_failed: "entries that could not be put in, a count",
        stat_drop: "packets dropped because tracking failed, a count",
        stat_early_drop: "entries dropped to make room, a count",
        stat_search_restart: "searches that had to start again, a count",
      },
    },
    {
      name: "filefd",
      category: "metric",
      about: "File handles of the whole host.",
      tags: {},
      fields: {
        allocated: "allocated handles, a count",
        maximum: "the most there can be, a count",
        maximum_mega: "the same, in millions",
      },
    },
  ],
});
