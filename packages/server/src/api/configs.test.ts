import assert from "node:assert/strict";
import { test } from "node:test";
import type { Capability } from "@muster/core";
import type {
  AgentConfig,
  Config,
  ConfigKind,
  ConfigPlan,
  ConfigRevision,
  ConfigSecret,
  Group,
  GroupPreview,
  Page,
} from "@muster/core/resources";
import type { Scope } from "@muster/testing";
import { connectTo } from "../fleet/fleet-for-test.ts";
import { startTestServer } from "./test-server.ts";

const DEFAULT = "default";

async function setUp(scope: Scope) {
  const server = await startTestServer(scope);
  /** The answer, and its status. */
  const ask = async <Answer>(method: string, path: string, body?: unknown) => {
    const options = { token: server.firstRun.apiToken, ...(body !== undefined && { body }) };
    const response = await server.request(method, `/fleet/v1/${path}`, options);
    const text = await response.text();
    return { status: response.status, answer: (text === "" ? null : JSON.parse(text)) as Answer, text };
  };
  const join = (name: string, labels: Record<string, string> = {}, capability: Capability = "configs") =>
    connectTo(server.fleet, name, {
      facts: { hostname: name, labels },
      capabilities: new Set<Capability>([capability, "verdict"]),
    });
  const audit = async (action: "configs.write" | "secrets.write") => {
    const { items } = await server.access.audit.list({ limit: 50, action });
    return items.reverse();
  };
  return { server, ask, join, audit };
}

test("a config is written, changed, given to a group, seen on its agents, taken and removed", async (t) => {
  const { ask, join, server, audit } = await setUp(t);
  const agent = await join("web-1");
  const kinds = await ask<{ items: ConfigKind[] }>("GET", "config-kinds");
  assert.ok(kinds.answer.items.some(({ id, formats }) => id === "file" && formats.includes("toml")));

  const write = { name: "app", kind: "file", format: "toml", text: "a = 1\n", message: "first" };
  const created = await ask<Config>("POST", "configs", write);
  assert.equal(created.status, 201);
  const { id } = created.answer;
  assert.deepEqual([created.answer.revision, created.answer.groups, created.answer.agentType], [1, [], ""]);
  assert.equal((await ask("POST", "configs", write)).status, 409);

  const change = { text: "a = 2\n", message: "more", baseRevision: 1, agentType: "muster" };
  assert.equal((await ask<Config>("PATCH", "configs/app", change)).answer.revision, 2);
  assert.equal((await ask("PATCH", "configs/app", change)).status, 409, "somebody else was faster");
  await ask("PATCH", "configs/app", { agentType: "" });
  const { answer: revisions } = await ask<{ items: ConfigRevision[] }>("GET", `configs/${id}/revisions`);
  assert.deepEqual(
    revisions.items.map(({ revision, message, text }) => [revision, message, text]),
    [
      [3, "", "a = 2\n"],
      [2, "more", "a = 2\n"],
      [1, "first", "a = 1\n"],
    ],
  );
  assert.equal((await ask<ConfigRevision>("GET", "configs/app/revisions/1")).answer.text, "a = 1\n");
  assert.equal((await ask("GET", "configs/app/revisions/9")).status, 404);
  assert.equal((await ask("GET", "configs/app/revisions/x")).status, 400);

  const plan = await ask<ConfigPlan>("POST", "configs/plan", { configId: id, revision: 3, groups: [DEFAULT] });
  assert.deepEqual([plan.answer.changed, plan.answer.items[0]?.agentName], [1, "web-1"]);
  assert.deepEqual(server.fleet.configs.wantedFor(agent.session.state), []);

  const given = await ask<Config>("PUT", `configs/app/assignments/${DEFAULT}`, { revision: 1 });
  assert.deepEqual(given.answer.groups, [{ id: DEFAULT, name: DEFAULT, revision: 1 }]);
  assert.equal((await ask<Config>("PUT", `configs/app/assignments/${DEFAULT}`, {})).answer.groups[0]?.revision, 3);
  assert.equal((await ask("PUT", "configs/app/assignments/nobody", {})).status, 404);
  const older = await ask("PUT", `configs/app/assignments/${DEFAULT}`, { revision: 2 });
  assert.deepEqual([older.status, /has revision 3/.test(older.text)], [412, true], "numbers only grow for agents");
  assert.deepEqual(
    server.fleet.configs.wantedFor(agent.session.state).map(({ name, text }) => [name, text]),
    [["app", "a = 2\n"]],
  );
  const agents = await ask<Page<AgentConfig>>("GET", "configs/app/agents?status=pending");
  assert.deepEqual(
    agents.answer.items.map((one) => [one.agentName, one.wanted, one.applied]),
    [["web-1", 3, null]],
  );
  const own = await ask<{ items: AgentConfig[] }>("GET", `agents/${agent.session.agentId}/configs`);
  assert.deepEqual(own.answer.items, agents.answer.items);

  assert.equal((await ask("DELETE", `configs/app/assignments/${DEFAULT}`)).status, 204);
  assert.deepEqual(server.fleet.configs.wantedFor(agent.session.state), []);
  assert.equal((await ask("DELETE", "configs/app")).status, 204);
  assert.equal((await ask("GET", "configs/app")).status, 404);
  assert.deepEqual((await ask<Page<Config>>("GET", "configs?kind=file")).answer, { items: [], nextCursor: null });

  const entries = await audit("configs.write");
  assert.deepEqual(
    entries.filter(({ outcome }) => outcome === "ok").map(({ details }) => Object.keys(details)[0]),
    ["created", "changed", "changed", "given", "given", "taken", "removed"],
  );
  assert.doesNotMatch(JSON.stringify(entries), /a = [12]/);
});

test("a name that would leave its folder on a host, a kind or format that is none, are refused by name", async (t) => {
  const { ask } = await setUp(t);
  const write = { name: "app", kind: "file", text: "x" };
  for (const [field, change] of [
    ["name", { name: "../etc/passwd" }],
    ["kind", { kind: "wish" }],
    ["format", { kind: "pipeline", format: "toml" }],
  ] as const) {
    const { status, text } = await ask("POST", "configs", { ...write, ...change });
    assert.equal(status, 400, field);
    assert.match(text, new RegExp(`"field":"${field}"`));
  }
  const late = { ...write, kind: "onetime", expiresAt: "tomorrow" };
  assert.equal((await ask("POST", "configs", late)).status, 400);
  const onetime = await ask<Config>("POST", "configs", { ...late, expiresAt: "2099-01-01T01:00:00+01:00" });
  assert.equal(onetime.answer.expiresAt, "2099-01-01T00:00:00.000Z");
});

test("what failed on an agent is offered again when somebody says so", async (t) => {
  const { ask, join, server } = await setUp(t);
  const agent = await join("web-1");
  const { id } = (await ask<Config>("POST", "configs", { name: "app", kind: "file", text: "x" })).answer;
  await ask("PUT", `configs/${id}/assignments/${DEFAULT}`, {});
  const { state, agentId } = agent.session;
  const [wanted] = server.fleet.configs.wantedFor(state);
  assert.ok(wanted);
  const held = { name: "app", kind: "file", revision: 1, status: "failed", error: "no room", digest: null } as const;
  server.fleet.configs.report(state, ["file"], [held]);
  const failed = await ask<Page<AgentConfig>>("GET", `configs/${id}/agents?status=failed`);
  assert.equal(failed.answer.items[0]?.error, "no room");
  assert.deepEqual(server.fleet.configs.wantedFor(state), []);
  assert.equal((await ask("POST", `agents/${agentId}/configs/${id}/retry`)).status, 204);
  assert.equal(server.fleet.configs.wantedFor(state)[0]?.revision, 1);
  assert.equal((await ask("POST", `agents/${agentId}/configs/${id}/retry`)).status, 412, "nothing has failed");
});

test("a secret's value reaches agents and is in no answer, audit entry or line of the log", async (t) => {
  const { ask, join, server, audit } = await setUp(t);
  const value = "correct horse staple";
  const agent = await join("web-1");
  const text = ["password = $", "{secret.db}\n"].join("");
  const { id } = (await ask<Config>("POST", "configs", { name: "app", kind: "file", text })).answer;
  await ask("PUT", `configs/${id}/assignments/${DEFAULT}`, {});
  const answers = [
    await ask<{ revised: string[] }>("PUT", "secrets/db", { value: "old one", description: "the database" }),
    await ask<{ revised: string[] }>("PUT", "secrets/db", { value }),
  ];
  assert.deepEqual(answers[1]?.answer, { revised: [id] });
  assert.equal(server.fleet.configs.wantedFor(agent.session.state)[0]?.text, `password = ${value}\n`);
  const listed = await ask<{ items: ConfigSecret[] }>("GET", "secrets");
  assert.deepEqual(
    listed.answer.items.map(({ name, description, usedBy }) => [name, description, usedBy]),
    [["db", "the database", ["app"]]],
  );
  const refused = await ask("PUT", "secrets/db", { value: [value] });
  assert.equal(refused.status, 400);
  assert.equal((await ask("DELETE", "secrets/db")).status, 412, "a config asks for it");
  const seen = [
    ...[...answers, refused, listed].map((one) => one.text),
    (await ask("GET", `configs/${id}/revisions`)).text,
    (await ask("GET", "audit?limit=100")).text,
    JSON.stringify(await audit("secrets.write")),
    JSON.stringify(server.log),
  ];
  for (const text of seen) assert.ok(!text.includes(value), text);
  await ask("DELETE", "configs/app");
  assert.equal((await ask("DELETE", "secrets/db")).status, 204);
  assert.equal((await ask("DELETE", "secrets/db")).status, 404);
});

test("a group is known by labels, tags and hand, previewed before it is stored, and has its place in the order", async (t) => {
  const { ask, join } = await setUp(t);
  const web = await join("web-1", { role: "web" });
  await join("db-1", { role: "db" });
  const lone = await join("lone-1");
  const rule = {
    selector: "role=web || role=cache",
    tags: [{ name: "role", value: "db" }],
    agentIds: [lone.session.agentId],
  };
  const preview = await ask<GroupPreview>("POST", "groups/preview", rule);
  assert.deepEqual(
    [preview.answer.agents, preview.answer.items.map(({ name }) => name)],
    [3, ["db-1", "lone-1", "web-1"]],
  );
  assert.equal((await ask("POST", "groups/preview", { selector: "||" })).status, 400);
  const { answer: created } = await ask<Group>("POST", "groups", { name: "all", ...rule, position: 7 });
  assert.deepEqual([created.agents, created.position, created.tags], [3, 7, rule.tags]);
  const changed = await ask<Group>("PUT", `groups/${created.id}`, { name: "all", agentIds: [web.session.agentId] });
  assert.deepEqual([changed.answer.agents, changed.answer.position, changed.answer.tags], [1, 7, []]);
  assert.equal((await ask("DELETE", `groups/${DEFAULT}`)).status, 412, "everyone cannot be deleted");
});

test("the API describes its configs, groups and secrets", async (t) => {
  const { ask } = await setUp(t);
  const { answer } = await ask<{ paths: Record<string, Record<string, unknown>> }>("GET", "openapi.json");
  for (const path of [
    "/configs/{id}",
    "/configs/plan",
    "/agents/{id}/configs",
    "/secrets/{name}",
    "/config-kinds",
    "/groups/preview",
  ])
    assert.ok(answer.paths[`/fleet/v1${path}`], path);
});
