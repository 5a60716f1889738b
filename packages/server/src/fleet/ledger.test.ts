import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { hasCode, type RunId } from "@muster/core";
import { describeStores } from "../store/stores-for-test.ts";
import { commandSpec, FOREIGN, openTestFleet, runResult, type TestAgent, type TestFleet } from "./fleet-for-test.ts";

const OPERATOR = { actor: "admin" };

describeStores("the command ledger", (stores) => {
  let test$: TestFleet;

  beforeEach(async () => {
    test$ = await openTestFleet({ store: await stores.open() });
  });
  afterEach(() => test$.close());

  const give = async (request: Parameters<typeof commandSpec>[0]) => {
    const { command } = await test$.fleet.commands.create(commandSpec(request), OPERATOR);
    await test$.settle();
    return command;
  };
  const runsOf = async (commandId: string) => (await test$.fleet.commands.listRuns(commandId, {})).items;
  const onlyDelivery = (agent: TestAgent) => {
    assert.equal(agent.deliveries.length, 1);
    return agent.deliveries[0]?.runId as RunId;
  };

  test("what a process left half written is swept, and its idempotency key is free again", async () => {
    const agent = await test$.connect("web-1");
    agent.takes = false;
    const by = { ...OPERATOR, idempotencyKey: "deploy-1" };
    const order = () => test$.fleet.commands.create(commandSpec({ targets: { all: true } }), by);
    const { command } = await order();
    // as after a crash between two slices of a large command
    await test$.store.db.updateTable("commands").set({ status: "preparing" }).execute();
    await assert.rejects(order(), (error) => hasCode(error, "unavailable"));
    await test$.fleet.ledger.sweepHalfWritten(test$.clock.now());
    await assert.rejects(order(), (error) => hasCode(error, "unavailable"), "it may still be written");
    await test$.fleet.ledger.sweepHalfWritten(test$.clock.now() + 121_000);
    const again = await order();
    assert.equal(again.replayed, false);
    assert.notEqual(again.command.id, command.id);
  });

  test("a command goes through queued, delivered, started and succeeded", async () => {
    const agent = await test$.connect("web-1");
    const command = await give({ targets: { all: true } });
    const runId = onlyDelivery(agent);
    assert.equal((await test$.fleet.commands.getRun(runId)).status, "delivered");
    await agent.session.reportStarted(runId, null);
    assert.equal((await test$.fleet.commands.getRun(runId)).status, "started");
    await agent.session.reportOutput(runId, [
      { seq: 0, stream: "stdout", at: 1, bytes: Buffer.from("hi\n"), cutBytes: 0 },
    ]);
    await agent.session.reportFinished(runId, runResult());
    const run = await test$.fleet.commands.getRun(runId);
    assert.deepEqual([run.status, run.exitCode, run.stdoutBytes], ["succeeded", 0, 3]);
    const done = await test$.fleet.commands.get(command.id);
    assert.equal(done.status, "completed");
    assert.equal(done.counts.succeeded, 1);
    const output = await test$.fleet.commands.readOutput(runId, -1, 100);
    assert.deepEqual(
      output.chunks.map((chunk) => chunk.text),
      ["hi\n"],
    );
    assert.equal(output.ended, true);
  });

  test("targets that meet nobody are refused, and so is an empty selector", async () => {
    await test$.connect("web-1");
    await assert.rejects(give({ targets: {} }), (error) => hasCode(error, "failed_precondition"));
    await assert.rejects(give({ targets: { selector: "role=db" } }), (error) => hasCode(error, "failed_precondition"));
    await assert.rejects(give({ targets: { selector: "" } }), (error) => hasCode(error, "invalid_argument"));
  });

  test("an unknown target is named instead of being skipped", async () => {
    const agent = await test$.connect("web-1");
    await assert.rejects(give({ targets: { ids: [agent.session.agentId, "nobody"] } }), (error) =>
      hasCode(error, "not_found"),
    );
  });

  test("an offline agent gets its command when it connects", async () => {
    const agent = await test$.connect("web-1");
    agent.session.close("gone");
    const command = await give({ targets: { all: true } });
    assert.equal((await runsOf(command.id))[0]?.status, "queued");
    const back = await test$.connect("web-1");
    await back.session.resume([]);
    await test$.settle();
    onlyDelivery(back);
  });

  test("a command that nobody fetches expires", async () => {
    const agent = await test$.connect("web-1");
    agent.session.close("gone");
    const command = await give({ targets: { all: true }, expiresInMs: 5000 });
    await test$.pass(6000);
    const [run] = await runsOf(command.id);
    assert.equal(run?.status, "expired");
    assert.equal((await test$.fleet.commands.get(command.id)).status, "completed");
  });

  test("the same key from the same caller answers the first command, with another request it is a conflict", async () => {
    await test$.connect("web-1");
    const spec = commandSpec({ targets: { all: true } });
    const by = { actor: "admin", idempotencyKey: "k1" };
    const first = await test$.fleet.commands.create(spec, by);
    const second = await test$.fleet.commands.create(spec, by);
    assert.equal(second.replayed, true);
    assert.equal(second.command.id, first.command.id);
    const other = commandSpec({ text: "reboot", targets: { all: true } });
    await assert.rejects(test$.fleet.commands.create(other, by), (error) => hasCode(error, "conflict"));
    const elsewhere = await test$.fleet.commands.create(other, { actor: "somebody else", idempotencyKey: "k1" });
    assert.notEqual(elsewhere.command.id, first.command.id);
  });

  test("two requests with one key that race give one command", async () => {
    const agent = await test$.connect("web-1");
    const spec = commandSpec({ targets: { all: true } });
    const by = { actor: "admin", idempotencyKey: "race" };
    const [left, right] = await Promise.all([
      test$.fleet.commands.create(spec, by),
      test$.fleet.commands.create(spec, by),
    ]);
    await test$.settle();
    assert.equal(left.command.id, right.command.id);
    assert.equal(agent.deliveries.length, 1);
  });

  test("a result counts only from the agent that the command was sent to", async () => {
    const agent = await test$.connect("web-1");
    const stranger = await test$.connect("web-2");
    await give({ targets: { ids: [agent.session.agentId] } });
    const runId = onlyDelivery(agent);
    await stranger.session.reportFinished(runId, runResult({ status: "failed", exitCode: 1 }));
    await stranger.session.reportOutput(runId, [
      { seq: 0, stream: "stdout", at: 1, bytes: Buffer.from("forged"), cutBytes: 0 },
    ]);
    const run = await test$.fleet.commands.getRun(runId);
    assert.deepEqual([run.status, run.stdoutBytes], ["delivered", 0]);
  });

  test("a second result changes nothing", async () => {
    const agent = await test$.connect("web-1");
    await give({ targets: { all: true } });
    const runId = onlyDelivery(agent);
    await agent.session.reportFinished(runId, runResult());
    await agent.session.reportFinished(runId, runResult({ status: "failed", exitCode: 9 }));
    assert.equal((await test$.fleet.commands.getRun(runId)).status, "succeeded");
  });

  test("output that was stored is not stored again when it is resent", async () => {
    const agent = await test$.connect("web-1");
    await give({ targets: { all: true } });
    const runId = onlyDelivery(agent);
    const piece = (seq: number, text: string) => ({
      seq,
      stream: "stdout" as const,
      at: 1,
      bytes: Buffer.from(text),
      cutBytes: 0,
    });
    assert.equal(await agent.session.reportOutput(runId, [piece(0, "a"), piece(1, "b")]), 1);
    assert.equal(await agent.session.reportOutput(runId, [piece(1, "b"), piece(2, "c")]), 2);
    const { chunks } = await test$.fleet.commands.readOutput(runId, -1, 100);
    assert.equal(chunks.map((chunk) => chunk.text).join(""), "abc");
    assert.equal((await test$.fleet.commands.getRun(runId)).stdoutBytes, 3);
  });

  test("at most the given number of runs is under way, and the next moves up when one ends", async () => {
    const agents = await Promise.all(["a", "b", "c"].map((name) => test$.connect(name)));
    const command = await give({ targets: { all: true }, concurrency: 1 });
    const counts = async () => (await test$.fleet.commands.get(command.id)).counts;
    assert.deepEqual([(await counts()).delivered, (await counts()).queued], [1, 2]);
    const first = agents.find((agent) => agent.deliveries.length === 1) as TestAgent;
    await first.session.reportFinished(onlyDelivery(first), runResult());
    await test$.settle();
    assert.deepEqual([(await counts()).succeeded, (await counts()).delivered, (await counts()).queued], [1, 1, 1]);
  });

  test("what was taken for a connection that ended before it was sent waits for the next one", async () => {
    const agent = await test$.connect("legacy", { capabilities: new Set(FOREIGN) });
    agent.takes = false;
    const command = await give({ targets: { all: true } });
    const taking = agent.session.take(8);
    agent.session.close("gone");
    assert.deepEqual(await taking, []);
    await test$.settle();
    assert.equal((await runsOf(command.id))[0]?.status, "queued");
    const back = await test$.connect("legacy", { capabilities: new Set(FOREIGN) });
    await test$.pass(6000);
    assert.equal(back.deliveries.length, 1);
  });

  test("a run limit skips agents that are offline", async () => {
    const away = await test$.connect("a");
    away.session.close("gone");
    await test$.connect("b");
    const command = await give({ targets: { all: true }, concurrency: 1 });
    const { counts } = await test$.fleet.commands.get(command.id);
    assert.deepEqual([counts.delivered, counts.queued], [1, 1]);
  });

  test("a failure beyond the budget halts the command and starts nothing more", async () => {
    const agents = await Promise.all(["a", "b", "c"].map((name) => test$.connect(name)));
    const command = await give({ targets: { all: true }, concurrency: 1, failureBudget: 0 });
    const first = agents.find((agent) => agent.deliveries.length === 1) as TestAgent;
    await first.session.reportFinished(onlyDelivery(first), runResult({ status: "failed", exitCode: 2 }));
    await test$.settle();
    const halted = await test$.fleet.commands.get(command.id);
    assert.equal(halted.status, "halted");
    assert.deepEqual([halted.counts.failed, halted.counts.cancelled, halted.counts.delivered], [1, 2, 0]);
    assert.notEqual(halted.finishedAt, null);
  });

  test("cancelling stops what waits at once and tells agents to stop what they run", async () => {
    const running = await test$.connect("a");
    const away = await test$.connect("b");
    away.session.close("gone");
    const command = await give({ targets: { all: true } });
    const runId = onlyDelivery(running);
    await running.session.reportStarted(runId, null);
    await test$.fleet.commands.cancel(command.id);
    assert.deepEqual(running.cancelled, [runId]);
    await running.session.reportFinished(runId, runResult({ status: "cancelled", exitCode: 143 }));
    const done = await test$.fleet.commands.get(command.id);
    assert.deepEqual([done.status, done.counts.cancelled], ["cancelled", 2]);
    assert.notEqual(done.finishedAt, null);
  });

  test("a cancelled run is stopped when its agent comes back, also after a restart of the server", async () => {
    const agent = await test$.connect("a");
    const command = await give({ targets: { all: true } });
    const runId = onlyDelivery(agent);
    await agent.session.reportStarted(runId, null);
    agent.session.close("gone");
    await test$.fleet.commands.cancel(command.id);
    const back = await test$.connect("a");
    const answer = await back.session.resume([{ runId, state: "started" }]);
    assert.deepEqual(answer.cancel, [runId]);
  });

  test("what was sent and never arrived is sent again; what is in the journal is not", async () => {
    const agent = await test$.connect("a");
    await give({ targets: { all: true } });
    await give({ targets: { all: true } });
    const [lost, arrived] = agent.deliveries.map((delivery) => delivery.runId);
    agent.session.close("gone");
    const back = await test$.connect("a");
    await back.session.resume([{ runId: arrived as RunId, state: "accepted" }]);
    await test$.settle();
    assert.deepEqual(
      back.deliveries.map((delivery) => delivery.runId),
      [lost],
    );
  });

  test("a started run whose agent lost its journal ends as unknown and is never sent again", async () => {
    const agent = await test$.connect("a");
    await give({ targets: { all: true } });
    const runId = onlyDelivery(agent);
    await agent.session.reportStarted(runId, null);
    agent.session.close("gone");
    const back = await test$.connect("a");
    await back.session.resume([]);
    await test$.settle();
    assert.equal(back.deliveries.length, 0);
    assert.equal((await test$.fleet.commands.getRun(runId)).status, "unknown");
  });

  test("a late result corrects unknown and is marked late", async () => {
    const agent = await test$.connect("a");
    await give({ targets: { all: true } });
    const runId = onlyDelivery(agent);
    await agent.session.reportStarted(runId, null);
    agent.session.close("gone");
    await test$.pass(30_000 + 31_000);
    assert.equal((await test$.fleet.commands.getRun(runId)).status, "unknown");
    const back = await test$.connect("a");
    const answer = await back.session.resume([{ runId, state: "finished" }]);
    assert.deepEqual([answer.cancel, answer.forget], [[], []]);
    await back.session.reportFinished(runId, runResult());
    const run = await test$.fleet.commands.getRun(runId);
    assert.deepEqual([run.status, run.late], ["succeeded", true]);
  });

  test("a clone that connects with an empty journal neither gets nor ends the runs of the original", async () => {
    const original = await test$.connect("a");
    await give({ targets: { all: true } });
    const runId = onlyDelivery(original);
    await original.session.reportStarted(runId, null);
    const clone = await test$.connect("a");
    await clone.session.resume([]);
    await test$.settle();
    assert.equal(clone.deliveries.length, 0);
    assert.equal((await test$.fleet.commands.getRun(runId)).status, "started");
    assert.equal((await test$.fleet.agents.get(original.session.agentId)).connections, 2);
  });

  test("of two connections with one id the newest gets the work, and closing the old one keeps the agent online", async () => {
    const old = await test$.connect("a");
    const newer = await test$.connect("a");
    await give({ targets: { all: true } });
    assert.deepEqual([old.deliveries.length, newer.deliveries.length], [0, 1]);
    old.session.close("gone");
    assert.equal((await test$.fleet.agents.get(old.session.agentId)).status, "online");
    newer.session.close("gone");
    assert.equal((await test$.fleet.agents.get(old.session.agentId)).status, "offline");
  });

  test("an agent without a journal that never answers times out, and stays online", async () => {
    const agent = await test$.connect("legacy", { capabilities: new Set(FOREIGN), staleAfterMs: 180_000 });
    await give({ targets: { all: true }, timeoutMs: 10_000 });
    const runId = onlyDelivery(agent);
    await test$.pass(16_000);
    const run = await test$.fleet.commands.getRun(runId);
    assert.deepEqual([run.status, run.exitCode], ["timed_out", 124]);
    assert.equal((await test$.fleet.agents.get(agent.session.agentId)).status, "online");
    const late = runResult({ output: { stdout: Buffer.from("late"), stderr: new Uint8Array() } });
    await agent.session.reportFinished(runId, late);
    const after = await test$.fleet.commands.getRun(runId);
    assert.deepEqual([after.status, after.exitCode, after.late, after.stdoutBytes], ["timed_out", 124, true, 4]);
  });

  test("an agent without a journal that loses its connection is not sent the command again", async () => {
    const agent = await test$.connect("legacy", { capabilities: new Set(FOREIGN) });
    await give({ targets: { all: true } });
    const runId = onlyDelivery(agent);
    agent.session.close("gone");
    await test$.settle();
    assert.equal((await test$.fleet.commands.getRun(runId)).status, "unknown");
    const back = await test$.connect("legacy", { capabilities: new Set(FOREIGN) });
    await test$.pass(6000);
    assert.equal(back.deliveries.length, 0);
  });

  test("the middle of an output that is too long is cut, and says how much", async () => {
    const agent = await test$.connect("legacy", { capabilities: new Set(FOREIGN) });
    await give({ targets: { all: true } });
    const runId = onlyDelivery(agent);
    const stdout = Buffer.from(`begin${"x".repeat(3_000_000)}end`);
    await agent.session.reportFinished(runId, runResult({ output: { stdout, stderr: new Uint8Array() } }));
    const { chunks } = await test$.fleet.commands.readOutput(runId, -1, 1000);
    const kept = chunks.reduce((sum, chunk) => sum + (chunk.text?.length ?? 0), 0);
    const cut = chunks.reduce((sum, chunk) => sum + (chunk.cutBytes ?? 0), 0);
    assert.equal(kept + cut, stdout.length);
    assert.ok(kept <= 1_048_576);
    assert.ok(chunks[0]?.text?.startsWith("begin") && chunks.at(-1)?.text?.endsWith("end"));
  });

  test("an agent that ignores the limits cannot store more than both streams may hold", async () => {
    const agent = await test$.connect("hostile");
    await give({ targets: { all: true } });
    const runId = onlyDelivery(agent);
    for (let seq = 0; seq < 100; seq++) {
      await agent.session.reportOutput(runId, [
        { seq, stream: "stdout", at: 1, bytes: Buffer.alloc(65_536, "x"), cutBytes: 0 },
      ]);
    }
    const { chunks } = await test$.fleet.commands.readOutput(runId, -1, 1000);
    const kept = chunks.reduce((sum, chunk) => sum + (chunk.text?.length ?? 0), 0);
    assert.ok(kept <= 2 * 1_048_576 + 65_536, `kept ${kept}`);
    const run = await test$.fleet.commands.getRun(runId);
    assert.equal(run.stdoutBytes, 6_553_600);
    assert.equal(run.cutBytes, 6_553_600 - kept);
  });

  test("an agent is given eight unfinished runs at once and the rest as they end", async () => {
    const agent = await test$.connect("a");
    for (let count = 0; count < 10; count++) await give({ targets: { all: true } });
    assert.equal(agent.deliveries.length, 8);
    await agent.session.reportFinished(agent.deliveries[0]?.runId as RunId, runResult());
    await test$.settle();
    assert.equal(agent.deliveries.length, 9);
  });

  test("a command for more agents than one transaction takes reaches them all", async () => {
    const agents = await Promise.all(Array.from({ length: 2300 }, (_, index) => test$.connect(`host-${index}`)));
    const command = await give({ targets: { all: true } });
    for (let turn = 0; turn < 20; turn++) await test$.settle();
    assert.equal((await test$.fleet.commands.get(command.id)).counts.delivered, 2300);
    assert.ok(agents.every((agent) => agent.deliveries.length === 1));
  });
});
