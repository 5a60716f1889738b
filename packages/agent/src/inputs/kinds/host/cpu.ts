import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { FieldValue } from "@muster/core";
import type * as z from "zod/mini";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { flag, options } from "../shared/options.ts";
import { int, nowNs, percent, pointOf, present, type RawFields } from "../shared/values.ts";
import { HOST_ROOTS, type HostRoots, readNeeded, readNumber, readSmall, requireLinux } from "./proc.ts";

/** The columns of /proc/stat, in its order (proc(5)). Guests are within user and nice. */
const STATES = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"] as const;
type State = (typeof STATES)[number];
type Ticks = Readonly<Record<State, number>>;

/** Ticks by row: `cpu-total` for the host, `cpu0` and so on for a core. */
export type CpuRows = ReadonlyMap<string, Ticks>;

/** Ticks per second in everything that /proc tells, whatever the kernel's own rate is. */
const USER_HZ = 100;
/** The kernel's load of one minute forgets by this much in five seconds. */
const LOAD_WINDOW_MS = 60_000;
const LOAD_STEP_MS = 5000;
/** Chips whose temperatures are the processor's. */
const CPU_CHIPS = /^(coretemp|k10temp|zenpower|cpu_thermal|soc_thermal)/;

const cpuOptions = options({
  percpu: flag(false),
  totalcpu: flag(true),
  collect_cpu_time: flag(false),
  report_active: flag(false),
  enable_temperature: flag(true),
  enable_load5s: flag(true),
});
type CpuOptions = z.output<typeof cpuOptions>;

/** Reads /proc/stat; states that old kernels lack are zero. */
export function parseCpuTicks(text: string): CpuRows {
  const rows = new Map<string, Ticks>();
  for (const line of text.split("\n")) {
    const [name = "", ...columns] = line.split(/\s+/);
    if (!/^cpu\d*$/.test(name)) continue;
    const ticks = Object.fromEntries(STATES.map((state, index) => [state, Number(columns[index] ?? 0) || 0]));
    rows.set(name === "cpu" ? "cpu-total" : name, ticks as Record<State, number>);
  }
  return rows;
}

/** Shares in per cent of the ticks between two readings; undefined when no time passed. */
export function usageBetween(before: Ticks, now: Ticks, reportActive: boolean): RawFields | undefined {
  // iowait is known to run backwards at times
  const spent = (state: State) => Math.max(0, now[state] - before[state]);
  const total = STATES.slice(0, 8).reduce((sum, state) => sum + spent(state), 0);
  if (total === 0) return undefined;
  const shares = Object.fromEntries(STATES.map((state) => [`usage_${state}`, percent(spent(state), total)]));
  return {
    ...shares,
    usage_user: percent(Math.max(0, spent("user") - spent("guest")), total),
    usage_nice: percent(Math.max(0, spent("nice") - spent("guest_nice")), total),
    usage_total: 100 - percent(spent("idle"), total),
    usage_active: reportActive ? 100 - percent(spent("idle") + spent("iowait"), total) : undefined,
  };
}

function timesOf(ticks: Ticks): RawFields {
  return Object.fromEntries(STATES.map((state) => [`time_${state}`, ticks[state] / USER_HZ]));
}

/**
 * The load of the time between two readings of the load of one minute, which is a moving average of it; undefined for
 * readings closer together than the kernel renews it.
 */
export function loadBetween(before: number, now: number, elapsedMs: number): number | undefined {
  if (elapsedMs < LOAD_STEP_MS) return undefined;
  const kept = Math.exp(-elapsedMs / LOAD_WINDOW_MS);
  return Math.max(0, (now - before * kept) / (1 - kept));
}

/** The mean temperature of the processor's sensors in degrees Celsius; undefined in most virtual machines. */
export function readTemperature(sys: string): number | undefined {
  const folder = join(sys, "class/hwmon");
  const readings: number[] = [];
  for (const chip of listFolder(folder)) {
    if (!CPU_CHIPS.test(readSmall(join(folder, chip, "name")) ?? "")) continue;
    for (const file of listFolder(join(folder, chip))) {
      const milli = /^temp\d+_input$/.test(file) ? readNumber(join(folder, chip, file)) : undefined;
      if (milli !== undefined) readings.push(milli / 1000);
    }
  }
  return readings.length === 0 ? undefined : readings.reduce((sum, reading) => sum + reading, 0) / readings.length;
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

export function createCpu(wanted: CpuOptions, tools: KindTools, roots: HostRoots = HOST_ROOTS): Collector {
  let before: CpuRows = new Map();
  let load: { value: number; atMs: number; recent: number | undefined } | undefined;

  const readLoad = (): bigint | undefined => {
    const value = Number.parseFloat(readSmall(join(roots.proc, "loadavg")) ?? "");
    const atMs = tools.clock.monotonic();
    if (Number.isNaN(value)) return undefined;
    const recent = load && loadBetween(load.value, value, atMs - load.atMs);
    if (!load || recent !== undefined) load = { value, atMs, recent };
    return int(load.recent);
  };

  const extrasOfTotal = (): Record<string, FieldValue | undefined> => ({
    core_temperature: wanted.enable_temperature ? readTemperature(roots.sys) : undefined,
    load5s: wanted.enable_load5s ? readLoad() : undefined,
  });

  const read = () => parseCpuTicks(readNeeded(join(roots.proc, "stat")));
  return {
    async start() {
      requireLinux("cpu");
      before = read();
      readLoad();
    },
    async collect() {
      const now = read();
      const timeNs = nowNs(tools.clock);
      const points = [...now].map(([cpu, ticks]) => {
        const isTotal = cpu === "cpu-total";
        if (!(isTotal ? wanted.totalcpu : wanted.percpu)) return undefined;
        const known = before.get(cpu);
        const usage = known && usageBetween(known, ticks, wanted.report_active);
        const times = wanted.collect_cpu_time ? timesOf(ticks) : undefined;
        return pointOf("cpu", {
          tags: { cpu },
          fields: { ...usage, ...times, ...(isTotal ? extrasOfTotal() : {}) },
          timeNs,
        });
      });
      before = now;
      await tools.emit("metric", present(points));
    },
  };
}

const stateFields = (prefix: string, unit: string) =>
  Object.fromEntries(STATES.map((state) => [`${prefix}_${state}`, `${STATE_WORDS[state]}, ${unit}`]));

const STATE_WORDS: Readonly<Record<State, string>> = {
  user: "programs",
  nice: "programs of low priority",
  system: "the kernel",
  idle: "nothing to do",
  iowait: "nothing to do but waiting for a disk",
  irq: "hardware interrupts",
  softirq: "soft interrupts",
  steal: "taken by the hypervisor",
  guest: "virtual machines",
  guest_nice: "virtual machines of low priority",
};

export const cpu = defineKind({
  name: "cpu",
  catalog: "host",
  summary: "Usage of the processors, in all and by core",
  defaultIntervalMs: 10_000,
  singleton: true,
  options: cpuOptions,
  create: (wanted, tools) => createCpu(wanted, tools),
  sample: sampleOf({
    name: "cpu",
    about: "Usage of the processors.",
    interval: "10s",
    body: `
  # One point for each core (cpu=cpu0, cpu1, ...).
  percpu = false
  # One point for all of them together (cpu=cpu-total).
  totalcpu = true
  # Also the seconds spent in each state since the host started (time_user, ...).
  collect_cpu_time = false
  # Also usage_active: everything but idle and waiting for disks.
  report_active = false
  # The mean of the processor's sensors, where the host has any.
  enable_temperature = true
  # The load of the last seconds, worked out from the load of one minute.
  enable_load5s = true`,
  }),
  measurements: [
    {
      name: "cpu",
      category: "metric",
      about: "Shares of the time since the reading before; the first reading after a start is one interval later.",
      tags: { cpu: "cpu-total, or cpu0 and so on for one core" },
      fields: {
        ...stateFields("usage", "per cent"),
        usage_total: "everything but idle, per cent",
        usage_active: "everything but idle and iowait, per cent; with report_active",
        ...stateFields("time", "seconds since the start of the host; with collect_cpu_time"),
        core_temperature: "mean of the processor's sensors, degrees Celsius",
        load5s: "tasks that ran or wanted to since the reading before, at least five seconds ago; a count",
      },
    },
  ],
});
