import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { launchProcess, ManualClock, makeTempDir, type Scope, settle, waitUntil } from "@muster/testing";
import { FakeGateway } from "../links/dataway/fake-gateway.ts";
import { createLogger } from "../log.ts";
import { DEFAULT_POLICY } from "../policy.ts";
import { AgentInputs } from "./agent-inputs.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

function launchAgent(scope: Scope, folder: string, port: number) {
  const flags = [
    "--protocol",
    "dataway",
    "--id",
    "agent-1",
    "--data-dir",
    folder,
    "--server",
    `ws://127.0.0.1:${port}`,
  ];
  const waits = ["--reconnect-min", "100ms", "--reconnect-max", "200ms"];
  return launchProcess(scope, { args: [MAIN, ...flags, ...waits], env: { MUSTER_TOKEN: "tkn_secret" } });
}

/** Instants of the points of a measurement, in ns. */
const instantsIn = (text: string) => [...text.matchAll(/^mem,.* (\d{19})$/gm)].map((match) => match[1] ?? "");

test("kill -9 with a full queue loses nothing: what was queued is sent by the next process, once", async (scope) => {
  const folder = await makeTempDir(scope);
  mkdirSync(join(folder, "conf.d"));
  writeFileSync(join(folder, "conf.d/mem.conf"), '[[inputs.mem]]\n  interval = "200ms"\n');
  const queue = join(folder, "agent/inputs/queue");
  const readQueue = () =>
    existsSync(queue)
      ? readdirSync(queue)
          .filter((name) => name.endsWith(".points"))
          .map((name) => readFileSync(join(queue, name), "utf8"))
          .join("")
      : "";
  const first = launchAgent(scope, folder, 1);
  await waitUntil("points in the queue", () => instantsIn(readQueue()).length >= 5, {
    timeoutMs: 20_000,
    explain: () => first.describe(),
  });
  await first.stop("SIGKILL");
  const queued = instantsIn(readQueue());

  const gateway = await FakeGateway.start(scope);
  const second = launchAgent(scope, folder, gateway.port);
  const sent = () => gateway.writes.flatMap((write) => instantsIn(write.lines));
  await waitUntil("the old points and new ones", () => sent().length > queued.length, {
    timeoutMs: 20_000,
    explain: () => second.describe(),
  });
  assert.deepEqual(await second.stop("SIGTERM"), { code: 0, signal: null });
  assert.deepEqual(sent().slice(0, queued.length), queued);
  assert.equal(new Set(sent()).size, sent().length, "none twice");
});

test("kill -9 again and again while a log is followed: every line arrives, and twice only in a batch of the same id", async (scope) => {
  const folder = await makeTempDir(scope);
  const log = join(folder, "app.log");
  mkdirSync(join(folder, "conf.d"));
  const text = `[[inputs.logging]]\n  logfiles = ["${log}"]\n  from_beginning = true\n`;
  writeFileSync(join(folder, "conf.d/app.conf"), text);
  const gateway = await FakeGateway.start(scope);
  let written = 0;
  const write = () => {
    appendFileSync(log, Array.from({ length: 500 }, () => `line ${written++}\n`).join(""));
  };
  const lines: number[] = [];
  const batches = new Set<string>();
  /** Looks through what has come since; a batch that came before tells nothing new. */
  const arrived = () => {
    for (const request of gateway.writes.splice(0)) {
      if (batches.has(request.batch)) continue;
      batches.add(request.batch);
      for (const match of request.lines.matchAll(/message="line (\d+)"/g)) lines.push(Number(match[1]));
    }
    return lines;
  };
  for (let round = 0; round < 3; round++) {
    const agent = launchAgent(scope, folder, gateway.port);
    const before = arrived().length;
    await waitUntil(
      "some lines",
      () => {
        write();
        return arrived().length > before + 2000;
      },
      { timeoutMs: 20_000, everyMs: 50, explain: () => agent.describe() },
    );
    await agent.stop("SIGKILL");
    write();
  }
  launchAgent(scope, folder, gateway.port);
  await waitUntil("all lines", () => arrived().length >= written, {
    timeoutMs: 20_000,
    explain: () => `${lines.length} of ${written}`,
  });
  assert.deepEqual(
    arrived().toSorted((a, b) => a - b),
    Array.from({ length: written }, (_, index) => index),
  );
});

test("while nothing is configured nothing is loaded and no timer runs, and the inventory is told all the same", async (scope) => {
  const folder = await makeTempDir(scope);
  const clock = new ManualClock();
  const inputs = new AgentInputs({
    confDir: join(folder, "conf.d"),
    folder: join(folder, "inputs"),
    servers: [{ url: "http://127.0.0.1:1", token: "tkn_secret" }],
    agentId: "agent-1",
    labels: {},
    authorities: undefined,
    address: () => "127.0.0.1",
    loadPolicy: async () => DEFAULT_POLICY,
    onChange: () => {},
    clock,
    log: createLogger({ level: "error", clock, write: () => {} }),
    random: () => 0,
  });
  inputs.start();
  for (let beat = 0; beat < 3; beat++) inputs.look();
  const answer = await inputs.answer({ method: "inputs.list" });
  await settle();
  assert.ok(answer.ok && (answer.content.inventory?.available.length ?? 0) > 10);
  assert.deepEqual([clock.pendingTimers, readdirSync(folder)], [0, []]);

  // the first file that comes by hand is found at a beat
  mkdirSync(join(folder, "conf.d"));
  writeFileSync(join(folder, "conf.d/system.conf"), "[[inputs.system]]\n");
  inputs.look();
  await waitUntil("it runs", () => inputs.inventory().inputs[0]?.status === "running");
  const stopping = inputs.stop();
  await clock.advanceAndSettle(5000);
  await stopping;
  assert.equal(clock.pendingTimers, 0);
});

test("an agent that starts loads neither the collectors nor a schema library nor a TOML reader", async (scope) => {
  const program = `import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) {
      if (/zod|smol-toml|inputs\\/(kinds|loaded-inputs|host-inputs|sender)/.test(url)) console.log("loaded " + url);
      return next(url, context);
    } });
    const { runAgent } = await import(${JSON.stringify(MAIN)});
    const stop = new AbortController();
    const out = { text() {}, log: (line) => line.includes("server was not reached") && stop.abort() };
    const argv = ["--server", "http://127.0.0.1:1", "--token", "tkn_secret", "--data-dir", process.argv[1]];
    console.log("code " + await runAgent({ argv, environment: {}, out, signal: stop.signal }));`;
  const folder = await makeTempDir(scope);
  const child = launchProcess(scope, { args: ["--input-type=module", "--eval", program, folder] });
  await child.exited;
  assert.equal(child.stdout, "code 0\n", child.describe());
});
