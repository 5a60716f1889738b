import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { findFreePort, ManualClock, onEnd, type Scope, waitUntil } from "@muster/testing";
import { tryKind } from "../../shared/kinds-for-test.ts";
import { makeRandom, mutateText } from "../fakes-for-test.ts";
import { parseStatsd, type StatsdLine } from "./line.ts";
import { atPercentile, StatsdSeries } from "./series.ts";
import { statsd } from "./statsd.ts";

const OPTIONS = {
  maxSeries: 100,
  maxSamples: 100,
  percentiles: [50, 90],
  separator: "_",
  gaugeTimeoutMs: 1000,
  maxBytes: 1_000_000,
  random: () => 0.5,
};

function fill(series: StatsdSeries, lines: readonly string[], nowMs = 0): void {
  for (const line of lines) {
    const parsed = parseStatsd(line, true);
    assert.ok(typeof parsed === "object", `${line}: ${parsed}`);
    series.add(parsed as StatsdLine, nowMs);
  }
}

const rows = (series: StatsdSeries, nowMs = 0) =>
  series.flush(nowMs, 1n).map(({ measurement, tags, fields }) => ({ measurement, ...tags, ...fields }));

test("lines: rates, tags of both kinds, packed values; events and checks are none", () => {
  assert.deepEqual(parseStatsd("web.hits,dc=a:3:4|c|@0.5|#code:200,beta", true), {
    name: "web.hits",
    type: "counter",
    tags: { code: "200", beta: "true", dc: "a" },
    values: ["3", "4"],
    rate: 0.5,
  });
  assert.equal(parseStatsd("_e{5,4}:title|text", true), undefined);
  assert.equal(parseStatsd("_sc|check|0", true), undefined);
  for (const wrong of [
    "",
    "x",
    "x|c",
    ":1|c",
    "x:1|q",
    "x:y|c",
    "x:1|c|@2",
    "x:1|c|@0",
    "x:NaN|g",
    "x:1e999|g",
    "x:|s",
  ]) {
    assert.equal(typeof parseStatsd(wrong, true), "string", wrong);
  }
  assert.deepEqual((parseStatsd("x:1|c|#a:b", false) as StatsdLine).tags, {});
  assert.match(String(parseStatsd(`x:1|c|#${"a,".repeat(100)}`, true)), /too many tags/);
  assert.match(String(parseStatsd(`${"x".repeat(300)}:1|c`, true)), /name/);
});

test("counters are scaled by their rate and begin anew, gauges stay, sets count members", () => {
  const series = new StatsdSeries(OPTIONS);
  fill(series, ["a.b:1|c", "a.b:2|c|@0.5", "g:5|g", "g:+2|g", "g:-4|g", "u:x|s", "u:y|s", "u:x|s"]);
  assert.deepEqual(rows(series), [
    { measurement: "a_b", metric_type: "counter", value: 5 },
    { measurement: "g", metric_type: "gauge", value: 3 },
    { measurement: "u", metric_type: "set", value: 2 },
  ]);
  assert.deepEqual(rows(series, 900), [{ measurement: "g", metric_type: "gauge", value: 3 }]);
  assert.deepEqual(rows(series, 1001), []);
});

test("timings: count, sum, mean, limits, spread and percentiles; a rate weighs", () => {
  const series = new StatsdSeries(OPTIONS);
  fill(series, ["t:1:2:3:4|ms", "t:5:6:7:8:9:10|ms", "h:2|h|@0.1"]);
  const [timing, histogram] = rows(series) as Record<string, unknown>[];
  assert.deepEqual(timing, {
    measurement: "t",
    metric_type: "timing",
    count: 10,
    sum: 55,
    mean: 5.5,
    lower: 1,
    upper: 10,
    stddev: Math.sqrt(8.25),
    "50_percentile": 5,
    "90_percentile": 9,
  });
  assert.deepEqual([histogram?.count, histogram?.sum, histogram?.mean], [10, 20, 2]);
  assert.equal(atPercentile([], 90), 0);
});

test("new series beyond the limit are counted and dropped, and samples of one stay few and fair", () => {
  const series = new StatsdSeries({ ...OPTIONS, maxSeries: 2, maxSamples: 100, random: Math.random });
  fill(series, ["a:1|c", "b:1|c", "c:1|c", "a:1|c"]);
  assert.equal(series.refused, 1);
  assert.equal(rows(series).length, 2);
  for (let value = 1; value <= 10_000; value++) fill(series, [`t:${value}|ms`]);
  const [timing] = rows(series) as Record<string, unknown>[];
  assert.deepEqual([timing?.count, timing?.upper], [10_000, 10_000]);
  const median = Number(timing?.["50_percentile"]);
  assert.ok(median > 2500 && median < 7500, String(median));
});

test("however many names, members and values somebody sends, what is kept has a limit and is told", () => {
  const series = new StatsdSeries({ ...OPTIONS, maxSeries: 200_000, maxSamples: 100_000, maxBytes: 100_000 });
  const attack = (lineOf: (index: number) => string) => {
    for (let index = 0; index < 5000; index++) fill(series, [lineOf(index)]);
    return series.refused;
  };
  const tag = "t".repeat(150);
  assert.ok(attack((index) => `name${index}:1|c|#${tag}:${tag}`) > 4900);
  assert.ok(rows(series).length < 100);
  assert.ok(attack((index) => `u${index % 3}:${tag}${index}|s`) > 4500);
  const members = rows(series).map((row) => (row as { value?: number }).value ?? 0);
  assert.ok(members.length === 3 && Math.max(...members) < 300, String(members));
  // a timing keeps fewer values when there is no room, and counts all
  attack((index) => `t${index % 2}:${index}|ms`);
  assert.deepEqual(
    rows(series).map((row) => (row as { count?: number }).count),
    [2500, 2500],
  );
  // gauges stay, and so does their room
  const gauges = attack((index) => `g${index}:1|g`);
  rows(series);
  assert.equal(
    attack((index) => `g${index}:1|g`),
    gauges,
  );
  rows(series, 2000);
  assert.equal(
    attack((index) => `h${index}:1|g`),
    gauges,
  );
});

test("no line makes the parser throw", () => {
  const random = makeRandom(8);
  for (let round = 0; round < 20_000; round++) {
    let line = "web.hits,dc=a:3:4|ms|@0.5|#code:200,beta";
    for (let change = 0; change <= random(5); change++) line = mutateText(line, random, ":|@#,=.+-1eé\u0000");
    const parsed = parseStatsd(line, true);
    if (typeof parsed === "object" && parsed.type !== "set")
      assert.ok(parsed.values.every((value) => Number.isFinite(Number(value))));
  }
});

async function sendUdp(scope: Scope, port: number, text: string): Promise<void> {
  const socket = createSocket("udp4");
  onEnd(scope, () => void socket.close());
  await new Promise((resolve) => socket.send(text, port, "127.0.0.1", resolve));
}

test("datagrams with several lines come in over UDP, bad lines are told of", async (context) => {
  const port = await findFreePort();
  const trial = await tryKind(context, statsd, { options: { service_address: `127.0.0.1:${port}` } });
  await sendUdp(context, port, "app.hits:1|c|#a:b\napp.hits:1|c|#a:b\nrubbish\n");
  await waitUntil("points", async () => trial.collect().then(() => trial.points.length > 0));
  const [point] = trial.points;
  assert.deepEqual(
    [point?.measurement, point?.tags, point?.fields],
    ["app_hits", { a: "b", metric_type: "counter" }, { value: 2 }],
  );
  assert.match(trial.troubles.at(-1) ?? "", /^1 line could not be read, the first was a line without a type/);
});

test("over TCP lines come in pieces, and a line without an end is cut off", async (context) => {
  const port = await findFreePort();
  const options = { service_address: `127.0.0.1:${port}`, protocol: "tcp" };
  const trial = await tryKind(context, statsd, { options });
  const socket = connect(port, "127.0.0.1");
  socket.write("a:1|c\nb:");
  await waitUntil("the first piece", async () => trial.collect().then(() => trial.points.length > 0));
  socket.end("2|c");
  await once(socket, "close");
  const endless = connect(port, "127.0.0.1").on("error", () => {});
  endless.write("x".repeat(20_000));
  await once(endless, "close");
  await trial.collect();
  assert.deepEqual(
    trial.points.map(({ measurement, fields }) => [measurement, fields.value]),
    [
      ["a", 1],
      ["b", 2],
    ],
  );
});

test("a connection that sends a byte now and then and no line is closed, one with lines is not", async (context) => {
  const port = await findFreePort();
  const clock = new ManualClock();
  const options = { service_address: `127.0.0.1:${port}`, protocol: "tcp" };
  const trial = await tryKind(context, statsd, { options, clock });
  const [slow, good] = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  const ended = once(slow.resume(), "close");
  onEnd(context, () => void good.destroy());
  for (let minute = 0; minute <= 11; minute++) {
    slow.write("x");
    good.write("a:1|c\n");
    const before = trial.points.length;
    await waitUntil("the good one's line", async () => trial.collect().then(() => trial.points.length > before));
    clock.advance(60_000);
  }
  await ended;
  assert.equal(good.destroyed, false);
});

test("garbage in datagrams and over TCP is counted and kept nowhere", async (context) => {
  const random = makeRandom(5);
  const noise = Buffer.from(Array.from({ length: 8000 }, () => random(256)));
  for (const protocol of ["udp", "tcp"]) {
    const port = await findFreePort();
    const trial = await tryKind(context, statsd, { options: { service_address: `127.0.0.1:${port}`, protocol } });
    if (protocol === "udp") await sendUdp(context, port, noise.toString("latin1"));
    else
      connect(port, "127.0.0.1")
        .on("error", () => {})
        .end(noise);
    await waitUntil("a trouble", async () => trial.collect().then(() => typeof trial.troubles.at(-1) === "string"));
    assert.match(trial.troubles.at(-1) ?? "", /^\d+ lines? could not be read/);
    assert.deepEqual(trial.points, []);
  }
});

test("an address that is taken is refused in words", async (context) => {
  const port = await findFreePort();
  const options = { service_address: `127.0.0.1:${port}` };
  await tryKind(context, statsd, { options });
  await assert.rejects(
    tryKind(context, statsd, { options }),
    new RegExp(`127.0.0.1:${port} is in use by another program`),
  );
});
