import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import { makeTempDir, type Scope, waitUntil } from "@muster/testing";
import { Journal, type RunOrder } from "../journal.ts";
import { createLogger } from "../log.ts";
import { PolicyFile } from "../policy.ts";
import { listTree } from "./process-tree.ts";
import { chunkBytes } from "./run-output.ts";
import { type HeldRun, Runner } from "./runner.ts";

const IS_ROOT = process.getuid?.() === 0;
const ON_LINUX = { skip: process.platform !== "linux" };

function order(id: string, parts: Partial<RunOrder>): RunOrder {
  const limits = { timeoutMs: 20_000, graceMs: 300, outputLimitBytes: 1024 * 1024, expiresAt: null };
  return { id, envelopeId: "e", text: null, argv: null, env: {}, cwd: null, user: null, ...limits, ...parts };
}

interface Bench {
  readonly folder: string;
  readonly journal: Journal;
  readonly runner: Runner;
  readonly started: string[];
  /** Carries out one command and waits for its end. */
  run(parts: Partial<RunOrder>, id?: string): Promise<HeldRun>;
  waitForEnd(id: string): Promise<HeldRun>;
}

async function makeRunner(scope: Scope, options: { folder?: string; maxRunning?: number } = {}): Promise<Bench> {
  const folder = options.folder ?? (await makeTempDir(scope));
  const journal = await Journal.open(join(folder, "journal.jsonl"));
  const started: string[] = [];
  const runner = new Runner({
    folder,
    journal,
    clock: systemClock,
    log: createLogger({ level: "error", clock: systemClock, write: () => {} }),
    policy: new PolicyFile(join(folder, "policy.yaml")),
    environment: { ...process.env, MUSTER_TOKEN: "tkn_secret" },
    listener: { onStarted: (run) => started.push(run.id), onOutput: () => {}, onFinished: () => {} },
    ...(options.maxRunning === undefined ? {} : { maxRunning: options.maxRunning }),
  });
  scope.after(async () => {
    await runner.stop(0);
    await journal.close();
  });
  const waitForEnd = (id: string) =>
    waitUntil(`the end of ${id}`, () => {
      const run = runner.find(id);
      return run?.state === "finished" ? run : undefined;
    });
  return {
    folder,
    journal,
    runner,
    started,
    waitForEnd,
    async run(parts, id = "run") {
      await runner.accept(order(id, parts));
      return waitForEnd(id);
    },
  };
}

function readOutput(run: HeldRun, stream: "stdout" | "stderr" = "stdout"): string {
  return Buffer.concat([...(run.spool?.readAll(stream) ?? [])].map(chunkBytes)).toString();
}

test("a shell text runs with its exit code, both streams and a digest", async (scope) => {
  const bench = await makeRunner(scope);
  const run = await bench.run({ text: "echo out; echo err >&2; exit 7" });
  assert.deepEqual([run.end?.result.state, run.end?.exitCode], ["failed", 7]);
  assert.deepEqual([readOutput(run), readOutput(run, "stderr")], ["out\n", "err\n"]);
  assert.match(run.end?.result.digest ?? "", /^[0-9a-f]{64}$/);
  assert.deepEqual(bench.started, ["run"]);
});

test("an argument list is not touched by a shell", async (scope) => {
  const bench = await makeRunner(scope);
  const run = await bench.run({ argv: ["printf", "%s|", "$HOME", "a b", "*"] });
  assert.equal(run.end?.result.state, "succeeded");
  assert.equal(readOutput(run), "$HOME|a b|*|");
});

test("working directory and environment are those asked for, and the agent's own settings stay inside", async (scope) => {
  const bench = await makeRunner(scope);
  const run = await bench.run({
    text: 'pwd; echo "$GREETING"; env | grep MUSTER_',
    cwd: bench.folder,
    env: { GREETING: "hé" },
  });
  assert.equal(readOutput(run), `${bench.folder}\nhé\nMUSTER_RUN_ID=run\n`);
});

test("what cannot be started ends as failed with 127 and says why", async (scope) => {
  const bench = await makeRunner(scope);
  const cases: [Partial<RunOrder>, RegExp][] = [
    [{ argv: ["/no/such/program"] }, /ENOENT/],
    [{ argv: [] }, /no program/],
    [{ text: "true", cwd: "/no/such/folder" }, /working directory does not exist/],
    [{ argv: ["echo", "zero\0byte"] }, /null bytes/],
  ];
  for (const [index, [parts, reason]] of cases.entries()) {
    const run = await bench.run(parts, `run-${index}`);
    assert.deepEqual([run.end?.result.state, run.end?.exitCode], ["failed", 127]);
    assert.match(run.end?.result.reason ?? "", reason);
  }
  assert.deepEqual(bench.started, []);
});

test("a command killed by a signal has 128 and the signal's number", async (scope) => {
  const bench = await makeRunner(scope);
  const run = await bench.run({ text: "kill -USR1 $$" });
  assert.deepEqual([run.end?.result.state, run.end?.exitCode], ["failed", 138]);
  assert.match(run.end?.result.reason ?? "", /SIGUSR1/);
});

const STUBBORN = "trap '' TERM; sleep 60 & (setsid sh -c 'trap \"\" TERM; sleep 60' &) ; echo ready; wait; sleep 60";

test("a timeout ends the whole tree, also what left the session, with 124", ON_LINUX, async (scope) => {
  const bench = await makeRunner(scope);
  const run = await bench.run({ text: STUBBORN, timeoutMs: 400, graceMs: 200 });
  assert.deepEqual([run.end?.result.state, run.end?.exitCode], ["timed_out", 124]);
  assert.equal(listTree({ runId: "run" }).length, 0);
});

test("a cancel ends the whole tree after the grace", ON_LINUX, async (scope) => {
  const bench = await makeRunner(scope);
  await bench.runner.accept(order("run", { text: STUBBORN }));
  await waitUntil("output", () => (bench.runner.find("run")?.spool?.lastSeq ?? -1) >= 0);
  assert.ok(listTree({ runId: "run" }).length >= 3);
  bench.runner.cancel("run", 200);
  const run = await bench.waitForEnd("run");
  assert.equal(run.end?.result.state, "cancelled");
  assert.equal(run.end?.exitCode, 137);
  assert.equal(listTree({ runId: "run" }).length, 0);
});

test("a command that obeys TERM is not kept waiting for the grace", ON_LINUX, async (scope) => {
  const bench = await makeRunner(scope);
  const since = performance.now();
  const run = await bench.run({ text: "exec sleep 60", timeoutMs: 100, graceMs: 15_000 });
  assert.equal(run.end?.result.state, "timed_out");
  assert.ok(performance.now() - since < 5000);
});

test("a background process that keeps the pipe open does not hang the run", ON_LINUX, async (scope) => {
  const bench = await makeRunner(scope);
  const run = await bench.run({ text: "sleep 3 & echo started" });
  assert.equal(run.end?.result.state, "succeeded");
  assert.equal(readOutput(run), "started\n");
  assert.ok((run.end?.executionMs ?? 0) < 2500);
});

test("at most so many run at once, the others wait their turn, and a waiting one can be cancelled", async (scope) => {
  const bench = await makeRunner(scope, { maxRunning: 2 });
  const gate = join(bench.folder, "gate");
  const text = `while [ ! -e ${gate} ]; do sleep 0.02; done`;
  for (const id of ["a", "b", "c", "d"]) await bench.runner.accept(order(id, { text }));
  await waitUntil("two started", () => bench.started.length === 2);
  assert.deepEqual(
    bench.runner.list().map((run) => run.state),
    ["started", "started", "accepted", "accepted"],
  );
  bench.runner.cancel("c", 100);
  assert.equal((await bench.waitForEnd("c")).end?.result.state, "cancelled");
  await writeFile(gate, "");
  assert.equal((await bench.waitForEnd("d")).end?.result.state, "succeeded");
  assert.deepEqual(bench.started, ["a", "b", "d"]);
});

test("a repeat of a command starts nothing, before, while and after it ran", async (scope) => {
  const bench = await makeRunner(scope);
  const file = join(bench.folder, "count");
  const parts = { text: `echo x >> ${file}; sleep 0.2` };
  await Promise.all([bench.runner.accept(order("run", parts)), bench.runner.accept(order("run", parts))]);
  await waitUntil("it runs", () => existsSync(file));
  await bench.runner.accept(order("run", parts));
  await bench.waitForEnd("run");
  await bench.runner.accept(order("run", parts));
  await bench.runner.settle("run");
  assert.equal(bench.runner.find("run"), undefined);
  const late = await bench.run(parts);
  assert.equal(late.end?.result.state, "unknown");
  assert.match(late.end?.result.reason ?? "", /carried out before/);
  assert.equal(await readFile(file, "utf8"), "x\n");
});

test("settling deletes the output", async (scope) => {
  const bench = await makeRunner(scope);
  await bench.run({ text: "echo x" });
  assert.equal(readdirSync(join(bench.folder, "spool")).length, 1);
  await bench.runner.settle("run");
  assert.equal(readdirSync(join(bench.folder, "spool")).length, 0);
});

test("a command that came after its expiry, or expired while it waited, is not started", async (scope) => {
  const bench = await makeRunner(scope, { maxRunning: 1 });
  const late = await bench.run({ text: "true", expiresAt: systemClock.now() - 1 }, "late");
  assert.deepEqual([late.end?.result.state, late.end?.exitCode], ["rejected", null]);
  await bench.runner.accept(order("slow", { text: "sleep 0.4" }));
  await bench.runner.accept(order("waits", { text: "true", expiresAt: systemClock.now() + 200 }));
  assert.match((await bench.waitForEnd("waits")).end?.result.reason ?? "", /expired/);
  assert.deepEqual(bench.started, ["slow"]);
});

test("a policy's refusal ends a command as rejected with the reason", async (scope) => {
  const bench = await makeRunner(scope);
  await writeFile(join(bench.folder, "policy.yaml"), "allow: [metrics]\n");
  const run = await bench.run({ text: "true" });
  assert.equal(run.end?.result.state, "rejected");
  assert.match(run.end?.result.reason ?? "", /does not allow exec/);
  assert.deepEqual(bench.started, []);
});

test("root can run a command as another user, who gets that user's home", { skip: !IS_ROOT }, async (scope) => {
  const bench = await makeRunner(scope);
  const run = await bench.run({ text: 'id -un; id -Gn; echo "$USER $LOGNAME"', user: "nobody" });
  assert.equal(readOutput(run).split("\n")[0], "nobody");
  assert.match(readOutput(run), /nobody nobody/);
});

test("a command for a user that does not exist is rejected", async (scope) => {
  const bench = await makeRunner(scope);
  const run = await bench.run({ text: "true", user: "no-such-user" });
  assert.deepEqual([run.end?.result.state, run.end?.exitCode], ["rejected", null]);
});

test("huge output costs the limit and no more, and ends whole at both sides", async (scope) => {
  const bench = await makeRunner(scope);
  const run = await bench.run({ text: "seq 1 400000", outputLimitBytes: 100_000 });
  const { result } = run.end ?? {};
  assert.equal(result?.stdout_bytes, 2_688_895);
  assert.match(readOutput(run), /^1\n2\n/);
  assert.match(readOutput(run), /399999\n400000\n$/);
  assert.equal(Buffer.byteLength(readOutput(run)) + (result?.cut_bytes ?? 0), 2_688_895);
});

test("a run that an earlier agent had started is not started again and ends as unknown", ON_LINUX, async (scope) => {
  const before = await makeRunner(scope);
  const file = join(before.folder, "count");
  await before.journal.append({ kind: "accepted", id: "torn", order: order("torn", { text: `echo x >> ${file}` }) });
  await before.journal.append({ kind: "starting", id: "torn", at: 5 });
  await before.journal.append({ kind: "accepted", id: "fresh", order: order("fresh", { text: `echo x >> ${file}` }) });
  const after = await makeRunner(scope, { folder: before.folder });
  after.runner.restore();
  const torn = await after.waitForEnd("torn");
  assert.equal(torn.end?.result.state, "unknown");
  assert.match(torn.end?.result.reason ?? "", /restarted while it ran/);
  assert.equal(existsSync(file), false, "what was only accepted waits for the server's word");
  after.runner.resumeAccepted();
  after.runner.resumeAccepted();
  assert.equal((await after.waitForEnd("fresh")).end?.result.state, "succeeded");
  assert.equal(await readFile(file, "utf8"), "x\n");
});

test("what was only accepted by an earlier agent can be cancelled or dropped before it starts", async (scope) => {
  const before = await makeRunner(scope);
  for (const id of ["cancelled", "dropped"]) {
    await before.journal.append({ kind: "accepted", id, order: order(id, { text: `touch ${before.folder}/started` }) });
  }
  const after = await makeRunner(scope, { folder: before.folder });
  after.runner.restore();
  after.runner.cancel("cancelled", 100);
  await after.runner.settle("dropped");
  after.runner.resumeAccepted();
  assert.equal((await after.waitForEnd("cancelled")).end?.result.state, "cancelled");
  await waitUntil("the dropped one is gone", () => after.runner.find("dropped") === undefined);
  assert.equal(existsSync(join(before.folder, "started")), false);
});

test("stopping the agent ends running commands and keeps waiting ones for the next start", async (scope) => {
  const bench = await makeRunner(scope, { maxRunning: 1 });
  await bench.runner.accept(order("runs", { text: "sleep 60" }));
  await bench.runner.accept(order("waits", { text: "true" }));
  await waitUntil("it runs", () => bench.started.length === 1);
  await bench.runner.stop(500);
  assert.match((await bench.waitForEnd("runs")).end?.result.reason ?? "", /agent was stopped/);
  assert.equal(bench.runner.find("waits")?.state, "accepted");
});
