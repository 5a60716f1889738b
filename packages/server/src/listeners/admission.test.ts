import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@muster/testing";
import { Admission, type AdmissionOptions } from "./admission.ts";

function make(options: Partial<AdmissionOptions> = {}) {
  const clock = new ManualClock();
  return { clock, admission: new Admission({ clock, perSecond: 10, random: () => 0.5, ...options }) };
}

/** Seconds that so many upgrades in a row are told. */
function ask(admission: Admission, count: number): number[] {
  return Array.from({ length: count }, () => admission.admit(0));
}

test("a burst of two seconds' worth passes, then the rate", () => {
  const { clock, admission } = make();
  assert.equal(ask(admission, 25).filter((wait) => wait === 0).length, 20);
  clock.advance(500);
  assert.equal(ask(admission, 10).filter((wait) => wait === 0).length, 5);
  clock.advance(60_000);
  assert.equal(
    ask(admission, 40).filter((wait) => wait === 0).length,
    20,
    "a long quiet time saves up no more than that",
  );
});

test("who is refused is told a place in a queue that moves at the rate", () => {
  const { clock, admission } = make({ burst: 1 });
  ask(admission, 1);
  const waits = ask(admission, 35);
  assert.deepEqual(waits, [...Array(10).fill(1), ...Array(10).fill(2), ...Array(10).fill(3), ...Array(5).fill(4)]);
  clock.advance(2000);
  ask(admission, 1);
  assert.equal(admission.admit(0), 2, "two of the seconds have passed");
  assert.equal(admission.refused.rate, 36);
});

test("a fleet that comes back when it was told gets in at the rate, with nobody sent away over and over", () => {
  const { clock, admission } = make({ perSecond: 100 });
  const dueAt = new Map<number, number[]>([[0, Array(3000).fill(0)]]);
  let tries = 0;
  let seconds = 0;
  for (let left = 3000; left > 0 && seconds < 100; seconds += 1) {
    for (const _ of dueAt.get(seconds) ?? []) {
      tries += 1;
      const wait = admission.admit(0);
      if (wait === 0) left -= 1;
      else dueAt.set(seconds + wait, [...(dueAt.get(seconds + wait) ?? []), 0]);
    }
    clock.advance(1000);
  }
  assert.ok(seconds <= 31, `${seconds} s for 30 s worth of agents`);
  assert.ok(tries <= 3000 * 2.2, `${tries} tries`);
});

test("nobody is sent away for more than five minutes, and those who would be are spread", () => {
  let draws = 0;
  const random = () => {
    draws += 1;
    return (draws * 0.37) % 1;
  };
  const { admission } = make({ random });
  const waits = ask(admission, 10_000);
  assert.ok(Math.max(...waits) <= 300);
  assert.ok(new Set(waits.slice(5000)).size > 50);
});

test("while too many hellos wait for the store nobody new is let in, whatever the rate", () => {
  const { admission } = make({ maxWaiting: 3 });
  assert.equal(admission.admit(2), 0);
  assert.equal(admission.admit(3), 1);
  assert.deepEqual(admission.refused, { rate: 0, store: 1, descriptors: 0 });
});

test("upgrades that come to nothing do not use up the rate", () => {
  const { admission } = make();
  for (let tries = 0; tries < 100; tries++) {
    assert.equal(admission.admit(0), 0);
    admission.giveBack();
  }
  assert.equal(ask(admission, 25).filter((wait) => wait === 0).length, 20);
});
