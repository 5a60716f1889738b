import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EraBDatakit, SeedDatakit, startDatawayBackend, waitUntil } from "@muster/testing";
import { cpu, openDatawayBench } from "./test-bench.ts";
import { describeWebRoutes } from "./web-openapi.ts";
import { WEB_ROUTES } from "./web-routes.ts";

const ID = "dkid_bt6um9bksvvesmk79370";

/** Written a second time on purpose: a new route fails here until somebody decides who may use it. */
const EXPECTED: Record<string, "viewer" | "operator"> = {
  "GET /v1/datakits": "viewer",
  "GET /v1/datakits/:id": "viewer",
  "GET /v1/datakits/:id/inputs": "viewer",
  "GET /v1/datakits/:id/inputs/available": "viewer",
  "GET /v1/datakits/:id/samples/:input": "viewer",
  "POST /v1/datakits/:id/inputs": "operator",
  "POST /v1/datakits/:id/inputs/enable": "operator",
  "POST /v1/datakits/:id/inputs/disable": "operator",
  "POST /v1/datakits/:id/inputs/test": "operator",
  "GET /v1/datakits/:id/inputs/:inputId": "operator",
  "PUT /v1/datakits/:id/inputs/:inputId": "operator",
  "DELETE /v1/datakits/:id/inputs/:inputId": "operator",
  "POST /v1/datakits/:id/reload": "operator",
};

describe("the gateway's HTTP side", () => {
  test("a DataKit that calls itself by another agent's id is not given what is meant for that one", async (context) => {
    const bench = await openDatawayBench(context);
    const dial = async (id: string) => {
      const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id, token: bench.token }).connect();
      context.after(() => peer.vanish());
    };
    await dial(ID);
    const honest = await bench.waitFor(ID, "online");
    await dial(honest.agent_id);
    await waitUntil(
      "the other one is known",
      async () => (await bench.call("GET", "")).body.content.items.length === 2,
    );
    const named = await bench.call("GET", `/${honest.agent_id}`);
    assert.equal(named.body.content.id, ID);
  });

  test("every route answers every kind of caller as the list says", async (context) => {
    const bench = await openDatawayBench(context);
    assert.deepEqual(WEB_ROUTES.map(({ method, path }) => `${method} ${path}`).sort(), Object.keys(EXPECTED).sort());
    const tokens = {
      nobody: undefined,
      wrong: `mst_${"0".repeat(64)}`,
      enrollment: bench.token,
      viewer: await bench.createApiToken("viewer"),
      operator: bench.operator,
      admin: await bench.createApiToken("admin"),
    };
    for (const { method, path } of WEB_ROUTES) {
      const role = EXPECTED[`${method} ${path}`];
      for (const [caller, token] of Object.entries(tokens)) {
        const target = path.replace("/v1/datakits", "").replace(/:\w+/g, "missing");
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
        const { status, body } = await bench.call(
          method,
          target,
          method === "GET" ? undefined : { nonsense: 1 },
          headers,
        );
        const name = `${method} ${path} by ${caller}: ${status}`;
        if (caller === "nobody" || caller === "wrong") assert.equal(status, 401, name);
        else if (caller === "enrollment" || (caller === "viewer" && role === "operator"))
          assert.equal(status, 403, name);
        else assert.ok(status !== 401 && status !== 403, name);
        assert.equal(body.status, status, name);
      }
    }
    const refused = await bench.access.audit.list({ limit: 1000, action: "inputs.write" });
    assert.ok(refused.items.some(({ actor, outcome }) => actor === "token:viewer" && outcome === "refused"));
  });

  test("the token is taken from Bearer, Basic and X-Token, and not from the address", async (context) => {
    const bench = await openDatawayBench(context);
    const basic = Buffer.from(`web:${bench.operator}`).toString("base64");
    for (const headers of [
      { authorization: `Basic ${basic}` },
      { "x-token": bench.operator },
      { authorization: `bearer ${bench.operator}` },
    ]) {
      assert.equal((await bench.call("GET", "", undefined, headers)).status, 200);
    }
    assert.equal((await bench.call("GET", `?token=${bench.operator}`, undefined, {})).status, 401);
    assert.equal((await bench.call("GET", "", undefined, { authorization: "Basic !" })).status, 401);
  });

  test("lists DataKits in pages, with the gateway that holds each", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = new SeedDatakit({ gatewayUrl: bench.wsUrl, id: "agnt_x", token: bench.token });
    peer.behind = ["dkid_a", "dkid_b"];
    await peer.connect();
    context.after(() => peer.vanish());
    await bench.waitFor("dkid_b", "online");
    const first = (await bench.call("GET", "?limit=2")).body.content;
    assert.equal(first.items.length, 2);
    assert.equal(first.items[0].gateway.place, "this machine");
    const second = (await bench.call("GET", `?limit=2&cursor=${encodeURIComponent(first.next_cursor)}`)).body.content;
    assert.deepEqual([second.items.length, second.next_cursor], [1, null]);
    const found = (await bench.call("GET", "?filter=dkid_b&status=online")).body.content;
    assert.deepEqual(
      found.items.map(({ id }: { id: string }) => id),
      ["dkid_b"],
    );
    assert.equal((await bench.call("GET", "?limt=2")).status, 400);
    // the same one by the id that we gave it
    assert.equal((await bench.call("GET", `/${found.items[0].agent_id}`)).body.content.id, "dkid_b");
  });

  test("says what is wrong with a request", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    const cases: [string, string, unknown, number, string][] = [
      ["GET", "/nobody", undefined, 404, "dataway.datakitNotFound"],
      ["GET", "/%ff", undefined, 404, "dataway.pathNotFound"],
      ["GET", `/${ID}/nothing`, undefined, 404, "dataway.pathNotFound"],
      ["PUT", `/${ID}`, undefined, 405, "dataway.methodNotAllowed"],
      ["POST", `/${ID}/inputs`, "{", 400, "dataway.badRequest"],
      ["POST", `/${ID}/inputs`, { input: "cpu" }, 400, "dataway.badRequest"],
      ["POST", `/${ID}/inputs`, { ...cpu(), cfg: "W10=" }, 400, "dataway.badRequest"],
      ["POST", `/${ID}/inputs`, { ...cpu(), more: 1 }, 400, "dataway.badRequest"],
      ["POST", `/${ID}/inputs`, { input: "mem", toml: cpu().toml }, 400, "datakit.invalidConfig"],
      ["POST", `/${ID}/inputs`, " ".repeat(1_100_000), 413, "dataway.bodyTooLarge"],
      ["POST", `/${ID}/inputs/enable`, { ids: [] }, 400, "dataway.badRequest"],
      ["POST", `/${ID}/inputs/enable`, { ids: ["dkinput_none"] }, 404, "datakit.inputNotFound"],
      ["DELETE", `/${ID}/inputs/..%2f..%2fetc`, undefined, 404, "datakit.inputNotFound"],
      ["GET", `/${ID}/inputs/dkinput_none`, undefined, 404, "datakit.inputNotFound"],
    ];
    for (const [method, path, body, status, code] of cases) {
      const answer = await bench.call(method, path, body);
      assert.deepEqual(
        [answer.status, answer.body.status, answer.body.code],
        [status, status, code],
        `${method} ${path}`,
      );
      assert.equal(typeof answer.body.msg, "string");
    }
  });

  test("pages of any origin may call it, since nothing rides on a cookie", async (context) => {
    const bench = await openDatawayBench(context);
    const preflight = await fetch(`${bench.url}/v1/datakits`, {
      method: "OPTIONS",
      headers: { origin: "https://web.example" },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
    assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /x-token/);
    const refused = await fetch(`${bench.url}/v1/datakits`);
    assert.doesNotMatch(refused.headers.get("www-authenticate") ?? "", /basic/i);
  });

  test("a token that is not ours is the backend's to judge", async (context) => {
    const backend = await startDatawayBackend(context);
    const bench = await openDatawayBench(context, { backend });
    backend.tokens.add("tkn_host");
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: "tkn_host" }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    await peer.waitFor("get_input_config");
    backend.webTokens.set("front_token", "zhang");
    const headers = { "x-token": "front_token" };
    const added = await bench.call("POST", `/${ID}/inputs`, cpu(), headers);
    assert.equal(added.status, 201, JSON.stringify(added.body));
    assert.deepEqual(backend.webChecks.at(-1), {
      token: "front_token",
      action: "inputs.write",
      method: "POST",
      path: `/v1/datakits/${ID}/inputs`,
      datakit: ID,
      dataway: "agnt_bt6um9bksvvesmk79370",
    });
    const { items } = await bench.access.audit.list({ limit: 10, action: "inputs.write" });
    assert.equal(items[0]?.actor, "dataway-backend:zhang");
    assert.equal((await bench.call("GET", `/${ID}`, undefined, { "x-token": "somebody" })).status, 403);
    backend.failWith = 502;
    assert.equal((await bench.call("GET", `/${ID}`, undefined, headers)).status, 503);
    assert.equal((await bench.call("GET", `/${ID}`)).status, 200);
  });

  test("agents of other protocols are DataKits too, under the ids that we gave them", async (context) => {
    const bench = await openDatawayBench(context);
    const hello = { protocol: "node", externalId: "web-1", facts: {}, remoteAddress: "127.0.0.1", tokenId: null };
    const ignore = () => {};
    const session = await bench.fleet.sessions.open(
      { ...hello, capabilities: new Set(["inputs" as const]) },
      {
        onWork: ignore,
        onCancel: ignore,
        onSamplesStored: ignore,
        onBeatInterval: ignore,
        onDrain: ignore,
        onEvicted: ignore,
        onCall: (callId) => session.answer(callId, { ok: true, content: { toml: "[[inputs.cpu]]\n" } }),
      },
    );
    const [listed] = (await bench.call("GET", "")).body.content.items;
    assert.equal(listed.id, session.agentId);
    const sample = await bench.call("GET", `/${listed.id}/samples/cpu`);
    assert.equal(sample.body.content.toml, "[[inputs.cpu]]\n");
    session.close("done");
  });

  test("is described in OpenAPI from the schemas that check it", () => {
    const paths = describeWebRoutes();
    assert.deepEqual(Object.keys(paths["/v1/datakits/{id}/inputs/{inputId}"] ?? {}).sort(), ["delete", "get", "put"]);
    const text = JSON.stringify(paths["/v1/datakits/{id}/inputs"]);
    for (const word of ["input_type", "cfg", "dataway.duplicateInput", "201", "operationId"])
      assert.ok(text.includes(word), word);
  });
});
