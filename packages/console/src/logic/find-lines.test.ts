import assert from "node:assert/strict";
import { test } from "node:test";
import { findLines, nextHit, toPlainText } from "./find-lines.ts";
import type { OutputLine } from "./output-lines.ts";

const lines = ["Error: one", "fine", "another ERROR"].map(
  (text, number): OutputLine => ({ number, runId: "r", stream: "stdout", at: "", spans: [], text }),
);

test("lines are found whatever the case, and an empty text finds nothing", () => {
  assert.deepEqual(findLines(lines, "error"), [0, 2]);
  assert.deepEqual(findLines(lines, ""), []);
});

test("going from hit to hit wraps around the ends", () => {
  assert.equal(nextHit([0, 2], undefined, 1), 0);
  assert.equal(nextHit([0, 2], 0, 1), 2);
  assert.equal(nextHit([0, 2], 2, 1), 0);
  assert.equal(nextHit([0, 2], 0, -1), 2);
  assert.equal(nextHit([], 0, 1), undefined);
});

test("a download names the host of each line when there are many", () => {
  assert.equal(toPlainText(lines.slice(0, 1)), "Error: one\n");
  assert.equal(
    toPlainText(lines.slice(0, 1), () => "web-1"),
    "web-1: Error: one\n",
  );
});
