import { execFile } from "node:child_process";
import type * as z from "zod/mini";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { duration, flag, options, patterns, texts } from "../shared/options.ts";
import { nowNs, pointOf, present } from "../shared/values.ts";
import { requireLinux } from "./proc.ts";

/** A host with ten thousand units answers with some megabytes. */
const MAX_OUTPUT = 32 * 1024 * 1024;
/** What systemd writes for a counter that it does not keep. */
const NOT_KEPT = 18_446_744_073_709_551_615n;
/** Telegraf's numbers for the states (org.freedesktop.systemd1(5)). */
const LOAD_STATES = ["loaded", "stub", "not-found", "bad-setting", "error", "merged", "masked"];
const ACTIVE_STATES = ["active", "reloading", "inactive", "failed", "activating", "deactivating"];

/** Properties that are asked for; those that a type of unit lacks are not told for it. */
const PROPERTIES = [
  "Id",
  "LoadState",
  "ActiveState",
  "SubState",
  "UnitFileState",
  "MainPID",
  "NRestarts",
  "MemoryCurrent",
  "CPUUsageNSec",
  "TasksCurrent",
  "ExecMainStatus",
  "StateChangeTimestampMonotonic",
] as const;

const systemdOptions = options({
  units: texts(["*.service"]),
  include: patterns(),
  exclude: patterns(),
  include_inactive: flag(true),
  timeout: duration(10_000, { minMs: 100, maxMs: 60_000 }),
});
type SystemdOptions = z.output<typeof systemdOptions>;

export type Unit = ReadonlyMap<string, string>;

/** Runs systemctl and answers what it wrote. */
export type RunSystemctl = (
  args: readonly string[],
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
) => Promise<string>;

const runSystemctl: RunSystemctl = (args, { timeoutMs, signal }) =>
  new Promise((resolve, reject) => {
    const limits = { timeout: timeoutMs, signal, maxBuffer: MAX_OUTPUT, killSignal: "SIGKILL" as const };
    execFile("systemctl", args, limits, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr.trim() || error.message));
      else resolve(stdout);
    });
  });

/** Reads what `systemctl show` writes: units with empty lines between them, a property on each line. */
export function parseUnits(output: string): Unit[] {
  return output
    .split(/\n{2,}/)
    .map(
      (block) =>
        new Map(
          block
            .split("\n")
            .map(readProperty)
            .filter((property) => property !== undefined),
        ),
    )
    .filter((unit) => unit.has("Id"));
}

function readProperty(line: string): [string, string] | undefined {
  const end = line.indexOf("=");
  return end > 0 ? [line.slice(0, end), line.slice(end + 1)] : undefined;
}

/** Undefined for a property that is absent or that systemd does not keep for this unit. */
function countOf(unit: Unit, name: string): bigint | undefined {
  const text = unit.get(name) ?? "";
  if (!/^\d{1,20}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value === NOT_KEPT ? undefined : value;
}

function codeOf(states: readonly string[], state: string | undefined): bigint | undefined {
  const at = states.indexOf(state ?? "");
  return at < 0 ? undefined : BigInt(at);
}

export function createSystemd(wanted: SystemdOptions, tools: KindTools, run: RunSystemctl = runSystemctl): Collector {
  const args = ["show", "--all", "--no-pager", `--property=${PROPERTIES.join(",")}`, "--", ...wanted.units];

  const isWanted = (unit: Unit) => {
    const name = unit.get("Id") ?? "";
    if (wanted.include.length > 0 && !wanted.include.some((pattern) => pattern.test(name))) return false;
    if (wanted.exclude.some((pattern) => pattern.test(name))) return false;
    return wanted.include_inactive || unit.get("ActiveState") !== "inactive";
  };

  const pointOfUnit = (unit: Unit, timeNs: bigint) =>
    pointOf("systemd_units", {
      tags: {
        name: unit.get("Id"),
        load: unit.get("LoadState"),
        active: unit.get("ActiveState"),
        sub: unit.get("SubState"),
        state: unit.get("UnitFileState"),
      },
      fields: {
        load_code: codeOf(LOAD_STATES, unit.get("LoadState")),
        active_code: codeOf(ACTIVE_STATES, unit.get("ActiveState")),
        restarts: countOf(unit, "NRestarts"),
        pid: countOf(unit, "MainPID"),
        mem_current: countOf(unit, "MemoryCurrent"),
        cpu_usage_nsec: countOf(unit, "CPUUsageNSec"),
        tasks_current: countOf(unit, "TasksCurrent"),
        status_errno: countOf(unit, "ExecMainStatus"),
        state_change_timestamp_us: countOf(unit, "StateChangeTimestampMonotonic"),
      },
      timeNs,
    });

  const sumUp = (units: readonly Unit[], timeNs: bigint) => {
    const count = (state: string) => BigInt(units.filter((unit) => unit.get("ActiveState") === state).length);
    const fields = Object.fromEntries(ACTIVE_STATES.map((state) => [state, count(state)]));
    return pointOf("systemd", { fields: { units: BigInt(units.length), ...fields }, timeNs });
  };

  return {
    async start() {
      requireLinux("systemd");
    },
    async collect(signal) {
      const units = parseUnits(await run(args, { timeoutMs: wanted.timeout, signal })).filter(isWanted);
      const timeNs = nowNs(tools.clock);
      await tools.emit("metric", present([sumUp(units, timeNs), ...units.map((unit) => pointOfUnit(unit, timeNs))]));
    },
  };
}

const TESTED = "Tested against answers in the form that systemctl (systemd 252) writes, not against a running systemd.";

export const systemd = defineKind({
  name: "systemd",
  aliases: ["systemd_units"],
  catalog: "host",
  summary: "Units of systemd: states, restarts, memory, CPU and tasks",
  defaultIntervalMs: 30_000,
  options: systemdOptions,
  create: (wanted, tools) => createSystemd(wanted, tools),
  sample: sampleOf({
    name: "systemd",
    about: `Units of systemd, as "systemctl show" tells them.\n${TESTED}`,
    interval: "30s",
    body: `
  # Units by systemd's own patterns; only units that are loaded match.
  units = ["*.service"]
  # Only units whose name matches one of these regular expressions, and none that matches one of the others.
  include = []
  exclude = []
  # Also units that are not active.
  include_inactive = true
  # How long the answer may take.
  timeout = "10s"`,
  }),
  measurements: [
    {
      name: "systemd_units",
      category: "metric",
      about: `One point for each unit. ${TESTED}`,
      tags: {
        name: "name of the unit",
        load: "loaded, not-found, masked and others",
        active: "active, reloading, inactive, failed, activating or deactivating",
        sub: "state of its own type: running, exited, dead and others",
        state: "enabled, disabled, static and others",
      },
      fields: {
        load_code: "load as a number: 0 loaded, 1 stub, 2 not-found, 3 bad-setting, 4 error, 5 merged, 6 masked",
        active_code: "active as a number: 0 active, 1 reloading, 2 inactive, 3 failed, 4 activating, 5 deactivating",
        restarts: "restarts by systemd, a count (services)",
        pid: "number of its main process, 0 for none (services)",
        mem_current: "memory of all its processes, bytes",
        cpu_usage_nsec: "CPU of all its processes since it started, nanoseconds",
        tasks_current: "processes and threads, a count",
        status_errno: "exit code or signal of its last main process (services)",
        state_change_timestamp_us: "when its state changed, microseconds since the start of the host",
      },
    },
    {
      name: "systemd",
      category: "metric",
      about: `How many of the chosen units are in which state. ${TESTED}`,
      tags: {},
      fields: {
        units: "all of them, a count",
        ...Object.fromEntries(ACTIVE_STATES.map((state) => [state, `units that are ${state}, a count`])),
      },
    },
  ],
});
