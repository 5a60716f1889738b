import assert from "node:assert/strict";
import { test } from "node:test";
import { dealWaves, readWaves } from "./wave-plan.ts";

test("waves are counts and shares, and the last is everyone", () => {
  assert.deepEqual(readWaves("1, 10%,50% 100%"), [1, "10%", "50%", "100%"]);
  assert.deepEqual(readWaves("5，20%"), [5, "20%", "100%"]);
  assert.deepEqual(readWaves(""), ["100%"]);
});

test("waves that do not grow, begin nobody or are no numbers cannot be read", () => {
  for (const text of ["10, 5", "50%, 10%", "0", "0%, 10%", "half", "100%, 50%", "1, 1", "-3"])
    assert.equal(readWaves(text), undefined, text);
  assert.equal(readWaves(Array.from({ length: 21 }, (_, index) => index + 1).join(",")), undefined);
});

test("agents are dealt to waves until there are none left", () => {
  assert.deepEqual(dealWaves([1, "10%", "50%", "100%"], 40), [1, 3, 16, 20]);
  assert.deepEqual(dealWaves([5, "10%", "100%"], 4), [4, 0, 0]);
  assert.deepEqual(dealWaves(["100%"], 0), [0]);
});
