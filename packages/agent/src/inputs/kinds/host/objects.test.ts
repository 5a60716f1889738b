import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { ManualClock } from "@muster/testing";
import { findUndescribed, rowsOf, tryKind } from "../shared/kinds-for-test.ts";
import { hostobject, parseOsRelease } from "./hostobject.ts";
import { parsePasswd, parseProcessStat } from "./process-table.ts";
import { processes, selectTop } from "./processes.ts";

test("a process is read whatever its name is", () => {
  const stat = parseProcessStat(
    "4242 (evil) R (name) S 1 4242 4242 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 7 0 12345 1048576 256 18446744073709551615\n",
    4096,
  );
  assert.deepEqual(stat, {
    pid: 4242,
    name: "evil) R (name",
    state: "S",
    parentPid: 1,
    cpuSeconds: 4,
    threads: 7,
    startedSeconds: 123.45,
    virtualBytes: 1048576,
    residentBytes: 1048576,
  });
  assert.equal(parseProcessStat("", 4096), undefined);
  assert.equal(parsePasswd("root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbroken\n").get("0"), "root");
});

test("the largest by CPU and by memory are told, each once", () => {
  const row = (pid: number, cpuUsage: number, residentBytes: number) => ({
    pid,
    cpuUsage,
    cpuUsageTop: undefined,
    residentBytes,
  });
  const all = [row(1, 1, 900), row(2, 50, 10), row(3, 9, 800), row(4, 40, 850)];
  const pids = (top_cpu: number, top_memory: number) => selectTop(all, { top_cpu, top_memory }).map(({ pid }) => pid);
  assert.deepEqual(pids(2, 2), [2, 4, 1]);
  assert.deepEqual(pids(0, 1), [1]);
  assert.deepEqual(pids(0, 0), [1, 2, 3, 4]);
});

test("host_processes: the sample runs, objects come at their own pace, young processes are left out", async (scope) => {
  const clock = new ManualClock();
  const sample = await tryKind(scope, processes, { clock });
  await sample.collect();
  assert.deepEqual(findUndescribed(processes, sample.points), []);
  const young = rowsOf(sample.points, "host_processes").filter((row) => row.pid === String(process.pid));
  assert.deepEqual(young, []);
  const kernel = rowsOf(sample.points, "host_processes").filter((row) => row.parent_pid === 2n && row.vmsize === 0n);
  assert.deepEqual(kernel, []);

  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "marked"], { stdio: "ignore" });
  scope.after(() => void child.kill("SIGKILL"));
  const options = { min_run_time: "0", open_metric: true, enable_open_files: true };
  const trial = await tryKind(scope, processes, { clock, options });
  clock.advance(30_000);
  await trial.collect();
  assert.deepEqual(findUndescribed(processes, trial.points), []);
  const mine = trial.points.filter((point) => point.tags.pid === String(child.pid));
  assert.deepEqual(
    mine.map((point) => point.category),
    ["metric", "object"],
  );
  const [metric, object] = mine;
  assert.ok(Number(metric?.fields.rss) > 0 && typeof metric?.fields.cpu_usage_top === "number");
  assert.equal(object?.tags.name, `host-1_${child.pid}`);
  assert.match(String(object?.fields.cmdline), /marked$/);
  assert.equal((JSON.parse(String(object?.fields.message)) as { pid: string }).pid, String(child.pid));
  clock.advance(30_000);
  const before = trial.points.length;
  await trial.collect();
  assert.ok(trial.points.slice(before).every((point) => point.category === "metric"));
});

test("hostobject: the sample tells the system, the hardware, the agent and its inputs", async (scope) => {
  const report = {
    id: "dkinput_1",
    inputs: ["cpu"],
    inputType: "datakit",
    managed: true,
    status: "failed" as const,
    error: "no such file",
    file: "dkinput_1.conf",
    digest: null,
    points: 3,
    lastPointAt: null,
  };
  const trial = await tryKind(scope, hostobject, { listInputs: () => [report] });
  await trial.collect();
  assert.deepEqual(findUndescribed(hostobject, trial.points), []);
  const [row] = rowsOf(trial.points, "HOST");
  assert.equal(row?.name, "host-1");
  const message = JSON.parse(String(row?.message)) as {
    host: { meta: { host_name: string }; cpu: { cores: number }[]; mem: { memory_total: number } };
    collectors: unknown[];
  };
  assert.equal(message.host.meta.host_name, "host-1");
  assert.ok((message.host.cpu[0]?.cores ?? 0) > 0 && message.host.mem.memory_total > 0);
  assert.deepEqual(message.collectors, [
    { name: "cpu", id: "dkinput_1", status: "failed", count: 3, last_time: null, last_err: "no such file" },
  ]);
});

test("the system's name is read in every way of quoting", () => {
  const read = parseOsRelease(`PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID='12'\n`);
  assert.deepEqual(read, { platform: "debian", version: "12", title: "Debian GNU/Linux 12 (bookworm)" });
});
