import assert from "node:assert/strict";
import { test } from "node:test";
import { TurnQueue } from "./point-turns.ts";

function makeQueue() {
  let now = 0;
  const waiting: (() => void)[] = [];
  const queue = new TurnQueue({ clock: { monotonic: () => now }, yieldNow: (goOn) => void waiting.push(goOn) });
  return {
    queue,
    waiting,
    pass: (ms: number) => {
      now += ms;
    },
    async othersHadTheirTurn() {
      waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test("a turn is over after some milliseconds, and the next one begins when others had theirs", async () => {
  const { queue, pass, waiting, othersHadTheirTurn } = makeQueue();
  const turns = queue.begin();
  pass(7);
  assert.equal(turns.isOver, false);
  pass(1);
  assert.equal(turns.isOver, true);
  const next = turns.next();
  pass(50);
  assert.equal(waiting.length, 1);
  await othersHadTheirTurn();
  await next;
  assert.equal(turns.isOver, false, "what others took is not counted");
});

test("of many that wait one goes on each time, in their order", async () => {
  const { queue, waiting, othersHadTheirTurn } = makeQueue();
  const order: number[] = [];
  for (let body = 0; body < 3; body++)
    void queue
      .begin()
      .next()
      .then(() => order.push(body));
  for (let turn = 1; turn <= 3; turn++) {
    assert.equal(waiting.length, 1, "one call for all");
    await othersHadTheirTurn();
    assert.deepEqual(order, [0, 1, 2].slice(0, turn));
  }
  assert.equal(waiting.length, 0);
});
