import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualScope, type Scope } from "@muster/testing";
import { WebSocket } from "ws";
import { type RequestOptions, startTestServer, type TestServer } from "./test-server.ts";

/**
 * What the brief says about every route, written a second time on purpose: a new route fails here until somebody
 * decides who may use it. `enrollment` routes take an enrolment token besides operators and admins.
 */
const EXPECTED: Record<string, "public" | "viewer" | "operator" | "admin" | "enrollment" | "person"> = {
  "POST /fleet/v1/login": "public",
  "GET /fleet/v1/openapi.json": "public",
  "GET /healthz": "public",
  "GET /readyz": "public",
  "POST /fleet/v1/logout": "viewer",
  "GET /fleet/v1/me": "viewer",
  "POST /fleet/v1/me/password": "person",
  "GET /fleet/v1/system": "viewer",
  "GET /metrics": "viewer",
  "GET /fleet/v1/agents": "viewer",
  "GET /fleet/v1/agents/labels": "viewer",
  "GET /fleet/v1/agents/:id": "viewer",
  "PATCH /fleet/v1/agents/:id": "operator",
  "DELETE /fleet/v1/agents/:id": "admin",
  "GET /fleet/v1/agents/:id/sample": "viewer",
  "GET /fleet/v1/agents/:id/runs": "viewer",
  "GET /fleet/v1/agents/:id/inputs": "viewer",
  "GET /fleet/v1/agents/:id/inputs/available": "viewer",
  "GET /fleet/v1/agents/:id/inputs/samples/:input": "viewer",
  "GET /fleet/v1/agents/:id/inputs/:inputId": "operator",
  "GET /fleet/v1/agents/:id/inputs/:inputId/revisions": "operator",
  "POST /fleet/v1/agents/:id/inputs": "operator",
  "PUT /fleet/v1/agents/:id/inputs/:inputId": "operator",
  "DELETE /fleet/v1/agents/:id/inputs/:inputId": "operator",
  "POST /fleet/v1/agents/:id/inputs/:inputId/rollback": "operator",
  "POST /fleet/v1/agents/:id/inputs/enable": "operator",
  "POST /fleet/v1/agents/:id/inputs/disable": "operator",
  "POST /fleet/v1/agents/:id/inputs/test": "operator",
  "POST /fleet/v1/agents/:id/inputs/reload": "operator",
  "POST /fleet/v1/inputs": "operator",
  "GET /fleet/v1/groups": "viewer",
  "POST /fleet/v1/groups": "operator",
  "POST /fleet/v1/groups/preview": "viewer",
  "GET /fleet/v1/groups/:id": "viewer",
  "PUT /fleet/v1/groups/:id": "operator",
  "DELETE /fleet/v1/groups/:id": "operator",
  "GET /fleet/v1/config-kinds": "viewer",
  "GET /fleet/v1/configs": "viewer",
  "POST /fleet/v1/configs": "operator",
  "POST /fleet/v1/configs/plan": "viewer",
  "GET /fleet/v1/configs/:id": "viewer",
  "PATCH /fleet/v1/configs/:id": "operator",
  "DELETE /fleet/v1/configs/:id": "operator",
  "GET /fleet/v1/configs/:id/revisions": "viewer",
  "GET /fleet/v1/configs/:id/revisions/:revision": "viewer",
  "GET /fleet/v1/configs/:id/agents": "viewer",
  "PUT /fleet/v1/configs/:id/assignments/:groupId": "operator",
  "DELETE /fleet/v1/configs/:id/assignments/:groupId": "operator",
  "GET /fleet/v1/agents/:id/configs": "viewer",
  "POST /fleet/v1/agents/:id/configs/:configId/retry": "operator",
  "GET /fleet/v1/rollouts": "viewer",
  "POST /fleet/v1/rollouts": "operator",
  "GET /fleet/v1/rollouts/:id": "viewer",
  "GET /fleet/v1/rollouts/:id/agents": "viewer",
  "GET /fleet/v1/rollouts/:id/errors": "viewer",
  "POST /fleet/v1/rollouts/:id/pause": "operator",
  "POST /fleet/v1/rollouts/:id/resume": "operator",
  "POST /fleet/v1/rollouts/:id/cancel": "operator",
  "POST /fleet/v1/rollouts/:id/rollback": "operator",
  "GET /fleet/v1/secrets": "admin",
  "PUT /fleet/v1/secrets/:name": "admin",
  "DELETE /fleet/v1/secrets/:name": "admin",
  "POST /fleet/v1/commands": "operator",
  "POST /fleet/v1/commands/preview": "operator",
  "GET /fleet/v1/commands": "viewer",
  "GET /fleet/v1/commands/:id": "viewer",
  "GET /fleet/v1/commands/:id/runs": "viewer",
  "POST /fleet/v1/commands/:id/cancel": "operator",
  "GET /fleet/v1/runs": "viewer",
  "GET /fleet/v1/runs/:id": "viewer",
  "POST /fleet/v1/runs/:id/cancel": "operator",
  "GET /fleet/v1/runs/:id/output": "viewer",
  "GET /fleet/v1/metrics": "viewer",
  "GET /fleet/v1/metrics/series": "viewer",
  "GET /fleet/v1/records": "viewer",
  "GET /fleet/v1/users": "admin",
  "POST /fleet/v1/users": "admin",
  "GET /fleet/v1/users/:id": "admin",
  "PATCH /fleet/v1/users/:id": "admin",
  "DELETE /fleet/v1/users/:id": "admin",
  "GET /fleet/v1/tokens": "admin",
  "POST /fleet/v1/tokens": "admin",
  "GET /fleet/v1/tokens/:id": "admin",
  "DELETE /fleet/v1/tokens/:id": "admin",
  "GET /fleet/v1/enrollment-tokens": "operator",
  "POST /fleet/v1/enrollment-tokens": "admin",
  "GET /fleet/v1/enrollment-tokens/:id": "operator",
  "DELETE /fleet/v1/enrollment-tokens/:id": "admin",
  "GET /fleet/v1/audit": "admin",
  "GET /fleet/v1/docs": "viewer",
  "GET /fleet/v1/live": "viewer",
  "GET /fleet/v1/install.sh": "enrollment",
  "GET /fleet/v1/install/agent.mjs": "enrollment",
  "GET /fleet/v1/install/node": "enrollment",
};

const ROLES = ["viewer", "operator", "admin"] as const;
type Caller = "nobody" | "wrong token" | "enrollment" | "session" | "foreign page" | (typeof ROLES)[number];
const CALLERS: readonly Caller[] = ["nobody", "wrong token", "enrollment", ...ROLES, "session", "foreign page"];

/** 401 and 403 are the refusals; whatever else a route says, it was reached. */
function expectedStatus(rule: (typeof EXPECTED)[string], caller: Caller, isWrite: boolean): 401 | 403 | "reached" {
  if (rule === "public") return caller === "foreign page" && isWrite ? 403 : "reached";
  if (caller === "nobody" || caller === "wrong token") return 401;
  if (caller === "enrollment") return rule === "enrollment" ? "reached" : 403;
  if (caller === "foreign page") return 403;
  if (rule === "person") return caller === "session" ? "reached" : 403;
  const needed = rule === "enrollment" ? "operator" : rule;
  const role = caller === "session" ? "viewer" : caller;
  return ROLES.indexOf(role) >= ROLES.indexOf(needed) ? "reached" : 403;
}

async function makeCallers(server: TestServer): Promise<Record<Caller, RequestOptions>> {
  const tokens: Record<string, RequestOptions> = {};
  for (const role of ROLES) {
    const { token } = await server.access.tokens.create(
      { name: role, scopes: [role] },
      { name: "test", ownerId: null },
    );
    tokens[role] = { token };
  }
  await server.access.users.create({ username: "eve", password: "a long password", role: "viewer" });
  const cookie = await server.login("eve", "a long password");
  return {
    nobody: {},
    "wrong token": { token: `mst_${"0".repeat(64)}` },
    enrollment: { token: server.firstRun.enrollmentToken },
    viewer: tokens.viewer ?? {},
    operator: tokens.operator ?? {},
    admin: tokens.admin ?? {},
    session: { cookie, origin: server.url },
    "foreign page": { cookie, origin: "https://evil.example" },
  };
}

describe("rights", () => {
  test("every route is on the list and the list holds no other", async (context) => {
    const server = await startTestServer(context);
    const mounted = server.edges.routes.map((route) => `${route.method} ${route.path}`);
    assert.deepEqual([...mounted].sort(), Object.keys(EXPECTED).sort());
  });

  test("every route answers every kind of caller as the list says", async () => {
    const scope: ManualScope & Scope = new ManualScope();
    try {
      const server = await startTestServer(scope);
      const callers = await makeCallers(server);
      for (const route of server.edges.routes) {
        const rule = EXPECTED[`${route.method} ${route.path}`];
        assert.ok(rule, `${route.method} ${route.path} is not on the list`);
        // logging out would end the session that the next routes need; it is tried elsewhere
        const tried = route.path.endsWith("/logout") ? CALLERS.filter((caller) => caller !== "session") : CALLERS;
        for (const caller of tried) await tryRoute(server, { route, caller, rule, options: callers[caller] });
      }
    } finally {
      await scope.close();
    }
  });

  test("HEAD needs what GET needs", async (context) => {
    const server = await startTestServer(context);
    for (const route of server.edges.routes.filter(({ method, action }) => method === "GET" && action !== "public")) {
      const response = await server.request("HEAD", route.path.replace(":id", "x"));
      assert.ok([401, 405].includes(response.status), `HEAD ${route.path} answered ${response.status}`);
    }
  });

  test("a refused change is in the audit log, and so is one that was made", async (context) => {
    const server = await startTestServer(context);
    const { viewer, admin } = await makeCallers(server);
    await server.request("POST", "/fleet/v1/groups", { ...viewer, body: { name: "web" } });
    const created = await server.request("POST", "/fleet/v1/groups", { ...admin, body: { name: "web" } });
    assert.equal(created.status, 201);
    const page = await server.access.audit.list({ limit: 10, action: "groups.write" });
    assert.deepEqual(
      page.items.map((entry) => [entry.actor, entry.outcome]),
      [
        ["token:admin", "ok"],
        ["token:viewer", "refused"],
      ],
    );
  });

  test("the live stream needs a viewer", async (context) => {
    const server = await startTestServer(context);
    const callers = await makeCallers(server);
    for (const [caller, expected] of [
      ["nobody", 401],
      ["wrong token", 401],
      ["enrollment", 403],
      ["foreign page", 403],
      ["viewer", 101],
      ["session", 101],
    ] as const) {
      assert.equal(await upgradeStatus(server, callers[caller]), expected, caller);
    }
  });
});

async function tryRoute(
  server: TestServer,
  trial: {
    readonly route: { readonly method: string; readonly path: string };
    readonly caller: Caller;
    readonly rule: (typeof EXPECTED)[string];
    readonly options: RequestOptions;
  },
): Promise<void> {
  const { route, caller, rule, options } = trial;
  const isWrite = route.method !== "GET";
  // a body that no schema accepts: rights are looked at first, and nothing is changed
  const body = isWrite ? { body: { nonsense: true } } : {};
  const response = await server.request(route.method, route.path.replace(":id", "missing"), { ...options, ...body });
  await response.body?.cancel();
  const expected = expectedStatus(rule, caller, isWrite);
  const name = `${route.method} ${route.path} by ${caller}`;
  if (expected === "reached") assert.ok(![401, 403].includes(response.status), `${name}: ${response.status}`);
  else if (caller === "foreign page" && !isWrite) assert.equal(response.status, 403, name);
  else assert.equal(response.status, expected, name);
}

function upgradeStatus(server: TestServer, options: RequestOptions): Promise<number> {
  const headers: Record<string, string> = {};
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
  if (options.cookie !== undefined) headers.cookie = options.cookie;
  if (options.origin !== undefined) headers.origin = options.origin;
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/fleet/v1/live`, { headers });
  return new Promise((resolve) => {
    socket.once("open", () => {
      socket.terminate();
      resolve(101);
    });
    socket.once("unexpected-response", (_request, response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on("error", () => undefined);
  });
}
