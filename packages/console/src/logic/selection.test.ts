import assert from "node:assert/strict";
import { test } from "node:test";
import { extendTo, moveCursor, NOTHING, toggleAll, toggleOne } from "./selection.ts";

const order = ["a", "b", "c", "d", "e"];

test("toggling twice leaves nothing selected", () => {
  assert.equal(toggleOne(toggleOne(NOTHING, "a"), "a").ids.size, 0);
});

test("a range reaches from the anchor in either direction and keeps what was picked", () => {
  const picked = toggleOne(toggleOne(NOTHING, "e"), "c");
  assert.deepEqual([...extendTo(picked, "a", order).ids].sort(), ["a", "b", "c", "e"]);
  assert.deepEqual([...extendTo(toggleOne(NOTHING, "b"), "d", order).ids].sort(), ["b", "c", "d"]);
});

test("a range without an anchor on screen toggles the one row", () => {
  assert.deepEqual([...extendTo(NOTHING, "b", order).ids], ["b"]);
  assert.deepEqual([...extendTo({ ids: new Set(), anchor: "gone" }, "b", order).ids], ["b"]);
});

test("the box in the head takes all in, then all out", () => {
  const all = toggleAll(NOTHING, order);
  assert.equal(all.ids.size, 5);
  assert.equal(toggleAll(all, order).ids.size, 0);
});

test("the cursor stays inside the table", () => {
  const rows = { count: 3, perPage: 20 };
  assert.equal(moveCursor("ArrowDown", -1, rows), 0);
  assert.equal(moveCursor("ArrowDown", 2, rows), 2);
  assert.equal(moveCursor("ArrowUp", -1, rows), 0);
  assert.equal(moveCursor("PageDown", 0, rows), 2);
  assert.equal(moveCursor("End", 0, rows), 2);
  assert.equal(moveCursor("q", 0, rows), undefined);
  assert.equal(moveCursor("ArrowDown", 0, { count: 0, perPage: 20 }), undefined);
});
