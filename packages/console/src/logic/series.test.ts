import assert from "node:assert/strict";
import { test } from "node:test";
import { appendPoint, EMPTY_SERIES, sparkPath } from "./series.ts";

test("a series keeps its newest points in order and nothing twice", () => {
  let series = EMPTY_SERIES;
  for (const at of [1, 2, 2, 1, 3, 4]) series = appendPoint(series, at, at, 3);
  assert.deepEqual(series.times, [2, 3, 4]);
});

test("a sparkline has no line across a gap", () => {
  const times = [0, 10, 20, 100, 110];
  const path = sparkPath({ times, values: [1, 1, 1, 1, 1] }, { width: 110, height: 10 });
  assert.equal(path.split("M").length - 1, 2);
  const withNull = sparkPath({ times: [0, 10, 20], values: [1, null, 1] }, { width: 20, height: 10 });
  assert.equal(withNull.split("M").length - 1, 2);
});

test("a single point draws nothing, and values above the top stay in the box", () => {
  assert.equal(sparkPath({ times: [1], values: [1] }, { width: 10, height: 10 }), "");
  assert.match(sparkPath({ times: [0, 1], values: [0, 5] }, { width: 10, height: 10, max: 1 }), /L10\.0 0\.5/);
});
