import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteCache } from "./byte-cache.ts";
import { decodeLines, SeriesCache } from "./index.ts";

const OPTIONS = { receivedAtNs: 1n };

function rangeOf(bytes: Buffer, hash: number) {
  return { start: 0, end: bytes.length, hash };
}

test("ranges with the same hash are told apart, and of three that share their places one is forgotten", () => {
  const cache = new ByteCache<string>(2, 1000);
  const texts = ["a", "b", "c"].map((text) => Buffer.from(text));
  for (const bytes of texts) {
    assert.equal(cache.find(bytes, rangeOf(bytes, 7)), undefined);
    cache.keep(bytes, rangeOf(bytes, 7), { value: `value of ${bytes}`, cost: 10 });
  }
  const found = texts.map((bytes) => cache.find(bytes, rangeOf(bytes, 7))?.value);
  assert.deepEqual(found, [undefined, "value of b", "value of c"]);
  assert.equal(cache.cost, 20);
});

test("a range is found where it stands in another body, and not by a part of it", () => {
  const cache = new ByteCache<number>(16, 1000);
  cache.keep(Buffer.from("xm,t=1"), { start: 1, end: 6, hash: 3 }, { value: 1, cost: 1 });
  assert.equal(cache.find(Buffer.from("m,t=1 f"), { start: 0, end: 5, hash: 3 })?.value, 1);
  assert.equal(cache.find(Buffer.from("m,t=1 f"), { start: 0, end: 4, hash: 3 }), undefined);
  assert.equal(cache.find(Buffer.from("m,t=2 f"), { start: 0, end: 5, hash: 3 }), undefined);
});

test("all together never cost more than they may, and what alone costs more is not kept", () => {
  const cache = new ByteCache<number>(1024, 100);
  const bytes = Buffer.from("abcdefgh");
  for (let end = 1; end <= 8; end++) {
    cache.keep(bytes, { start: 0, end, hash: end * 2 }, { value: end, cost: 30 });
    assert.ok(cache.cost <= 100);
    assert.equal(cache.find(bytes, { start: 0, end, hash: end * 2 })?.value, end);
  }
  cache.keep(bytes, { start: 0, end: 8, hash: 99 }, { value: 9, cost: 101 });
  assert.equal(cache.find(bytes, { start: 0, end: 8, hash: 99 }), undefined);
});

test("tags that never come again cost no more than a cache may, and are all read right", () => {
  const series = new SeriesCache(256, 20_000);
  for (let body = 0; body < 20; body++) {
    const lines = Array.from({ length: 500 }, (_, n) => `m,t=${body}-${n},host=h f${n}=${n}`).join("\n");
    const { points = [] } = decodeLines(lines, { ...OPTIONS, series });
    assert.deepEqual(
      points.map(({ tags, fields }) => [tags, fields]),
      Array.from({ length: 500 }, (_, n) => [{ t: `${body}-${n}`, host: "h" }, { [`f${n}`]: n }]),
    );
    assert.ok(series.series.cost <= 20_000 && series.names.cost <= 20_000);
  }
});

test("series and names that differ in a byte, or only begin alike, are not mixed up", () => {
  const lines = ["m,t=1 f=1", "m,t=12 f=1", "m,t=1 ff=1,f=2", "m,t=2 f=1,ff=2", "m\\ ,t=1 f=1", "m f\\==1", "m f=1"];
  const text = `${lines.join("\n")}\n`.repeat(3);
  const read = (series?: SeriesCache) => decodeLines(text, { ...OPTIONS, ...(series && { series }) }).points;
  assert.deepEqual(read(new SeriesCache(2)), read());
  assert.deepEqual(
    read()
      ?.slice(0, 7)
      .map(({ measurement, tags, fields }) => [measurement, tags.t, fields]),
    [
      ["m", "1", { f: 1 }],
      ["m", "12", { f: 1 }],
      ["m", "1", { ff: 1, f: 2 }],
      ["m", "2", { f: 1, ff: 2 }],
      ["m ", "1", { f: 1 }],
      ["m", undefined, { "f=": 1 }],
      ["m", undefined, { f: 1 }],
    ],
  );
});
