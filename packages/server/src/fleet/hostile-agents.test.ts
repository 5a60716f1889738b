import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { RunId } from "@muster/core";
import { describeStores } from "../store/stores-for-test.ts";
import { commandSpec, openTestFleet, runResult, type TestFleet } from "./fleet-for-test.ts";
import type { OutputPiece } from "./session.ts";

const FAR = Number.MAX_SAFE_INTEGER;

describeStores("an agent that means harm", (stores) => {
  let test$: TestFleet;

  beforeEach(async () => {
    test$ = await openTestFleet({ store: await stores.open(), outputLimitBytes: 1000 });
  });
  afterEach(() => test$.close());

  const giveTo = async (names: readonly string[]) => {
    const agents = await Promise.all(names.map((name) => test$.connect(name)));
    const { command } = await test$.fleet.commands.create(commandSpec({ targets: { all: true } }), { actor: "admin" });
    await test$.settle();
    const runs = agents.map((agent) => ({ ...agent, runId: agent.deliveries[0]?.runId as RunId }));
    return { command, runs };
  };
  const piece = (seq: number, how: Partial<OutputPiece> = {}): OutputPiece => ({
    seq,
    stream: "stdout",
    at: 1,
    bytes: new Uint8Array(),
    cutBytes: 0,
    ...how,
  });
  const countRows = () => test$.store.countRows("run_output");

  test("cannot break the list of agents with an impossible clock", async () => {
    for (const [name, now] of [
      ["past", -FAR],
      ["future", FAR],
    ] as const) {
      const agent = await test$.connect(name);
      agent.session.reportClock(now);
      agent.session.close("gone");
    }
    await test$.pass(1000);
    const { items } = await test$.fleet.agents.list({});
    assert.deepEqual(
      items.map((agent) => Number.isSafeInteger(agent.clockSkewMs)),
      [true, true],
    );
  });

  test("cannot break the lists of runs and outputs with instants that no date can hold", async () => {
    const { command, runs } = await giveTo(["web-1", "web-2"]);
    const [first, second] = runs;
    assert.ok(first && second);
    await first.session.reportStarted(first.runId, FAR);
    await first.session.reportOutput(first.runId, [piece(0, { at: -FAR, bytes: Buffer.from("x") })]);
    await second.session.reportFinished(second.runId, runResult({ startedAt: FAR }));
    const { items } = await test$.fleet.commands.listRuns(command.id, {});
    assert.deepEqual(
      items.map((run) => run.startedAt),
      ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
    );
    const { chunks } = await test$.fleet.commands.readOutput(first.runId, -1, 10);
    assert.equal(chunks[0]?.at, "1970-01-01T00:00:00.000Z");
  });

  test("cannot store more rows of output than it has bytes to show", async () => {
    const { runs } = await giveTo(["web-1"]);
    const [run] = runs;
    assert.ok(run);
    const empty = Array.from({ length: 10_000 }, (_, seq) => piece(seq));
    assert.equal(await run.session.reportOutput(run.runId, empty), 9999);
    assert.equal(await countRows(), 0);
    for (let round = 1; round <= 2; round++) {
      const cuts = Array.from({ length: 10_000 }, (_, index) => piece(round * 10_000 + index, { cutBytes: 2 ** 40 }));
      await run.session.reportOutput(run.runId, cuts);
    }
    assert.equal(await countRows(), 100);
    const shown = await test$.fleet.commands.getRun(run.runId);
    assert.ok(Number.isSafeInteger(shown.stdoutBytes));
    await run.session.reportOutput(run.runId, [piece(50_000, { bytes: new Uint8Array(80_000) })]);
    assert.equal(await countRows(), 100, "the limit of bytes still holds");
  });

  test("is alone with a report that cannot be stored", async () => {
    const { runs } = await giveTo(["bad", "good"]);
    const [bad, good] = runs;
    assert.ok(bad && good);
    const poison = runResult({ exitCode: 1.5, digest: {} as string });
    const outcomes = await Promise.allSettled([
      bad.session.reportFinished(bad.runId, poison),
      good.session.reportFinished(good.runId, runResult()),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ["rejected", "fulfilled"],
    );
    assert.equal((await test$.fleet.commands.getRun(good.runId)).status, "succeeded");
  });

  test("is alone with an id that the database writes otherwise", async () => {
    const outcomes = await Promise.allSettled([test$.connect("\ud800"), test$.connect("web-1")]);
    assert.equal(outcomes[1]?.status, "fulfilled");
  });

  test("cannot put control characters into labels", async () => {
    await test$.connect("web-1", { facts: { hostname: "web-1", labels: { role: "\u001b[2Jweb\u0000" } } });
    await test$.settle();
    const { items } = await test$.fleet.agents.list({});
    assert.deepEqual(items[0]?.labels, { role: "[2Jweb" });
  });
});
