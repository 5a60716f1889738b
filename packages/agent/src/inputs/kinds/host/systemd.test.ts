import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import * as z from "zod/mini";
import type { EmittedPoint } from "../shared/kinds-for-test.ts";
import { findUndescribed, readOptions, rowsOf } from "../shared/kinds-for-test.ts";
import { createSystemd, parseUnits, systemd } from "./systemd.ts";

/** In the form of systemd 252. */
const RECORDED = `MainPID=612
NRestarts=2
ExecMainStatus=0
Id=ssh.service
LoadState=loaded
ActiveState=active
SubState=running
StateChangeTimestampMonotonic=4242424
UnitFileState=enabled
MemoryCurrent=7340032
CPUUsageNSec=123456789
TasksCurrent=3

MainPID=0
NRestarts=0
ExecMainStatus=1
Id=backup.service
LoadState=loaded
ActiveState=failed
SubState=failed
StateChangeTimestampMonotonic=99
UnitFileState=static
MemoryCurrent=[not set]
CPUUsageNSec=18446744073709551615
TasksCurrent=[not set]

Id=nosuch.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
`;

async function collect(options: Readonly<Record<string, unknown>>) {
  const points: EmittedPoint[] = [];
  const quiet = () => {};
  const asked: string[][] = [];
  const tools = {
    clock: systemClock,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    hostname: "host-1",
    intervalMs: 30_000,
    stateDir: () => "",
    async emit(category: EmittedPoint["category"], added: readonly Omit<EmittedPoint, "category">[]) {
      points.push(...added.map((point) => ({ category, ...point })));
    },
    reportTrouble: quiet,
  };
  const wanted = z.parse(systemd.options, { ...readOptions(systemd, systemd.sample), ...options });
  const collector = createSystemd(wanted as Parameters<typeof createSystemd>[0], tools, async (args) => {
    asked.push([...args]);
    return RECORDED;
  });
  await collector.collect?.(new AbortController().signal);
  return { points, asked };
}

test("systemd: the sample tells units and their states; what is not kept is left out", async () => {
  const { points, asked } = await collect({});
  assert.deepEqual(findUndescribed(systemd, points), []);
  assert.deepEqual(asked[0]?.slice(-2), ["--", "*.service"]);
  const [ssh, backup, missing] = rowsOf(points, "systemd_units");
  assert.deepEqual(ssh, {
    name: "ssh.service",
    load: "loaded",
    active: "active",
    sub: "running",
    state: "enabled",
    load_code: 0n,
    active_code: 0n,
    restarts: 2n,
    pid: 612n,
    mem_current: 7340032n,
    cpu_usage_nsec: 123456789n,
    tasks_current: 3n,
    status_errno: 0n,
    state_change_timestamp_us: 4242424n,
  });
  assert.deepEqual([backup?.active_code, backup?.mem_current, backup?.cpu_usage_nsec], [3n, undefined, undefined]);
  assert.deepEqual(missing, {
    name: "nosuch.service",
    load: "not-found",
    active: "inactive",
    sub: "dead",
    load_code: 2n,
    active_code: 2n,
  });
  assert.deepEqual(rowsOf(points, "systemd"), [
    { units: 3n, active: 1n, reloading: 0n, inactive: 1n, failed: 1n, activating: 0n, deactivating: 0n },
  ]);
});

test("systemd: units are chosen by name and state", async () => {
  const names = async (options: object) =>
    rowsOf((await collect({ ...options })).points, "systemd_units").map((row) => row.name);
  assert.deepEqual(await names({ include_inactive: false }), ["ssh.service", "backup.service"]);
  assert.deepEqual(await names({ include: ["^ssh"] }), ["ssh.service"]);
  assert.deepEqual(await names({ exclude: ["^ssh", "^no"] }), ["backup.service"]);
});

test("systemd: odd output makes no units", () => {
  assert.deepEqual(parseUnits(""), []);
  assert.deepEqual(parseUnits("no property\n\n=x\n\nName=without id\n"), []);
});
