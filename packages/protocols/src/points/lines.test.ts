import assert from "node:assert/strict";
import { test } from "node:test";
import type { Point } from "@muster/core";
import { decodeLines, describeProblems, encodeLines, POINT_LIMITS, SeriesCache } from "./index.ts";

const NOW = 1_700_000_000_000_000_000n;

function decode(text: string | Uint8Array, options = {}): Point[] {
  const decoded = decodeLines(text, { receivedAtNs: NOW, ...options });
  if (!decoded.points) assert.fail(describeProblems(decoded));
  return decoded.points;
}

function refusal(text: string): string {
  const decoded = decodeLines(text, { receivedAtNs: NOW });
  if (decoded.points) assert.fail(`was decoded: ${text}`);
  return describeProblems(decoded);
}

test("a line has a measurement, tags, fields of every type and a time", () => {
  const [point] = decode(
    'cpu,host=h1,cpu=cpu0 usage=1.5,n=3i,big=18446744073709551615u,on=t,off=False,say="a b" 1600000000000000000',
  );
  assert.deepEqual(point, {
    measurement: "cpu",
    tags: { host: "h1", cpu: "cpu0" },
    fields: { usage: 1.5, n: 3n, big: 18446744073709551615n, on: true, off: false, say: "a b" },
    timeNs: 1600000000000000000n,
  });
});

test("names may hold commas, spaces and equals signs behind a backslash; any other backslash is itself", () => {
  const [point] = decode("a\\ b\\,c,k\\=1=v\\ \\,\\=,path=C:\\dir f\\ 1=1");
  assert.equal(point?.measurement, "a b,c");
  assert.deepEqual(point?.tags, { "k=1": "v ,=", path: "C:\\dir" });
  assert.deepEqual(point?.fields, { "f 1": 1 });
});

test("strings keep quotes, backslashes and line breaks, and the next line is still found", () => {
  const points = decode('log message="a \\"quoted\\" C:\\\\x\nsecond line\\\\" 1\nlog message="" 2\n');
  assert.deepEqual(
    points.map((point) => point.fields.message),
    ['a "quoted" C:\\x\nsecond line\\', ""],
  );
});

test("bytes and arrays are read", () => {
  const [point] = decode('m bytes="aGk="b,ints=[1i,2i],texts=["a,]","b"],none=[],floats=[1,2.5]');
  assert.deepEqual(point?.fields, {
    bytes: new Uint8Array([104, 105]),
    ints: [1n, 2n],
    texts: ["a,]", "b"],
    none: [],
    floats: [1, 2.5],
  });
});

test("comments, empty lines, carriage returns and a missing last line break are no points", () => {
  const points = decode("# a comment, f=1\r\n\r\n  m f=1 5\r\nm f=2 \r\n\n#end\nm f=3   7");
  assert.deepEqual(
    points.map((point) => point.fields.f),
    [1, 2, 3],
  );
});

test("a line without a time gets the one of its arrival", () => {
  assert.equal(decode("m f=1")[0]?.timeNs, NOW);
});

test("the unit of a time is what the caller says, or what its magnitude tells", () => {
  const time = (stamp: string, precision?: string) =>
    decode(`m f=1 ${stamp}`, precision ? { precision } : {})[0]?.timeNs;
  assert.equal(time("1600000000"), 1_600_000_000_000_000_000n);
  assert.equal(time("1600000000123"), 1_600_000_000_123_000_000n);
  assert.equal(time("1600000000123456"), 1_600_000_000_123_456_000n);
  assert.equal(time("1600000000123456789"), 1_600_000_000_123_456_789n);
  assert.equal(time("1600000000", "n"), 1_600_000_000n);
  assert.equal(time("5", "h"), 18_000_000_000_000n);
  assert.equal(time("-1600000000", "s"), -1_600_000_000_000_000_000n);
});

test("every bad line is told of with its place", () => {
  const text = refusal("m f=1\nm\nm f=1,\nm,t= f=1\nm f=x\nm f=1 noon\nm f=2");
  assert.match(text, /line 2, column 2: a line without fields/);
  assert.match(text, /line 3, column 7: a field without a value/);
  assert.match(text, /line 4, column 3: a tag without a value/);
  assert.match(text, /line 5, column 5: a value that is no number/);
  assert.match(text, /line 6, column 7: a time that is no integer/);
});

test("what no peer may send is refused", () => {
  for (const line of [
    'm f="open',
    "m f=[1i,2",
    'm f=[1i,"a"]',
    "m f=1e999",
    "m f=NaN",
    "m f=9223372036854775808i",
    "m f=-1u",
    "m f=0x10",
    "m f=",
    "m =1",
    "m,=v f=1",
    "m __proto__=1",
    "m,__proto__=1 f=1",
    'm f="!"b',
    "m f=1 99999999999999999999",
    "m f=1 9999999999999999999",
    `${"m".repeat(POINT_LIMITS.measurement + 1)} f=1`,
    `m,t=${"v".repeat(POINT_LIMITS.tagValue + 1)} f=1`,
    `m ${"k".repeat(POINT_LIMITS.key + 1)}=1`,
    `m${",t=v".repeat(POINT_LIMITS.tags + 1)} f=1`,
    `m ${"f=1,".repeat(POINT_LIMITS.fields)}f=1`,
  ])
    assert.match(refusal(line), /^line 1, column \d+: /, line.slice(0, 40));
});

test("of many bad lines some are told and all are counted", () => {
  const text = refusal("m\n".repeat(1000));
  assert.match(text, /and 980 more$/);
});

test("a cache answers the same series without reading it again, and never more than it may keep", () => {
  const series = new SeriesCache(2);
  const [first, second] = decode("m,t=1 f=1\nm,t=1 f=2\nn f=1\no f=1\np f=1", { series });
  assert.deepEqual(second?.tags, { t: "1" });
  assert.deepEqual(first?.tags, second?.tags);
  const [third] = decode("m,t=1 f=1", { series });
  assert.deepEqual(third?.tags, { t: "1" });
});

test("encoded points decode to what they were", () => {
  const points: Point[] = [
    {
      measurement: "a b,c=d\\e",
      tags: { "k =,": "v ,=\\x", ünï: "日本" },
      fields: {
        float: 1.5,
        tiny: 5e-324,
        huge: 1e300,
        int: -(2n ** 63n),
        unsigned: 2n ** 64n - 1n,
        yes: true,
        text: 'quote " back \\ slash\nline\\',
        "f =,": "",
        bytes: new Uint8Array([0, 255]),
        ints: [1n, 2n],
        texts: ["a", ',"]'],
      },
      timeNs: NOW,
    },
  ];
  assert.deepEqual(decode(encodeLines(points)), points);
});

test("what the format cannot say is left out", () => {
  const text = encodeLines([
    { measurement: "", tags: { empty: "", end: "x\\", lines: "a\nb" }, fields: { nan: Number.NaN, f: 1 }, timeNs: 1n },
    { measurement: "m", tags: {}, fields: { nan: Number.NaN, big: 2n ** 64n }, timeNs: 1n },
    { measurement: "#m", tags: {}, fields: { f: 1n }, timeNs: 1n },
  ]);
  assert.equal(text, "__default,end=x,lines=a\\ b f=1 1\nm f=1i 1\n");
});
