import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST_METRICS, type HostValues } from "@muster/core";
import { fromRow, toHostValues, toRow, toWireMetrics } from "./index.ts";

test("percentages become ratios, and total and available become limit and usage", () => {
  const values = toHostValues({
    cpu_usage: 45.2,
    memory_usage: 50,
    disk_usage: 34.1,
    load_average: 1.23,
    memory_total: 1000,
    memory_available: 400,
    disk_total: 2000,
    disk_available: 500,
    uptime: 12345,
  });
  assert.deepEqual(values, {
    "system.cpu.utilization": 0.452,
    "system.memory.utilization": 0.5,
    "system.filesystem.utilization": 0.341,
    "system.load.1m": 1.23,
    "system.uptime": 12345,
    "system.memory.limit": 1000,
    "system.memory.usage": 600,
    "system.filesystem.limit": 2000,
    "system.filesystem.usage": 1500,
  });
});

test("nulls and absent fields stay absent, and network counters are dropped as the original drops them", () => {
  assert.deepEqual(toHostValues({ cpu_usage: null, disk_total: null, network_rx: 5, network_tx: 6 }), {});
});

test("percentages are kept within 0 to 100", () => {
  const values = toHostValues({ cpu_usage: 100.01, memory_usage: -3, disk_usage: 4500 });
  assert.deepEqual(Object.values(values), [1, 0, 1]);
});

test("sizes are truncated to integers, and what cannot be negative is left out when it is", () => {
  assert.deepEqual(toHostValues({ memory_total: 10.9, memory_available: 20, load_average: -1, uptime: -5 }), {
    "system.memory.limit": 10,
    "system.memory.usage": 0,
  });
});

test("base units go back to the wire's, null where nothing was measured", () => {
  assert.deepEqual(toWireMetrics({ "system.cpu.utilization": 0.452, "system.memory.limit": 1000 }), {
    cpu_usage: 45.2,
    memory_usage: null,
    disk_usage: null,
    load_average: null,
    memory_total: 1000,
    memory_available: null,
    disk_total: null,
    disk_available: null,
    uptime: null,
  });
});

test("what a node measured comes back as it was sent", () => {
  const sent = {
    cpu_usage: 12.34,
    memory_usage: 56.7891,
    disk_usage: 0.01,
    load_average: 0.5,
    memory_total: 16_000_000_000,
    memory_available: 8_000_000_001,
    disk_total: 100,
    disk_available: 1,
    uptime: 7,
  };
  assert.deepEqual(toWireMetrics(toHostValues(sent)), sent);
});

test("a row holds every metric in order and survives both ways", () => {
  const values: HostValues = { "system.cpu.utilization": 0.5, "system.uptime": 9 };
  const row = toRow(values);
  assert.equal(row.length, HOST_METRICS.length);
  assert.deepEqual(fromRow(row), values);
  assert.deepEqual(fromRow([1764025200000, ...row, 1, 2, 3], 1), values);
});
