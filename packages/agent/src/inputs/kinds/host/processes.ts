import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import type * as z from "zod/mini";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { duration, flag, integer, options, patterns } from "../shared/options.ts";
import { int, nowNs, percent, pointOf, present, type RawFields } from "../shared/values.ts";
import { HOST_ROOTS, readPageSize, readSmall, requireLinux } from "./proc.ts";
import {
  countOpenFiles,
  listPids,
  type ProcessStat,
  parsePasswd,
  readCommandLine,
  readProcess,
  readUid,
  readWorkFolder,
} from "./process-table.ts";

/** Longer command lines are cut: some programs are given whole files as arguments. */
const MAX_COMMAND = 4096;

const processOptions = options({
  process_name: patterns(),
  min_run_time: duration(600_000, { minMs: 0, maxMs: 365 * 86_400_000 }),
  open_metric: flag(false),
  object_interval: duration(300_000, { minMs: 10_000, maxMs: 86_400_000 }),
  kernel_threads: flag(false),
  top_cpu: integer(0, { min: 0, max: 10_000 }),
  top_memory: integer(0, { min: 0, max: 10_000 }),
  enable_open_files: flag(false),
});
type ProcessOptions = z.output<typeof processOptions>;

export interface ProcessRoots {
  readonly proc: string;
  readonly passwd: string;
}

/** A process with what was worked out about it. */
interface Measured extends ProcessStat {
  readonly ageSeconds: number;
  /** Of one core, since the process started. */
  readonly cpuUsage: number;
  /** Of one core, since the reading before; undefined for one that is new. */
  readonly cpuUsageTop: number | undefined;
}

/** On Linux all of them are children of the second process. */
function isKernelThread({ pid, parentPid, virtualBytes }: ProcessStat): boolean {
  return virtualBytes === 0 && (pid === 2 || parentPid === 2);
}

/** The largest by CPU and the largest by memory; with neither limit all of them. */
export function selectTop<Process extends Pick<Measured, "cpuUsage" | "cpuUsageTop" | "residentBytes">>(
  processes: readonly Process[],
  { top_cpu, top_memory }: Pick<ProcessOptions, "top_cpu" | "top_memory">,
): Process[] {
  if (top_cpu === 0 && top_memory === 0) return [...processes];
  const cpuOf = ({ cpuUsage, cpuUsageTop }: Process) => cpuUsageTop ?? cpuUsage;
  const byCpu = processes.toSorted((a, b) => cpuOf(b) - cpuOf(a)).slice(0, top_cpu);
  const byMemory = processes.toSorted((a, b) => b.residentBytes - a.residentBytes).slice(0, top_memory);
  return [...new Set([...byCpu, ...byMemory])];
}

export function createProcesses(
  wanted: ProcessOptions,
  tools: KindTools,
  roots: ProcessRoots = { proc: HOST_ROOTS.proc, passwd: "/etc/passwd" },
): Collector {
  const reader = { proc: roots.proc, pageSize: readPageSize(roots.proc) };
  let before = new Map<string, number>();
  let beforeAtMs = 0;
  let objectsDueAtMs = Number.NEGATIVE_INFINITY;

  const readAll = async (signal: AbortSignal): Promise<Measured[]> => {
    const upSeconds = Number.parseFloat(readSmall(join(roots.proc, "uptime")) ?? "") || 0;
    const atMs = tools.clock.monotonic();
    const elapsed = (atMs - beforeAtMs) / 1000;
    const now = new Map<string, number>();
    const measured: Measured[] = [];
    for (const pid of await listPids(roots.proc)) {
      signal.throwIfAborted();
      const stat = await readProcess(reader, pid);
      if (!stat) continue;
      const key = `${pid} ${stat.startedSeconds}`; // numbers are used again
      const known = before.get(key);
      now.set(key, stat.cpuSeconds);
      const ageSeconds = Math.max(0, upSeconds - stat.startedSeconds);
      const cpuUsage = percent(stat.cpuSeconds, ageSeconds);
      const cpuUsageTop = known === undefined ? undefined : percent(Math.max(0, stat.cpuSeconds - known), elapsed);
      measured.push({ ...stat, ageSeconds, cpuUsage, cpuUsageTop });
    }
    before = now;
    beforeAtMs = atMs;
    return measured;
  };

  const select = (processes: readonly Measured[]) => {
    const chosen = wanted.kernel_threads ? processes : processes.filter((process) => !isKernelThread(process));
    const old = chosen.filter(({ ageSeconds }) => ageSeconds * 1000 >= wanted.min_run_time);
    const named =
      wanted.process_name.length === 0 ? old : old.filter(({ name }) => wanted.process_name.some((p) => p.test(name)));
    return selectTop(named, wanted);
  };

  const detail = async (process: Measured, users: ReadonlyMap<string, string>) => {
    const { pid } = process;
    const uid = (await readUid(roots.proc, pid)) ?? "";
    const openFiles = wanted.enable_open_files ? await countOpenFiles(roots.proc, pid) : undefined;
    const command = (await readCommandLine(roots.proc, pid)).slice(0, MAX_COMMAND);
    const fields: RawFields = {
      cpu_usage: process.cpuUsage,
      cpu_usage_top: process.cpuUsageTop,
      mem_used_percent: percent(process.residentBytes, totalmem()),
      rss: int(process.residentBytes),
      vmsize: int(process.virtualBytes),
      threads: int(process.threads),
      open_files: int(openFiles),
    };
    return { command, fields, username: users.get(uid) ?? uid };
  };

  const collectWith = async (signal: AbortSignal) => {
    const processes = select(await readAll(signal));
    const users = parsePasswd(await readFile(roots.passwd, "utf8").catch(() => ""));
    const isObjectTime = tools.clock.monotonic() >= objectsDueAtMs;
    if (!isObjectTime && !wanted.open_metric) return;
    const metrics = [];
    const objects = [];
    const timeNs = nowNs(tools.clock);
    for (const process of processes) {
      signal.throwIfAborted();
      const { command, fields, username } = await detail(process, users);
      const tags = { pid: String(process.pid), process_name: process.name, username };
      metrics.push(pointOf("host_processes", { tags, fields, timeNs }));
      if (!isObjectTime) continue;
      const about = {
        cmdline: command,
        state: process.state,
        parent_pid: int(process.parentPid),
        started_duration: int(process.ageSeconds),
        start_time: int(tools.clock.now() - process.ageSeconds * 1000),
        state_zombie: process.state === "Z",
        work_directory: await readWorkFolder(roots.proc, process.pid),
      };
      const named = { ...tags, name: `${tools.hostname}_${process.pid}`, class: "host_processes" };
      const message = JSON.stringify({ ...tags, ...about, ...fields }, (_key, value) =>
        typeof value === "bigint" ? Number(value) : value,
      );
      objects.push(pointOf("host_processes", { tags: named, fields: { ...fields, ...about, message }, timeNs }));
    }
    if (wanted.open_metric) await tools.emit("metric", present(metrics));
    if (isObjectTime) {
      await tools.emit("object", present(objects));
      objectsDueAtMs = tools.clock.monotonic() + wanted.object_interval;
    }
  };

  return {
    async start() {
      requireLinux("host_processes");
      await readAll(new AbortController().signal);
    },
    collect: collectWith,
  };
}

const METRICS = {
  cpu_usage: "CPU since the process started, per cent of one core",
  cpu_usage_top: "CPU since the reading before, per cent of one core",
  mem_used_percent: "resident memory of the host's, per cent",
  rss: "resident memory, bytes",
  vmsize: "address space, bytes",
  threads: "threads, a count",
  open_files: "open files, a count; with enable_open_files, and of other users only as root",
};

const TAGS = {
  pid: "number of the process",
  process_name: "name of the process, at most 15 letters",
  username: "its effective user, or the number where no name is known",
};

export const processes = defineKind({
  name: "host_processes",
  aliases: ["processes"],
  catalog: "host",
  summary: "Processes as objects, and on demand as metrics: CPU, memory, threads, open files",
  defaultIntervalMs: 30_000,
  singleton: true,
  options: processOptions,
  create: (wanted, tools) => createProcesses(wanted, tools),
  sample: sampleOf({
    name: "host_processes",
    about: "Processes of the host.",
    interval: "30s",
    body: `
  # Only processes whose name matches one of these regular expressions; empty for all.
  # process_name = ["nginx", "^java$"]
  process_name = []
  # Only processes that have run for this long.
  min_run_time = "10m"
  # Also the kernel's own threads.
  kernel_threads = false
  # How often every process is told as an object.
  object_interval = "5m"
  # Also metrics, at every interval.
  open_metric = false
  # Only so many, the largest by CPU and the largest by memory; with 0 for both all are told.
  top_cpu = 0
  top_memory = 0
  # Counts the open files of each process, which takes time where there are many.
  enable_open_files = false`,
  }),
  measurements: [
    {
      name: "host_processes",
      category: "object",
      about: "One object for each process, every object_interval.",
      tags: { ...TAGS, name: "host and number: the object's name", class: "host_processes" },
      fields: {
        ...METRICS,
        cmdline: "command line, at most 4096 letters",
        state: "R runs, S sleeps, D waits for a disk, Z is a zombie, T is stopped, I is an idle thread of the kernel",
        state_zombie: "whether it is a zombie",
        parent_pid: "number of its parent",
        started_duration: "how long it has run, seconds",
        start_time: "when it started, milliseconds since 1970",
        work_directory: "its folder; of other users only as root",
        message: "all of it as JSON",
      },
    },
    {
      name: "host_processes",
      category: "metric",
      about: "One point for each process, with open_metric.",
      tags: TAGS,
      fields: METRICS,
    },
  ],
});
