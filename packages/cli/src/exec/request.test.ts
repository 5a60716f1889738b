import assert from "node:assert/strict";
import { test } from "node:test";
import { MusterClient } from "@muster/sdk";
import { answerJson, startStubServer } from "@muster/testing";
import { makeAgent } from "../test-fixtures.ts";
import { buildRequest, readTargets } from "./request.ts";
import { submitCommand } from "./submit.ts";

const nobody = new MusterClient({ baseUrl: "http://127.0.0.1:9" });
const all = { ids: [], groups: [], all: true };

test("nobody named hits nobody: it is a mistake, and so is everyone and somebody", async () => {
  await assert.rejects(readTargets(nobody, {}), { code: "invalid_argument", message: /--all/ });
  await assert.rejects(readTargets(nobody, { all: true, label: ["a=b"] }), { code: "invalid_argument" });
  assert.deepEqual(await readTargets(nobody, { all: true }), all);
  assert.deepEqual(await readTargets(nobody, { label: ["a=b"], selector: "!c" }), {
    ids: [],
    groups: [],
    all: false,
    selector: "a=b,!c",
  });
});

test("an agent is found by its exact name, and two of one name are not guessed between", async () => {
  const twins = [
    makeAgent({ id: "1", name: "twin" }),
    makeAgent({ id: "2", name: "twin" }),
    makeAgent({ id: "3", name: "twin-2" }),
  ];
  await using server = await startStubServer((_, response) =>
    answerJson(response, { items: twins, nextCursor: null, total: 3 }),
  );
  const client = new MusterClient({ baseUrl: server.baseUrl });
  assert.deepEqual((await readTargets(client, { agent: ["twin-2"] })).ids, ["3"]);
  await assert.rejects(readTargets(client, { agent: ["twin"] }), { code: "conflict" });
  await assert.rejects(readTargets(client, { agent: ["twi"] }), { code: "not_found" });
});

test("one word goes to the shell, several to no shell", () => {
  assert.equal(buildRequest(["df -h | sort"], all, {}).text, "df -h | sort");
  const request = buildRequest(["echo", "a b", "$HOME"], all, { timeout: 5000, env: ["A=1=2"], failureBudget: "5%" });
  assert.deepEqual(request.argv, ["echo", "a b", "$HOME"]);
  assert.equal(request.text, undefined);
  assert.deepEqual([request.timeoutMs, request.env, request.failureBudget], [5000, { A: "1=2" }, "5%"]);
  assert.throws(() => buildRequest(["x"], all, { env: ["A"] }), { code: "invalid_argument" });
  assert.throws(() => buildRequest([""], all, {}), { code: "invalid_argument" });
});

test("a command whose answer was lost is asked for again under the same key", async () => {
  await using server = await startStubServer((_, response) => {
    if (server.seen.length < 3) response.destroy();
    else answerJson(response, { id: "c" }, 201);
  });
  const retries: string[] = [];
  const clock = { now: () => 0, monotonic: () => 0, every: () => () => undefined, after: instantly };
  const command = await submitCommand({
    client: new MusterClient({ baseUrl: server.baseUrl }),
    clock,
    request: { text: "x", targets: all },
    onRetry: (reason) => retries.push(reason),
  });
  assert.equal(command.id, "c");
  assert.equal(retries.length, 2);
  assert.equal(new Set(server.seen.map((request) => request.headers["idempotency-key"])).size, 1);
});

test("a command that the server refuses is not asked for again", async () => {
  await using server = await startStubServer((_, response) => answerJson(response, { code: "invalid_argument" }, 400));
  const submission = {
    client: new MusterClient({ baseUrl: server.baseUrl }),
    clock: { now: () => 0, monotonic: () => 0, every: () => () => undefined, after: instantly },
    request: { text: "x", targets: all },
    onRetry: () => assert.fail("a refusal is an answer"),
  };
  await assert.rejects(submitCommand(submission), { code: "invalid_argument" });
  assert.equal(server.seen.length, 1);
});

function instantly(_delayMs: number, task: () => void) {
  const immediate = setImmediate(task);
  return () => clearImmediate(immediate);
}
