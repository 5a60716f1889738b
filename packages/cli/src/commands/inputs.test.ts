import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Input, InputBulkAnswer, InputRevision } from "@muster/core/resources";
import { answerJson, makeTempDir, type Scope, type SeenRequest, startStubServer } from "@muster/testing";
import { runCli } from "../main.ts";
import { makeAgent, makeHost } from "../test-fixtures.ts";

const AGENT = makeAgent({ id: "a1", name: "web-1" });
const ID = "dkinput_9m4e2mr0ui3e8a215n4g";
const TOML = "[[inputs.cpu]]\n";

function makeInput(parts: Partial<Input> = {}): Input {
  return {
    id: ID,
    inputs: ["cpu"],
    inputType: "datakit",
    managed: true,
    status: "running",
    error: null,
    file: `${ID}.conf`,
    digest: "d",
    points: 12,
    lastPointAt: null,
    agentId: "a1",
    revision: 2,
    updatedAt: null,
    updatedBy: "ann",
    drifted: false,
    ...parts,
  };
}

type Answers = Readonly<Record<string, (request: SeenRequest) => unknown>>;

class Refusal {
  readonly status: number;
  readonly body: object;
  constructor(status: number, body: object) {
    this.status = status;
    this.body = body;
  }
}

/** A server with one agent that answers `METHOD path` below it from a table. */
async function setUp(scope: Scope, answers: Answers) {
  const server = await startStubServer((request, response) => {
    const { pathname } = new URL(request.url, "http://x");
    if (pathname === "/fleet/v1/agents") return answerJson(response, { items: [AGENT], nextCursor: null, total: 1 });
    const answer =
      answers[`${request.method} ${pathname.replace("/fleet/v1/", "").replace("agents/a1/", "")}`]?.(request);
    if (answer === undefined) return answerJson(response, { code: "not_found", detail: `no ${pathname}` }, 404);
    if (answer instanceof Refusal) return answerJson(response, answer.body, answer.status);
    return answerJson(response, answer);
  });
  scope.after(() => server[Symbol.asyncDispose]());
  const home = await makeTempDir(scope);
  const file = join(home, "cpu.conf");
  await writeFile(file, TOML);
  const run = async (...argv: readonly string[]) => {
    const host = makeHost({ HOME: home, MUSTER_SERVER: server.baseUrl, MUSTER_API_TOKEN: "mst_1" });
    return { code: await runCli(host, ["inputs", ...argv]), out: host.stdout.text, err: host.stderr.text };
  };
  const sent = () => JSON.parse(server.seen.at(-1)?.body ?? "null") as unknown;
  return { run, file, sent };
}

test("inputs are listed with what is wrong with them, as a table or as JSON", async (t) => {
  const items = [
    makeInput(),
    makeInput({ id: "old", managed: false, revision: null, error: "line 3\x1b[2J", drifted: true }),
  ];
  const { run } = await setUp(t, { "GET inputs": () => ({ items }) });
  const { out } = await run("list", "web-1");
  assert.match(
    out,
    /^ID +INPUTS +STATUS.*\ndkinput_\w+ +cpu +running .*\nold +cpu +running, drifted .*not managed +line 3\\x1b/s,
  );
  assert.equal((await run("ls", "web-1")).out, out);
  assert.deepEqual(JSON.parse((await run("list", "web-1", "--json")).out), items);
});

test("what could be collected, a sample, a configuration and its history are shown", async (t) => {
  const revision: InputRevision = {
    inputId: ID,
    revision: 2,
    toml: TOML,
    createdAt: "2026-01-01T00:00:00.000Z",
    createdBy: "ann",
    message: "changed",
    outcome: "refused",
    reason: "no such option",
  };
  const { run } = await setUp(t, {
    "GET inputs/available": () => ({
      items: [{ input: "cpu", catalog: "host", inputType: "datakit", summary: "Time" }],
    }),
    "GET inputs/samples/cpu": () => ({ input: "cpu", toml: TOML }),
    [`GET inputs/${ID}`]: () => ({ ...makeInput(), toml: TOML }),
    [`GET inputs/${ID}/revisions`]: () => ({ items: [revision] }),
  });
  assert.match((await run("available", "web-1")).out, /cpu +host +datakit +Time/);
  assert.equal((await run("sample", "web-1", "cpu")).out, TOML);
  assert.equal((await run("get", "web-1", ID)).out, TOML);
  assert.match((await run("history", "web-1", ID)).out, /2 .* ann +refused +changed +no such option/);
});

test("an input is added, edited, tried and rolled back from a file", async (t) => {
  const { run, file, sent } = await setUp(t, {
    "POST inputs": () => makeInput(),
    [`PUT inputs/${ID}`]: () => makeInput({ status: "failed", error: "no route" }),
    "POST inputs/test": () => ({ output: "cpu usage=1\n" }),
    [`POST inputs/${ID}/rollback`]: () => makeInput(),
  });
  assert.equal((await run("add", "cpu", "--agent", "web-1", "-f", file)).out, `${ID}  running\n`);
  assert.deepEqual(sent(), { input: "cpu", inputType: "datakit", toml: TOML });
  assert.equal(
    (await run("edit", "web-1", ID, "-f", file, "-m", "why", "--base", "2")).out,
    `${ID}  failed  no route\n`,
  );
  assert.deepEqual(sent(), { toml: TOML, message: "why", baseRevision: 2 });
  assert.equal((await run("test", "web-1", "cpu", "-f", file)).out, "cpu usage=1\n");
  assert.equal((await run("rollback", "web-1", ID, "1")).code, 0);
  assert.deepEqual(sent(), { revision: 1 });
  assert.equal((await run("rollback", "web-1", ID, "first")).code, 2);
  assert.equal((await run("add", "cpu", "-f", file)).code, 2, "nobody named");
  assert.equal((await run("edit", "web-1", ID, "-f", `${file}.missing`)).code, 2);
});

test("what is wrong in a configuration is shown at its place in the caller's file, and who has the same already", async (t) => {
  const details = { reason: "datakit.invalidConfig", line: 3, column: 7 };
  const refusal = new Refusal(400, { code: "invalid_argument", detail: "expected a value", details });
  let told = refusal;
  const { run, file } = await setUp(t, { "POST inputs": () => told });
  const { code, err } = await run("add", "cpu", "--agent", "web-1", "-f", file);
  assert.equal(code, 2);
  assert.ok(err.includes(`${file}:3:7: expected a value\n`), err);
  told = new Refusal(409, { code: "conflict", detail: "the same", details: { inputId: ID } });
  const twice = await run("add", "cpu", "--agent", "web-1", "-f", file);
  assert.equal(twice.code, 6);
  assert.match(twice.err, /the same\n +see dkinput_/);
  told = new Refusal(503, { code: "unavailable", detail: "not connected", details: { reason: "offline" } });
  assert.match((await run("add", "cpu", "--agent", "web-1", "-f", file)).err, /not connected\n +nothing waits/);
});

test("many agents get a line each, and the worst outcome is the exit code", async (t) => {
  const item = { agentId: "a1", agentName: "web-1", inputId: ID, status: "running", code: null, reason: null } as const;
  const answer: InputBulkAnswer = {
    total: 2,
    applied: 1,
    unchanged: 0,
    refused: 1,
    unknown: 0,
    items: [
      { ...item, outcome: "applied" },
      { ...item, agentName: "web-2", outcome: "refused", status: null, code: "offline", reason: "not connected" },
    ],
  };
  let told: InputBulkAnswer = answer;
  const { run, file, sent } = await setUp(t, { "POST inputs": () => told });
  const { code, out, err } = await run("add", "cpu", "--label", "role=web", "-f", file);
  assert.equal(code, 6);
  assert.match(out, /web-1 +applied +running.*\nweb-2 +refused +– .*not connected/s);
  assert.match(err, /1 applied, 0 had it, 1 refused, 0 unknown, of 2/);
  assert.deepEqual(sent(), {
    input: "cpu",
    inputType: "datakit",
    toml: TOML,
    targets: { ids: [], groups: [], all: false, selector: "role=web" },
  });
  told = { ...answer, refused: 0, unknown: 1 };
  assert.equal((await run("add", "cpu", "--all", "-f", file)).code, 4);
  told = { ...answer, total: 0, items: [] };
  assert.equal((await run("add", "cpu", "--all", "-f", file)).code, 5);
});

test("inputs are switched together, reloaded, and removed only by who says so", async (t) => {
  const { run, sent } = await setUp(t, {
    "POST inputs/enable": () => "",
    "POST inputs/disable": () => "",
    "POST inputs/reload": () => ({ items: [makeInput()] }),
    [`DELETE inputs/${ID}`]: () => "",
  });
  assert.equal((await run("disable", "web-1", ID, "other")).out, `disabled ${ID}\ndisabled other\n`);
  assert.deepEqual(sent(), { ids: [ID, "other"] });
  assert.equal((await run("enable", "web-1", ID)).code, 0);
  assert.match((await run("reload", "web-1")).out, /running/);
  assert.equal((await run("rm", "web-1", ID)).code, 2);
  assert.equal((await run("rm", "web-1", ID, "--yes")).out, `removed ${ID}\n`);
});
