import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { HOST_METRICS } from "@muster/core";
import protobuf from "protobufjs";
import { compress } from "snappyjs";
import { HOST_NAMES } from "./metric-names.ts";
import { isExtraLabel, seriesLabels } from "./series-labels.ts";
import { makeStep, readSnappyBlock } from "./step-for-test.ts";
import { WriteRequests } from "./write-request.ts";

const schema = protobuf.parse(readFileSync(new URL("remote-write.proto", import.meta.url), "utf8")).root;
const WriteRequest = schema.lookupType("prometheus.WriteRequest");

interface ReadSeries {
  labels: { name: string; value: string }[];
  samples: { value: number; timestamp: number }[];
}

/** Reads a request with a decoder that shares no code with our encoder. */
function decode(bytes: Uint8Array): ReadSeries[] {
  const message = WriteRequest.decode(bytes);
  return (
    WriteRequest.toObject(message, { longs: Number, arrays: true, defaults: true }) as { timeseries: ReadSeries[] }
  ).timeseries;
}

const labelsOf = (series: ReadSeries) =>
  Object.fromEntries(series.labels.map(({ name, value }) => [name, value] as const));
const find = (all: readonly ReadSeries[], name: string) => all.filter((series) => labelsOf(series).__name__ === name);

describe("write requests", () => {
  test("a step is one sample per measured metric, in the middle of the step, with who measured it", () => {
    const step = makeStep({ at: 1_700_000_000_000, avg: { "system.cpu.utilization": 0.25, "system.uptime": 12 } });
    const all = decode(new WriteRequests({ cluster: "north" }).encode([step]));
    assert.deepEqual(all.map((series) => labelsOf(series).__name__).sort(), [
      "muster_system_cpu_utilization_ratio",
      "muster_system_uptime_seconds",
    ]);
    const [cpu] = find(all, "muster_system_cpu_utilization_ratio");
    assert.deepEqual(cpu?.samples, [{ value: 0.25, timestamp: 1_700_000_005_000 }]);
    assert.deepEqual(labelsOf(cpu as ReadSeries), {
      __name__: "muster_system_cpu_utilization_ratio",
      agent_id: "01agent",
      agent_name: "web one",
      cluster: "north",
      hostname: "web-1",
      label_role: "web",
    });
  });

  test("a step of a written series has the name of its measurement and field, and its tags as labels", () => {
    const series = { measurement: "nginx", tags: { port: "80", hostname: "x" }, fields: ["conn.active", "up"] };
    const agent = { id: "01agent", name: "web one", hostname: "web-1", labels: { role: "web" }, series };
    const values = { avg: Float64Array.of(2, 1), min: Float64Array.of(1, 1), max: Float64Array.of(3, 1) };
    const all = decode(new WriteRequests({}).encode([{ agent, at: 1_700_000_000_000, ...values }]));
    assert.deepEqual(all.map((one) => labelsOf(one).__name__).sort(), [
      "nginx_conn_active",
      "nginx_conn_active_max",
      "nginx_conn_active_min",
      "nginx_up",
    ]);
    assert.deepEqual(labelsOf(find(all, "nginx_up")[0] as ReadSeries), {
      __name__: "nginx_up",
      agent_id: "01agent",
      agent_name: "web one",
      hostname: "web-1",
      label_role: "web",
      port: "80",
      tag_hostname: "x",
    });
  });

  test("labels are sorted by name, whatever letters operators and agents use", () => {
    const step = makeStep({ labels: { Z: "1", a: "2", "app/tier": "3" }, avg: { "system.cpu.user": 1 } });
    const [series] = decode(new WriteRequests({ Env: "x", zone: "y" }).encode([step]));
    const names = series?.labels.map(({ name }) => name) ?? [];
    assert.deepEqual(names, [...names].sort());
    assert.equal(names[0], "Env");
    assert.ok(names.includes("label_app_tier"));
  });

  test("least and most have series of their own only where readings differed", () => {
    const step = makeStep({
      avg: { "system.cpu.utilization": 0.5, "system.memory.limit": 100 },
      min: { "system.cpu.utilization": 0.25 },
      max: { "system.cpu.utilization": 0.75 },
    });
    const all = decode(new WriteRequests({}).encode([step]));
    const values = Object.fromEntries(all.map((series) => [labelsOf(series).__name__, series.samples[0]?.value]));
    assert.deepEqual(values, {
      muster_system_cpu_utilization_ratio: 0.5,
      muster_system_cpu_utilization_ratio_min: 0.25,
      muster_system_cpu_utilization_ratio_max: 0.75,
      muster_system_memory_limit_bytes: 100,
    });
  });

  test("several steps of one agent are one series, oldest first, and a step that came twice counts as it was last", () => {
    const { agent } = makeStep({});
    const at = (offset: number, value: number) =>
      makeStep({ agent, at: 1_700_000_000_000 + offset, avg: { "system.load.1m": value } });
    const all = decode(new WriteRequests({}).encode([at(20_000, 3), at(0, 1), at(10_000, 2), at(20_000, 4)]));
    assert.equal(all.length, 1);
    assert.deepEqual(
      all[0]?.samples.map(({ value }) => value),
      [1, 2, 4],
    );
  });

  test("values keep every bit: zero, the tiny, the huge and the negative", () => {
    const { agent } = makeStep({});
    const values = [0, Number.MIN_VALUE, -1.5, 2 ** 53, 1e308, 0.1 + 0.2];
    const steps = values.map((value, index) =>
      makeStep({ agent, at: 1_700_000_000_000 + index * 10_000, avg: { "system.disk.read": value } }),
    );
    const [series] = decode(new WriteRequests({}).encode(steps));
    assert.deepEqual(
      series?.samples.map(({ value }) => value),
      values,
    );
  });

  test("what Snappy made smaller is read back whole by a decoder of its own", () => {
    const { agent } = makeStep({});
    const steps = Array.from({ length: 60 }, (_, index) =>
      makeStep({ agent, at: 1_700_000_000_000 + index * 10_000, avg: { "system.disk.write": index * 1.7 } }),
    );
    const plain = new WriteRequests({ cluster: "north" }).encode(steps);
    const packed = compress(plain);
    assert.ok(packed.length < plain.length);
    assert.deepEqual(readSnappyBlock(packed), plain);
  });
});

describe("names and labels", () => {
  test("every host metric has a name that Prometheus takes, with its unit", () => {
    assert.equal(new Set(HOST_NAMES).size, HOST_METRICS.length);
    for (const name of HOST_NAMES) assert.match(name, /^muster_[a-z0-9_]+$/);
  });

  test("docs/metrics.md names every series", () => {
    const path = new URL("../../../../docs/metrics.md", import.meta.url);
    const text = readFileSync(path, "utf8");
    for (const [index, { name }] of HOST_METRICS.entries())
      assert.ok(text.includes(`| \`${name}\` | \`${HOST_NAMES[index]}\` |`), `${name} is missing`);
  });

  test("labels are bounded in number and length, and names that become one keep the first", () => {
    const many = Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [`k${String(index).padStart(2, "0")}`, "v"]),
    );
    const { agent } = makeStep({ labels: many });
    assert.equal(seriesLabels(agent, {}).length, 16 + 3);
    const long = makeStep({ labels: { "a-b": "x".repeat(400), "a.b": "y" } }).agent;
    assert.deepEqual(Object.fromEntries(seriesLabels(long, {})).label_a_b, "x".repeat(255));
    const torn = makeStep({ labels: { a: `${"x".repeat(254)}😀` } }).agent;
    assert.ok(Object.fromEntries(seriesLabels(torn, {})).label_a?.isWellFormed());
  });

  test("an operator's label may not pass for one of ours", () => {
    assert.ok(isExtraLabel("cluster"));
    for (const name of ["__name__", "agent_id", "hostname", "label_x", "9", "a-b", ""]) assert.ok(!isExtraLabel(name));
  });
});
