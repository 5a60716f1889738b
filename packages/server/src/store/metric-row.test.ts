import assert from "node:assert/strict";
import { test } from "node:test";
import { joinRows, type MetricRow, packRow, unpackRow } from "./metric-row.ts";

const row = (count: number, avg: number[], min = avg, max = avg): MetricRow => ({
  count,
  avg: new Float64Array(avg),
  min: new Float64Array(min),
  max: new Float64Array(max),
});

test("a single reading keeps its values exactly", () => {
  const packed = packRow(row(1, [0.1, 16_777_216_001, Number.NaN]));
  assert.equal(packed.byteLength, 8 + 3 * 8);
  const back = unpackRow(packed, 3);
  assert.deepEqual([...back.avg], [0.1, 16_777_216_001, Number.NaN]);
  assert.equal(back.count, 1);
});

test("several readings keep the average exactly and the extremes of what varied", () => {
  const back = unpackRow(packRow(row(4, [0.5, 8e9, Number.NaN], [0.25, 8e9, Number.NaN], [0.75, 8e9, Number.NaN])), 3);
  assert.deepEqual([...back.avg], [0.5, 8e9, Number.NaN]);
  assert.deepEqual([...back.min], [0.25, 8e9, Number.NaN]);
  assert.deepEqual([...back.max], [0.75, 8e9, Number.NaN]);
});

test("a constant field costs eight bytes, a varying one sixteen", () => {
  const fields = 40;
  const constant = new Array<number>(fields).fill(1);
  const varying = constant.map((_, index) => (index === 39 ? 2 : 1));
  assert.equal(packRow(row(2, constant)).byteLength, 8 + fields * 8 + 8);
  assert.equal(packRow(row(2, constant, constant, varying)).byteLength, 8 + fields * 8 + 8 + 8);
  assert.equal(unpackRow(packRow(row(2, constant, constant, varying)), fields).max[39], 2);
});

test("a row that was written before a field existed reads as not measured there", () => {
  const back = unpackRow(packRow(row(1, [1, 2])), 4);
  assert.deepEqual([...back.avg], [1, 2, Number.NaN, Number.NaN]);
});

test("joining weighs by readings and ignores what was not measured", () => {
  const joined = joinRows([row(1, [1, Number.NaN]), row(3, [2, 5], [0, 4], [3, 6])], 2);
  assert.deepEqual([...joined.avg], [1.75, 5]);
  assert.deepEqual([...joined.min], [0, 4]);
  assert.deepEqual([...joined.max], [3, 6]);
  assert.equal(joined.count, 4);
});
