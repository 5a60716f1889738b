import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Input, InputBulkAnswer, InputRevision, LiveEvent, Problem } from "@muster/core/resources";
import { type Scope, waitUntil } from "@muster/testing";
import { WebSocket } from "ws";
import { cpu, InputHost } from "../fleet/input-agent-for-test.ts";
import { startTestServer } from "./test-server.ts";

const SECRET = "hunter2 is the password";

describe("inputs through the API", () => {
  async function openHost(scope: Scope) {
    const server = await startTestServer(scope);
    const host = new InputHost();
    const agent = await host.connect(server.fleet, "web-1");
    const base = `/fleet/v1/agents/${agent.session.agentId}/inputs`;
    const tokens = new Map<string, string>();
    for (const role of ["viewer", "operator"] as const) {
      const made = await server.access.tokens.create({ name: role, scopes: [role] }, { name: "test", ownerId: null });
      tokens.set(role, made.token);
    }
    /** As an operator, unless said. */
    const ask = async <Answer>(method: string, path: string, body?: unknown, role = "operator") => {
      const response = await server.request(method, path.startsWith("/fleet") ? path : `${base}${path}`, {
        token: tokens.get(role),
        body,
      });
      const text = await response.text();
      return { status: response.status, json: (text === "" ? undefined : JSON.parse(text)) as Answer };
    };
    return { server, host, agent, ask };
  }

  test("the whole life of an input, and the audit log tells it without its text", async (context) => {
    const { server, host, ask } = await openHost(context);
    const available = await ask<{ items: { input: string }[] }>("GET", "/available");
    assert.equal(available.json.items[0]?.input, "cpu");
    assert.deepEqual((await ask("GET", "/samples/cpu")).json, { input: "cpu", toml: "[[inputs.cpu]]\n" });
    const spec = { input: "cpu", toml: `# ${SECRET}\n[[inputs.cpu]]\n` };
    const tested = await ask<{ output: string }>("POST", "/test", spec);
    assert.equal(tested.json.output, "cpu value=1 1\n");
    const added = await ask<Input>("POST", "", spec);
    assert.deepEqual([added.status, added.json.status, added.json.inputType], [201, "running", "datakit"]);
    const { id } = added.json;
    const change = { toml: cpu(20).toml, message: "less often", baseRevision: 1 };
    assert.equal((await ask<Input>("PUT", `/${id}`, change)).json.revision, 2);
    assert.equal((await ask<{ toml: string }>("GET", `/${id}`)).json.toml, cpu(20).toml);
    assert.equal((await ask("POST", "/disable", { ids: [id] })).status, 204);
    assert.equal((await ask<{ items: Input[] }>("GET", "")).json.items[0]?.status, "disabled");
    assert.equal((await ask("POST", "/enable", { ids: [id] })).status, 204);
    assert.equal((await ask<Input>("POST", `/${id}/rollback`, { revision: 1 })).json.revision, 5);
    assert.equal(host.files.get(id)?.toml, spec.toml);
    assert.equal((await ask<{ items: Input[] }>("POST", "/reload")).json.items.length, 1);
    assert.equal((await ask("DELETE", `/${id}`)).status, 204);
    const history = await ask<{ items: InputRevision[] }>("GET", `/${id}/revisions`);
    assert.deepEqual(
      history.json.items.map(({ message }) => message),
      ["removed", "rolled back to 1", "enabled", "disabled", "less often", "added"],
    );
    const { items } = await server.access.audit.list({ limit: 50, action: "inputs.write" });
    assert.equal(items.length, 8);
    assert.ok(items.every(({ actor, target }) => actor === "token:operator" && target?.startsWith("agent:")));
    assert.ok(!JSON.stringify([items, server.log]).includes(SECRET));
  });

  test("a viewer sees how inputs are and never what is in them", async (context) => {
    const { ask } = await openHost(context);
    const { json } = await ask<Input>("POST", "", { input: "cpu", toml: `# ${SECRET}\n[[inputs.cpu]]\n` });
    const list = await ask<{ items: Input[] }>("GET", "", undefined, "viewer");
    assert.equal(list.json.items[0]?.id, json.id);
    assert.ok(!JSON.stringify(list.json).includes(SECRET));
    for (const path of [`/${json.id}`, `/${json.id}/revisions`])
      assert.equal((await ask("GET", path, undefined, "viewer")).status, 403);
    assert.equal((await ask("DELETE", `/${json.id}`, undefined, "viewer")).status, 403);
  });

  test("failures are problems with the reason, the place and what became of the attempt", async (context) => {
    const { host, agent, ask } = await openHost(context);
    const wrong = await ask<Problem>("POST", "", { input: "cpu", toml: "[[inputs.cpu]]\n  a = \n" });
    assert.deepEqual(
      [wrong.status, wrong.json.code, wrong.json.details?.reason, wrong.json.details?.line],
      [400, "invalid_argument", "datakit.invalidConfig", 2],
    );
    const { json } = await ask<Input>("POST", "", cpu(10));
    const twice = await ask<Problem>("POST", "", cpu(10));
    assert.deepEqual(
      [twice.status, twice.json.details?.reason, twice.json.details?.inputId],
      [409, "dataway.duplicateInput", json.id],
    );
    assert.equal((await ask("PUT", "/dkinput_nothing", { toml: cpu(1).toml })).status, 404);
    assert.equal((await ask("POST", "/disable", { ids: [] })).status, 400);
    assert.equal((await ask("POST", "", { input: "cpu", toml: "", more: 1 })).status, 400);
    assert.equal((await ask("GET", "/fleet/v1/agents/nobody/inputs")).status, 404);
    host.refusal = { code: "datakit.unsupportedInputType", status: 400, message: "no such type" };
    const refused = await ask<Problem>("PUT", `/${json.id}`, { toml: cpu(20).toml });
    assert.deepEqual(
      [refused.status, refused.json.detail, refused.json.details?.outcome],
      [400, "no such type", "refused"],
    );
    agent.session.close("gone");
    const offline = await ask<Problem>("POST", "", cpu(30));
    assert.deepEqual(
      [offline.status, offline.json.code, offline.json.details?.reason],
      [503, "unavailable", "offline"],
    );
    assert.equal((await ask<{ items: Input[] }>("GET", "")).json.items.length, 1);
  });

  test("one input for many agents answers for each, and goes on when the caller has left", async (context) => {
    const { server, host, ask } = await openHost(context);
    const other = new InputHost();
    await other.connect(server.fleet, "web-2");
    const targets = { all: true };
    const done = await ask<InputBulkAnswer>("POST", "/fleet/v1/inputs", { ...cpu(10), targets });
    assert.deepEqual([done.status, done.json.total, done.json.applied], [200, 2, 2]);
    host.holds = true;
    other.holds = true;
    const abort = new AbortController();
    const asked = fetch(`${server.url}/fleet/v1/inputs`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.firstRun.apiToken}`, "content-type": "application/json" },
      body: JSON.stringify({ ...cpu(20), targets }),
      signal: abort.signal,
    });
    await waitUntil("both to be asked", () => host.calls.length > 1 && other.calls.length > 1);
    abort.abort();
    await assert.rejects(asked);
    host.holds = false;
    other.holds = false;
    host.release();
    other.release();
    await waitUntil("both to have it", async () => {
      const again = await ask<InputBulkAnswer>("POST", "/fleet/v1/inputs", { ...cpu(20), targets });
      return again.json.unchanged === 2;
    });
    assert.deepEqual([host.files.size, other.files.size], [2, 2]);
    assert.equal((await ask("POST", "/fleet/v1/inputs", { ...cpu(30), targets: { ids: ["nobody"] } })).status, 404);
  });

  test("whoever watches the agent hears that its inputs changed", async (context) => {
    const { server, agent, ask } = await openHost(context);
    const headers = { authorization: `Bearer ${server.firstRun.apiToken}` };
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/fleet/v1/live`, { headers });
    context.after(() => socket.terminate());
    const events: LiveEvent[] = [];
    socket.on("message", (bytes) => events.push(JSON.parse(String(bytes))));
    await waitUntil("hello", () => events.length > 0);
    socket.send(JSON.stringify({ op: "agent", sub: 7, agentId: agent.session.agentId }));
    await waitUntil("ready", () => events.some(({ event }) => event === "ready"));
    await ask("POST", "", cpu(10));
    await waitUntil("word of the inputs", () => events.some(({ event }) => event === "inputs"));
    const heard = events.find(({ event }) => event === "inputs");
    assert.deepEqual(heard, { event: "inputs", sub: 7, agentId: agent.session.agentId });
  });
});
