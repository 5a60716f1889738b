import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom, mutateText } from "../fakes-for-test.ts";
import { EXPOSITION_LIMITS, type ExpositionOptions, readExposition, type Sample } from "./exposition.ts";

const ROUNDS = 20_000;

const TEXT = `# HELP http_requests_total Requests, by "path" and \\n code.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total { method = "get" , code="400", } 3
# TYPE temperature gauge
temperature -1.5e1
limit +Inf
odd{path="C:\\\\DIR\\\\",note="a \\"b\\"\\n{c}, d"} 0x1F
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.1"} 5
wait_seconds_bucket{le="+Inf"} 9
wait_seconds_sum 1.25
wait_seconds_count 9
# TYPE rpc summary
rpc{quantile="0.5"} 4773
rpc_sum NaN
`;

const OPEN = `# TYPE jobs counter
# UNIT jobs jobs
jobs_total{queue="a"} 17.0 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67 1520879607.0
jobs_created{queue="a"} 1520430000.123
# TYPE build info
build_info{version="1.2"} 1
# TYPE feature stateset
feature{feature="x"} 1
{"my.dotted.name",where="there"} 2
# EOF
late 1
`;

const PLAIN: ExpositionOptions = { isOpenMetrics: false, maxSamples: 1000 };
const OPEN_METRICS: ExpositionOptions = { isOpenMetrics: true, maxSamples: 1000 };

function read(text: string, options: ExpositionOptions) {
  const samples: Sample[] = [];
  const reading = readExposition(text, options, (sample) => samples.push(sample));
  let step = reading.next();
  while (!step.done) step = reading.next();
  const end = step.value;
  return { samples, end, rows: samples.map(({ name, labels, value, type }) => ({ name, labels, value, type })) };
}

test("reads the text format: labels with escapes, all kinds of numbers, times in milliseconds, types of families", () => {
  const { rows, samples, end } = read(TEXT, PLAIN);
  assert.deepEqual(end, { samples: 11, problems: [], problemCount: 0, isWhole: true, isOverfull: false });
  assert.deepEqual(rows.slice(0, 4), [
    { name: "http_requests_total", labels: { method: "post", code: "200" }, value: 1027, type: "counter" },
    { name: "http_requests_total", labels: { method: "get", code: "400" }, value: 3, type: "counter" },
    { name: "temperature", labels: {}, value: -15, type: "gauge" },
    { name: "limit", labels: {}, value: Number.POSITIVE_INFINITY, type: "untyped" },
  ]);
  assert.deepEqual(rows[4], {
    name: "odd",
    labels: { path: "C:\\DIR\\", note: 'a "b"\n{c}, d' },
    value: 31,
    type: "untyped",
  });
  assert.deepEqual(rows[5], { name: "wait_seconds_bucket", labels: { le: "0.1" }, value: 5, type: "histogram" });
  assert.equal(rows[7]?.type, "histogram");
  assert.ok(Number.isNaN(rows[10]?.value));
  assert.equal(samples[0]?.timeNs, 1_395_066_363_000_000_000n);
});

test("reads OpenMetrics: times in seconds, exemplars left out, dotted names, and nothing behind the end", () => {
  const { rows, samples, end } = read(OPEN, OPEN_METRICS);
  assert.deepEqual(end, { samples: 5, problems: [], problemCount: 0, isWhole: true, isOverfull: false });
  assert.deepEqual(rows[0], { name: "jobs_total", labels: { queue: "a" }, value: 17, type: "counter" });
  assert.equal(samples[0]?.timeNs, 1_520_879_607_789_000_000n);
  assert.equal(rows[2]?.type, "info");
  assert.deepEqual(rows[4], { name: "my.dotted.name", labels: { where: "there" }, value: 2, type: "untyped" });
});

test("OpenMetrics without its last line was cut", () => {
  assert.equal(read(OPEN.slice(0, OPEN.indexOf("# EOF")), OPEN_METRICS).end.isWhole, false);
  assert.equal(read(TEXT, PLAIN).end.isWhole, true);
});

test("a bad line is told of with its number and costs no other", () => {
  const { rows, end } = read('good 1\n<html>\nx{a="b} 1\nx{a=1} 1\nx 1 2 3\nx one\nx\ngood 2\n', PLAIN);
  assert.deepEqual(
    rows.map(({ value }) => value),
    [1, 2],
  );
  assert.equal(end.problemCount, 6);
  assert.deepEqual(end.problems.slice(0, 2), [
    { line: 2, message: '"" is no name of a metric' },
    { line: 3, message: "a quote without an end" },
  ]);
});

test("a long text is read in turns", () => {
  const reading = readExposition("a 1\n".repeat(10_500), { isOpenMetrics: false, maxSamples: 20_000 }, () => {});
  let turns = 0;
  while (!reading.next().done) turns += 1;
  assert.equal(turns, 10);
});

test("limits: series, labels, lengths", () => {
  const many = read("a 1\n".repeat(20), { isOpenMetrics: false, maxSamples: 10 });
  assert.deepEqual([many.samples.length, many.end.isOverfull], [10, true]);
  const labels = Array.from({ length: EXPOSITION_LIMITS.labels + 1 }, (_, index) => `l${index}="x"`).join(",");
  assert.match(read(`a{${labels}} 1`, PLAIN).end.problems[0]?.message ?? "", /more than 128 labels/);
  assert.match(read(`a{l="${"x".repeat(5000)}"} 1`, PLAIN).end.problems[0]?.message ?? "", /too long/);
  assert.match(read(`${"a".repeat(600)} 1`, PLAIN).end.problems[0]?.message ?? "", /too long/);
  assert.match(read(`a 1${" ".repeat(70_000)}`, PLAIN).end.problems[0]?.message ?? "", /longer than/);
  assert.deepEqual(Object.keys(read('a{__proto__="x",b="y"} 1', PLAIN).samples[0]?.labels ?? {}), ["b"]);
});

test("no text makes it throw or read for long", () => {
  const random = makeRandom(4);
  for (let round = 0; round < ROUNDS; round++) {
    let text = round % 2 === 0 ? TEXT : OPEN;
    for (let change = 0; change <= random(4); change++) text = mutateText(text, random, '{}",=#\\ \n\t1eN\u0000\ud800');
    const { samples } = read(text, round % 2 === 0 ? PLAIN : OPEN_METRICS);
    for (const { name, value } of samples) assert.ok(name !== "" && typeof value === "number");
  }
  assert.equal(read('a{l="'.repeat(100_000), PLAIN).samples.length, 0);
});

test("a long line costs no more than its length, whatever it is", () => {
  const startedAt = performance.now();
  for (const text of ["1", ".", " ", "#", '"', "\\", "{", "a", "e", "="]) {
    const long = text.repeat(60_000);
    for (const line of [
      `a ${long}x`,
      `a{${long}} 1`,
      `a{l="${long}} 1`,
      `a{l="${long}"} 1`,
      `# TYPE ${long}`,
      `${long}{`,
    ]) {
      read(line, PLAIN);
    }
  }
  assert.ok(performance.now() - startedAt < 5000);
});
