import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ManualClock } from "@muster/testing";
import { databaseAway } from "../store/away.ts";
import { sqliteDialect } from "../store/sqlite.ts";
import { BusyStore } from "../store/stores-for-test.ts";
import { Processes } from "./processes.ts";

/** A judge and one other process, by a clock that is turned by hand. */
async function openJudge(context: TestContext) {
  const clock = new ManualClock();
  const store = new BusyStore({ ...sqliteDialect(":memory:"), shared: true });
  await store.migrate();
  const returns: number[] = [];
  const onReturn = () => void returns.push(clock.monotonic());
  const processes = new Processes({ store, clock, processId: "judge", place: "here", hasBus: true, onReturn });
  await processes.start();
  context.after(async () => {
    await processes.stop();
    await store.close();
  });
  const beat = async () => {
    const row = { id: "other", place: "there", started_at: 1, beat_at: clock.now() };
    const insert = store.db.insertInto("processes").values(row);
    await insert.onConflict((conflict) => conflict.column("id").doUpdateSet({ beat_at: row.beat_at })).execute();
  };
  const settle = async () => {
    do await setImmediate();
    while (store.isBusy);
  };
  /** Lets seconds pass; answers who was found dead. */
  const pass = async (seconds: number, isBeating: boolean) => {
    const dead: string[] = [];
    for (let second = 0; second < seconds; second++) {
      clock.advance(1000);
      await settle();
      if (isBeating) await beat();
      dead.push(...(await processes.watch()).dead.map(({ id }) => id));
    }
    return dead;
  };
  await beat();
  return { clock, store, processes, beat, settle, pass, returns };
}

test("a process that no longer beats is dead within five seconds", async (context) => {
  const { pass } = await openJudge(context);
  assert.deepEqual(await pass(10, true), []);
  assert.deepEqual(await pass(3, false), []);
  assert.deepEqual(await pass(2, false), ["other"]);
});

test("who starts judges nobody by an old beat before a window of beats has passed", async (context) => {
  const { pass } = await openJudge(context);
  assert.deepEqual(await pass(7, false), []);
  assert.deepEqual(await pass(2, false), ["other"]);
});

test("an outage of the database is nobody's death, and the judge says anew how its agents are", async (context) => {
  const judge = await openJudge(context);
  await judge.pass(10, true);
  const away = context.mock.method(judge.store, "readClock", () => Promise.reject(databaseAway(undefined)));
  for (let second = 0; second < 30; second++) {
    judge.clock.advance(1000);
    await judge.settle();
  }
  away.mock.restore();
  assert.equal(judge.returns.length, 0);
  assert.deepEqual(await judge.pass(3, false), [], "it has had no time to beat again");
  assert.equal(judge.returns.length, 1);
  assert.deepEqual(await judge.pass(20, true), []);
});

test("a database that hangs for three seconds and answers all at once is nobody's death", async (context) => {
  const judge = await openJudge(context);
  await judge.pass(10, true);
  const { promise: hung, resolve: goOn } = Promise.withResolvers<undefined>();
  const hang = context.mock.method(judge.store, "readClock", () => hung);
  for (let second = 0; second < 4; second++) {
    judge.clock.advance(1000);
    await judge.settle();
  }
  hang.mock.restore();
  goOn(undefined);
  await judge.settle();
  assert.deepEqual((await judge.processes.watch()).dead, []);
  assert.deepEqual(await judge.pass(10, true), []);
});

test("that another process was removed by somebody else is told once", async (context) => {
  const { store, pass, processes } = await openJudge(context);
  await pass(1, true);
  await store.db.deleteFrom("processes").where("id", "=", "other").execute();
  assert.deepEqual((await processes.watch()).gone, ["other"]);
  assert.deepEqual((await processes.watch()).gone, []);
});
