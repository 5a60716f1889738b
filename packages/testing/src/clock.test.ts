import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "./clock.ts";

test("timers fire in the order in which they are due, not in which they were set", () => {
  const clock = new ManualClock();
  const fired: string[] = [];
  clock.after(20, () => fired.push("late"));
  clock.after(10, () => fired.push("early"));
  clock.advance(15);
  assert.deepEqual(fired, ["early"]);
  clock.advance(5);
  assert.deepEqual(fired, ["early", "late"]);
  assert.equal(clock.pendingTimers, 0);
});

test("a timer sees the instant at which it was due, and a timer that it sets fires in the same advance", () => {
  const clock = new ManualClock(1000);
  const seen: number[] = [];
  clock.after(10, () => {
    seen.push(clock.now());
    clock.after(5, () => seen.push(clock.now()));
  });
  clock.advance(100);
  assert.deepEqual(seen, [1010, 1015]);
  assert.equal(clock.now(), 1100);
});

test("an interval fires once per period until it is cancelled, also from inside", () => {
  const clock = new ManualClock();
  let count = 0;
  const cancel = clock.every(10, () => {
    count += 1;
    if (count === 3) cancel();
  });
  clock.advance(100);
  assert.equal(count, 3);
});

test("a jump of the wall clock moves neither monotonic time nor timers", () => {
  const clock = new ManualClock(5000);
  let fired = false;
  clock.after(10, () => {
    fired = true;
  });
  clock.jump(-3000);
  assert.equal(clock.now(), 2000);
  assert.equal(clock.monotonic(), 0);
  assert.equal(fired, false);
});

test("advanceAndSettle lets awaited work between two timers happen", async () => {
  const clock = new ManualClock();
  const steps: string[] = [];
  const work = async () => {
    await new Promise<void>((resolve) => clock.after(10, resolve));
    steps.push("first");
    await new Promise<void>((resolve) => clock.after(10, resolve));
    steps.push("second");
  };
  const done = work();
  await clock.advanceAndSettle(20);
  await done;
  assert.deepEqual(steps, ["first", "second"]);
});
