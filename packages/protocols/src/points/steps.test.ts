import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type DecodedPoints,
  decodeJsonInSteps,
  decodeLines,
  decodeLinesInSteps,
  decodeReadingsInSteps,
  describeProblems,
  POINT_LIMITS,
  Readings,
  runInTurns,
  runSteps,
  SeriesCache,
  type Steps,
} from "./index.ts";

const OPTIONS = { receivedAtNs: 1_700_000_000_000_000_000n };

/** Gives up its turn after every step, and counts them. */
async function countTurns(steps: Steps<DecodedPoints>): Promise<{ turns: number; decoded: DecodedPoints }> {
  let turns = 0;
  const decoded = await runInTurns(steps, {
    isOver: true,
    async next() {
      turns += 1;
    },
  });
  return { turns, decoded };
}

test("a body is read in steps of some hundred fields, and comes out whole", async () => {
  const text = Array.from({ length: 2000 }, (_, n) => `m,t=${n % 7} a=${n},b=${n}i,c="x" ${n}`).join("\n");
  const { turns, decoded } = await countTurns(decodeLinesInSteps(text, OPTIONS));
  assert.deepEqual(decoded, decodeLines(text, OPTIONS));
  assert.ok(turns >= 6000 / 260 && turns <= 100, `${turns} turns`);
});

test("one line, however many fields it has, is no single step", async () => {
  const text = `m ${Array.from({ length: 1000 }, (_, n) => `f${n}=${n}`).join()} 5`;
  const { turns, decoded } = await countTurns(decodeLinesInSteps(text, OPTIONS));
  assert.ok(turns >= 3, `${turns} turns`);
  assert.equal(Object.keys(decoded.points?.[0]?.fields ?? {}).length, 1000);
  const lists = `m ${Array.from({ length: 50 }, (_, n) => `f${n}=[${"1,".repeat(2000)}1]`).join()}`;
  assert.ok((await countTurns(decodeLinesInSteps(lists, OPTIONS))).turns >= 49);
});

test("neither white space nor comments nor bad lines make a step long", async () => {
  for (const [filler, least] of [
    ["\n", 10],
    ["#\n", 4],
    ["m\n", 900],
  ] as const) {
    const text = filler.repeat(filler === "\n" ? 200_000 : 1000);
    const { turns } = await countTurns(decodeLinesInSteps(text, OPTIONS));
    assert.ok(turns >= least, `${turns} turns of ${JSON.stringify(filler)}`);
  }
});

test("behind thousands of bad lines nobody reads on", () => {
  const decoded = decodeLines("m\n".repeat(POINT_LIMITS.problemsCounted * 3), OPTIONS);
  assert.ok(decoded.problems);
  assert.equal(decoded.problemCount, POINT_LIMITS.problemsCounted);
});

test("a line that ends in the middle of its fields is refused, wherever a step ends", () => {
  for (let fields = 240; fields < 260; fields++) {
    const decoded = decodeLines(`m ${"a=1,".repeat(fields)}`, OPTIONS);
    assert.ok(decoded.problems, `${fields} fields`);
    assert.match(describeProblems(decoded), /^line 1, column \d+: a field without a value$/);
  }
});

test("a bad time spoils its own line only", () => {
  const decoded = decodeLines("m f=1 noon\nm f=\nm f=2 5", OPTIONS);
  assert.ok(decoded.problems);
  assert.equal(
    describeProblems(decoded),
    "line 1, column 7: a time that is no integer; line 2, column 5: a field without a value",
  );
});

test("points of JSON are read one by one", async () => {
  const text = JSON.stringify(Array.from({ length: 100 }, (_, n) => ({ measurement: "m", fields: { n } })));
  const { turns, decoded } = await countTurns(decodeJsonInSteps(text, OPTIONS));
  assert.equal(turns, 100);
  assert.equal(decoded.points?.length, 100);
});

test("readings of lines are the numbers of their points", () => {
  const text = [
    'm,t=1 a=1.5,b=3i,c=t,d="text",e=18446744073709551615u,f=[1,2] 1600000000',
    "m,t=1 b=-7i,a=.5,c=false 1600000000123456789",
    "n a=0.3333333333333333,b=1e3,c=-2.,d=+5,e=12345678901234567890 -5",
    "m,t=1 a=9007199254740993i,b=-0",
  ].join("\n");
  const { readings } = runSteps(decodeReadingsInSteps(text, { ...OPTIONS, series: new SeriesCache() }));
  const { points } = decodeLines(text, OPTIONS);
  assert.ok(readings && points);
  const expected = Readings.from(points);
  for (const column of ["times", "ends", "names", "values"] as const)
    assert.deepEqual(readings[column], expected[column], column);
  assert.deepEqual(
    readings.series,
    points.map(({ measurement, tags }) => ({ measurement, tags })),
  );
  assert.equal(readings.series[0], readings.series[1], "series are shared");
});

test("times are exact to the nanosecond and to the last of 64 bits", () => {
  const timeOf = (stamp: string, precision: "n" | "u" | "s") => {
    const decoded = decodeLines(`m f=1 ${stamp}`, { ...OPTIONS, precision });
    return decoded.points?.[0]?.timeNs ?? describeProblems(decoded as Extract<DecodedPoints, { problemCount: number }>);
  };
  for (const stamp of ["9223372036854775807", "-9223372036854775808", "1600000000123456789", "-1", "0", "0000000001"])
    assert.equal(timeOf(stamp, "n"), BigInt(stamp));
  assert.equal(timeOf("-9223372036854775", "u"), -9_223_372_036_854_775_000n);
  for (const [stamp, precision] of [
    ["9223372036854775808", "n"],
    ["-9223372036854775809", "n"],
    ["9223372036854776", "u"],
    ["9223372037", "s"],
  ] as const)
    assert.equal(timeOf(stamp, precision), "line 1, column 7: a time that does not fit 64 bits");
});
