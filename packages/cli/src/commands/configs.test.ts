import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { AgentConfig, ConfigRevision, Rollout } from "@muster/core/resources";
import { answerJson, makeTempDir, type Scope, type SeenRequest, startStubServer } from "@muster/testing";
import { runCli } from "../main.ts";
import { makeAgent, makeConfig, makeGroup, makeHost } from "../test-fixtures.ts";

const AT = "2026-01-01T00:00:00.000Z";
const AGENT = makeAgent({ id: "a1", name: "web-1" });
const WEB = makeGroup({
  id: "g1",
  name: "web",
  tags: [{ name: "env", value: "prod" }],
  position: 2,
  description: "ours",
});
const APP = makeConfig({ id: "c1", name: "app", revision: 3, groups: [{ id: "g1", name: "web", revision: 2 }] });
const TRUTH: AgentConfig = {
  agentId: "a1",
  agentName: "web-1",
  configId: "c1",
  configName: "app",
  groupId: "g1",
  wanted: 3,
  applied: 2,
  status: "failed",
  error: "line 3\x1b[2J",
  since: AT,
  drifted: true,
};

function makeRevision(revision: number, text: string): ConfigRevision {
  const told = { configId: "c1", digest: "d", message: "why", createdAt: AT, createdBy: "ann" };
  return { revision, text, ...told, variables: ["secret.db"] };
}

function makeRollout(parts: Partial<Rollout> = {}): Rollout {
  const wave = { size: "100%", agents: 4, applied: 1, failed: 1, pending: 1, offline: 1 };
  return {
    id: "r1",
    configId: "c1",
    configName: "app",
    revision: 3,
    groups: [{ id: "g1", name: "web" }],
    state: "running",
    reason: "it is under way",
    wave: 1,
    waves: [wave],
    healthyMs: 1000,
    applyTimeoutMs: 1000,
    failureBudget: 0,
    createdAt: AT,
    createdBy: "ann",
    endedAt: null,
    ...parts,
  };
}

type Answers = Readonly<Record<string, (request: SeenRequest) => unknown>>;

/** A server with one agent, group and config that answers everything else from a table. */
async function setUp(scope: Scope, answers: Answers = {}) {
  const known: Answers = {
    "GET agents": () => ({ items: [AGENT], nextCursor: null, total: 1 }),
    "GET groups": () => ({ items: [WEB], nextCursor: null }),
    "GET configs": () => ({ items: [APP], nextCursor: null }),
    "GET configs/app": () => APP,
    "GET configs/c1/revisions": () => ({ items: [makeRevision(3, "a\nc\n"), makeRevision(2, "a\nb\n")] }),
    "GET configs/c1/revisions/3": () => makeRevision(3, "a\nc\n"),
    "GET configs/c1/revisions/2": () => makeRevision(2, "a\nb\n"),
    ...answers,
  };
  const server = await startStubServer((request, response) => {
    const { pathname } = new URL(request.url, "http://x");
    const key = `${request.method} ${pathname.replace("/fleet/v1/", "")}`;
    const answer = known[key];
    if (!answer) return answerJson(response, { code: "not_found", detail: `no ${key}` }, 404);
    return answerJson(response, answer(request));
  });
  scope.after(() => server[Symbol.asyncDispose]());
  const home = await makeTempDir(scope);
  const file = join(home, "text");
  await writeFile(file, "a\nd\n");
  const run = async (...argv: readonly string[]) => {
    const host = makeHost({ HOME: home, MUSTER_SERVER: server.baseUrl, MUSTER_API_TOKEN: "mst_1" });
    return { code: await runCli(host, argv), out: host.stdout.text, err: host.stderr.text };
  };
  const sent = () => JSON.parse(server.seen.at(-1)?.body || "null") as unknown;
  return { run, file, sent, seen: server.seen };
}

test("configs are listed and shown with who has which revision, and their text as it is", async (t) => {
  const { run } = await setUp(t);
  const { out } = await run("configs");
  assert.match(out, /^NAME +KIND +REV +GROUPS.*\napp +file +3 +web \(revision 2\) +– /);
  assert.deepEqual(JSON.parse((await run("configs", "ls", "--json")).out), [APP]);
  const shown = await run("configs", "show", "app");
  assert.match(shown.out, /newest +revision 3.*asks for +secret\.db\n\na\nc\n$/s);
  assert.equal((await run("configs", "show", "app", "--revision", "2", "--text")).out, "a\nb\n");
  assert.equal((await run("configs", "show", "nothing")).code, 5);
  assert.match((await run("configs", "revisions", "app")).out, /3 .* ann +why +secret\.db/);
});

test("any two revisions are compared, the last two when none is named", async (t) => {
  const { run } = await setUp(t);
  const { out } = await run("configs", "diff", "app");
  assert.equal(out, "--- app (revision 2)\n+++ app (revision 3)\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
  assert.equal((await run("configs", "diff", "app", "2", "3")).out, out);
  assert.match((await run("configs", "diff", "app", "3", "2")).out, /-c\n\+b\n/);
  assert.equal((await run("configs", "diff", "app", "first")).code, 2);
});

test("a config is created, edited and removed", async (t) => {
  const { run, file, sent } = await setUp(t, {
    "POST configs": () => makeConfig({ revision: 1 }),
    "PATCH configs/c1": () => makeConfig({ revision: 4 }),
    "DELETE configs/c1": () => "",
  });
  const argv = ["--kind", "file", "--format", "text", "-f", file, "--description", "d", "--agent-type", "ilogtail"];
  assert.equal((await run("configs", "create", "app", ...argv)).out, "app  revision 1\n");
  const told = { description: "d", agentType: "ilogtail" };
  assert.deepEqual(sent(), { name: "app", kind: "file", format: "text", text: "a\nd\n", ...told });
  assert.equal((await run("configs", "edit", "app", "-f", file, "-m", "why", "--base", "3")).out, "app  revision 4\n");
  assert.deepEqual(sent(), { text: "a\nd\n", baseRevision: 3, message: "why" });
  await run("configs", "edit", "app", "--expires", "1h");
  assert.match(JSON.stringify(sent()), /^\{"expiresAt":"[\d-]+T[\d:.]+Z"\}$/);
  assert.equal((await run("configs", "create", "app", "-f", file)).code, 2, "of no kind");
  assert.equal((await run("configs", "remove", "app")).code, 2, "nobody to ask");
  assert.equal((await run("configs", "remove", "app", "--yes")).out, "removed app\n");
});

test("a config is given to groups, tried before, taken, and offered again", async (t) => {
  const item = { agentId: "a1", agentName: "web-1", outcome: "changed", from: 2, to: 3, reason: null } as const;
  const { run, sent, seen } = await setUp(t, {
    "POST configs/plan": () => ({ changed: 1, unchanged: 2, unable: 0, items: [item] }),
    "PUT configs/c1/assignments/g1": () => APP,
    "DELETE configs/c1/assignments/g1": () => "",
    "POST agents/a1/configs/c1/retry": () => "",
  });
  const plan = await run("configs", "assign", "app", "web", "--dry-run");
  assert.match(plan.out, /web-1 +changed +2 +3/);
  assert.match(plan.err, /1 would get another text, 2 have it, 0 cannot take it/);
  assert.deepEqual(sent(), { configId: "c1", revision: 3, groups: ["g1"] });
  assert.ok(seen.every(({ method }) => method !== "PUT"));
  assert.equal((await run("configs", "assign", "app", "web", "--revision", "2")).out, "gave app (revision 2) to web\n");
  assert.deepEqual(sent(), { revision: 2 });
  assert.equal((await run("configs", "unassign", "app", "web")).out, "took app from web\n");
  assert.equal((await run("configs", "retry", "app", "web-1")).code, 0);
  assert.equal((await run("configs", "assign", "app", "nobody")).code, 5);
});

test("what agents make of a config is shown without what would move a cursor", async (t) => {
  const { run } = await setUp(t, {
    "GET configs/c1/agents": ({ url }) => ({ items: url.includes("status=failed") ? [TRUTH] : [], nextCursor: null }),
    "GET agents/a1/configs": () => ({ items: [TRUTH] }),
  });
  const { out } = await run("configs", "agents", "app", "--status", "failed");
  assert.match(out, /web-1 +failed, drifted +3 +2 .* line 3\\x1b/);
  assert.match((await run("configs", "of", "web-1")).out, /app +failed, drifted/);
  assert.equal((await run("configs", "agents", "app", "--status", "sad")).code, 2);
});

test("a rollout is begun, shown and steered, by its id or its config's name", async (t) => {
  const halted = makeRollout({ state: "halted", reason: "1 failed, and 0 may" });
  const acts = ["pause", "resume", "cancel", "rollback"];
  const { run, sent, seen } = await setUp(t, {
    "POST rollouts": () => makeRollout(),
    "GET rollouts": () => ({ items: [halted], nextCursor: null }),
    "GET rollouts/r1": () => halted,
    "GET rollouts/r1/errors": () => ({ items: [{ error: "no room", agents: 1 }] }),
    "GET rollouts/r1/agents": () => ({
      items: [
        { agentId: "a1", agentName: "web-1", online: true, wave: 1, state: "failed", error: "no room", since: AT },
      ],
      nextCursor: null,
    }),
    ...Object.fromEntries(acts.map((act) => [`POST rollouts/r1/${act}`, () => halted])),
  });
  const flags = ["--waves", "1,50%,100%", "--healthy", "10s", "--apply-timeout", "1m", "--failure-budget", "2"];
  const begun = await run("rollouts", "start", "app", "--group", "web", ...flags);
  assert.match(begun.out, /^r1 {2}app \(revision 3\) {2}running: it is under way\n$/);
  assert.deepEqual(sent(), {
    configId: "c1",
    revision: 3,
    groups: ["g1"],
    waves: [1, "50%", "100%"],
    healthyMs: 10_000,
    applyTimeoutMs: 60_000,
    failureBudget: 2,
  });
  assert.equal((await run("rollouts", "start", "app")).code, 2, "to nobody");
  assert.match((await run("rollouts")).out, /app +3 +web +halted +wave 1\/1, 1 of 4 applied, 1 failed, 1 away/);
  assert.match((await run("rollouts", "show", "app")).out, /halted: 1 failed.*1 +no room.*web-1 +1 .* no room/s);
  for (const act of acts) {
    assert.equal((await run("rollouts", act, "app")).code, 0);
    assert.equal(seen.at(-1)?.url, `/fleet/v1/rollouts/r1/${act}`);
  }
});

test("watching a rollout ends with 0 when it is done, and otherwise with what went wrong", async (t) => {
  let state: Rollout = makeRollout({ state: "done", reason: "everybody has it", endedAt: AT });
  const { run } = await setUp(t, {
    "POST rollouts": () => state,
    "GET rollouts": () => ({ items: [state], nextCursor: null }),
    "GET rollouts/r1/errors": () => ({ items: [{ error: "no room", agents: 3 }] }),
  });
  assert.equal((await run("rollouts", "start", "app", "--group", "web", "--watch")).code, 0);
  state = makeRollout({ state: "halted", reason: "too many failed" });
  const halted = await run("rollouts", "watch", "app");
  assert.equal(halted.code, 6);
  assert.match(halted.out, /halted: too many failed/);
  assert.match(halted.err, /3× {2}no room/);
});

test("a secret's value comes from a file, is never shown, and is no argument", async (t) => {
  const { run, file, sent } = await setUp(t, {
    "GET secrets": () => ({
      items: [{ name: "db", description: "the database", updatedAt: AT, updatedBy: "ann", usedBy: ["app"] }],
    }),
    "PUT secrets/db": () => ({ revised: ["c1"] }),
    "DELETE secrets/db": () => "",
  });
  assert.match((await run("secrets")).out, /db +.* ann +app +the database/);
  const stored = await run("secrets", "set", "db", "-f", file, "--description", "new");
  assert.equal(stored.out, "stored db; 1 config given anew\n");
  assert.deepEqual(sent(), { value: "a\nd", description: "new" });
  assert.equal((await run("secrets", "set", "db", "a value", "-f", file)).code, 2);
  assert.equal((await run("secrets", "remove", "db")).code, 2, "nobody to ask");
  assert.equal((await run("secrets", "rm", "db", "--yes")).out, "removed db\n");
});

test("a group is created by tags and its place, changed in part, and previewed", async (t) => {
  const { run, sent } = await setUp(t, {
    "POST groups": () => WEB,
    "PUT groups/g1": () => WEB,
    "POST groups/preview": () => ({ agents: 1, items: [{ id: "a1", name: "web-1", status: "online" }] }),
  });
  const tag = { name: "env", value: "prod" };
  assert.match((await run("groups")).out, /web +1 +2 +– +env=prod/);
  assert.equal((await run("groups", "create", "web", "--tag", "env=prod", "--position", "2")).code, 0);
  assert.deepEqual(sent(), { name: "web", selector: null, tags: [tag], agentIds: [], position: 2 });
  await run("groups", "set", "web", "--selector", "a=b || c", "--agent", "web-1");
  const same = { name: "web", description: "ours", position: 2 };
  assert.deepEqual(sent(), { ...same, selector: "a=b || c", tags: [tag], agentIds: ["a1"] });
  await run("groups", "set", "web", "--tag", "", "--position", "0");
  assert.deepEqual(sent(), { ...same, position: 0, selector: null, tags: [], agentIds: [] });
  const preview = await run("groups", "preview", "--label", "role=web", "--tag", "env=prod");
  assert.deepEqual([preview.out.includes("web-1"), preview.err], [true, "1 agent\n"]);
  assert.deepEqual(sent(), { selector: "role=web", tags: [tag], agentIds: [] });
  assert.equal((await run("groups", "preview", "--tag", "prod")).code, 2);
});
