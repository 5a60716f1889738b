import assert from "node:assert/strict";
import { test } from "node:test";
import { type CommandDraft, EMPTY_DRAFT, readDraft, readEnv, readLimit, toTargets } from "./command-draft.ts";

const draft = (part: Partial<CommandDraft>): CommandDraft => ({ ...EMPTY_DRAFT, text: "uptime", ...part });

test("only what the chosen way says is hit, and a forgotten field hits nobody", () => {
  const everything = { ids: ["a"], selector: "role=web", groups: ["g"] };
  assert.deepEqual(toTargets(draft({ ...everything, mode: "picked" })), { ids: ["a"] });
  assert.deepEqual(toTargets(draft({ ...everything, mode: "labels" })), { selector: "role=web" });
  assert.deepEqual(toTargets(draft({ ...everything, mode: "groups" })), { groups: ["g"] });
  assert.deepEqual(toTargets(draft({ ...everything, mode: "all" })), { all: true });
  assert.deepEqual(toTargets(draft({ mode: "labels", selector: " " })), { ids: [] });
});

test("durations, limits and environment become what the API wants", () => {
  const read = readDraft(
    draft({ timeout: "5 m", expires: "2d", concurrency: "10%", budget: "0", env: "A=1\n\nB=x=y" }),
  );
  assert.ok("request" in read);
  assert.equal(read.request.timeoutMs, 300_000);
  assert.equal(read.request.expiresInMs, 172_800_000);
  assert.equal(read.request.concurrency, "10%");
  assert.equal(read.request.failureBudget, 0);
  assert.deepEqual(read.request.env, { A: "1", B: "x=y" });
});

test("fields that cannot be read are named", () => {
  const read = readDraft(
    draft({ text: " ", timeout: "soon", expires: "99d", concurrency: "0", budget: "-1", env: "1A=x" }),
  );
  assert.ok("faults" in read);
  assert.deepEqual([...read.faults].sort(), ["budget", "concurrency", "env", "expires", "text", "timeout"]);
});

test("an empty limit is no limit, and nonsense is told apart from it", () => {
  assert.equal(readLimit(""), null);
  assert.equal(readLimit("50"), 50);
  assert.equal(readLimit("101%"), undefined);
  assert.equal(readEnv("no equals sign"), undefined);
});
