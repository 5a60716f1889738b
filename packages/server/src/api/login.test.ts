import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "@muster/testing";
import { PASSWORD, startTestServer, type TestServer } from "./test-server.ts";

function tryLogin(server: TestServer, password: string, username = "admin"): Promise<Response> {
  return server.request("POST", "/fleet/v1/login", { body: { username, password } });
}

describe("login", () => {
  test("sets a cookie that scripts cannot read and other sites do not send", async (context) => {
    const server = await startTestServer(context);
    const response = await tryLogin(server, PASSWORD);
    assert.equal(response.status, 200);
    assert.deepEqual(Object.keys((await response.json()) as object).sort(), ["id", "kind", "name", "role"]);
    const cookie = response.headers.get("set-cookie") ?? "";
    assert.match(cookie, /^muster_session=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
  });

  test("behind a declared proxy that speaks TLS the cookie is for TLS only", async (context) => {
    const server = await startTestServer(context, { argv: ["--trusted-proxies", "127.0.0.1"] });
    const response = await server.request("POST", "/fleet/v1/login", {
      body: { username: "admin", password: PASSWORD },
      headers: { "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9" },
    });
    assert.match(response.headers.get("set-cookie") ?? "", /; Secure$/);
    const [entry] = (await server.access.audit.list({ limit: 1, action: "login" })).items;
    assert.equal(entry?.address, "203.0.113.9");
  });

  test("a wrong password, an unknown name and a shut-out person get the same answer", async (context) => {
    const server = await startTestServer(context);
    const user = await server.access.users.create({ username: "eve", password: "a long password", role: "viewer" });
    await server.access.users.update(user.id, { disabled: true });
    const answers = [];
    for (const [username, password] of [
      ["admin", "wrong"],
      ["nobody", PASSWORD],
      ["eve", "a long password"],
    ] as const) {
      const response = await tryLogin(server, password, username);
      answers.push([response.status, await response.text()]);
    }
    assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
    assert.equal(answers[0]?.[0], 401);
  });

  test("guessing is slowed down, and the answer says for how long", async (context) => {
    const clock = new ManualClock();
    const server = await startTestServer(context, { clock });
    for (let count = 0; count < 5; count++) assert.equal((await tryLogin(server, `wrong ${count}`)).status, 401);
    const slowed = await tryLogin(server, PASSWORD);
    assert.equal(slowed.status, 429);
    assert.equal(slowed.headers.get("retry-after"), "1");
    clock.advance(1000);
    assert.equal((await tryLogin(server, PASSWORD)).status, 200);
  });

  test("a burst of guesses is no way around that", async (context) => {
    const server = await startTestServer(context);
    const attempts = Array.from({ length: 12 }, (_, count) => tryLogin(server, `wrong ${count}`));
    const statuses = (await Promise.all(attempts)).map((response) => response.status);
    assert.equal(statuses.filter((status) => status === 401).length, 5);
    assert.equal(statuses.filter((status) => status === 429).length, 7);
  });

  test("the log keeps no name that nobody has, since people type passwords there", async (context) => {
    const server = await startTestServer(context);
    await tryLogin(server, "x", "my secret password");
    await tryLogin(server, "x", "admin");
    const { items } = await server.access.audit.list({ limit: 10, action: "login" });
    assert.deepEqual(
      items.map((entry) => [entry.actor, entry.target, entry.outcome]),
      [
        ["anonymous", "admin", "refused"],
        ["anonymous", null, "refused"],
      ],
    );
    assert.ok(!JSON.stringify(items).includes("my secret password"));
  });

  test("a new password ends the person's other sessions and keeps this one", async (context) => {
    const server = await startTestServer(context);
    const mine = await server.login("admin", PASSWORD);
    const other = await server.login("admin", PASSWORD);
    const change = { cookie: mine, origin: server.url };
    const refused = await server.request("POST", "/fleet/v1/me/password", {
      ...change,
      body: { current: "wrong", next: "another password" },
    });
    assert.equal(refused.status, 403);
    const changed = await server.request("POST", "/fleet/v1/me/password", {
      ...change,
      body: { current: PASSWORD, next: "another password" },
    });
    assert.equal(changed.status, 204);
    assert.equal((await server.request("GET", "/fleet/v1/me", { cookie: mine })).status, 200);
    assert.equal((await server.request("GET", "/fleet/v1/me", { cookie: other })).status, 401);
    assert.equal((await tryLogin(server, PASSWORD)).status, 401);
    assert.equal((await tryLogin(server, "another password")).status, 200);
  });

  test("after a logout the cookie opens nothing", async (context) => {
    const server = await startTestServer(context);
    const cookie = await server.login("admin", PASSWORD);
    const out = await server.request("POST", "/fleet/v1/logout", { cookie, origin: server.url });
    assert.equal(out.status, 204);
    assert.match(out.headers.get("set-cookie") ?? "", /^muster_session=;.*Max-Age=0/);
    assert.equal((await server.request("GET", "/fleet/v1/me", { cookie })).status, 401);
  });

  test("a cookie must not ride on a request from elsewhere", async (context) => {
    const server = await startTestServer(context);
    const cookie = await server.login("admin", PASSWORD);
    const attempt = async (headers: Record<string, string>, method = "POST") => {
      const body = method === "GET" ? undefined : { name: "a" };
      return (await server.request(method, "/fleet/v1/groups", { cookie, body, headers })).status;
    };
    const { port, url } = server;
    assert.equal(await attempt({}), 403, "no origin");
    assert.equal(await attempt({ origin: "null" }), 403, "a sandboxed page");
    assert.equal(await attempt({ origin: "https://evil.example" }), 403, "another site");
    assert.equal(await attempt({ origin: `http://127.0.0.1:${port + 1}` }), 403, "another port");
    assert.equal(await attempt({ origin: `https://127.0.0.1:${port}` }), 403, "another scheme");
    assert.equal(await attempt({ origin: `${url}.evil.example` }), 403, "a longer name");
    assert.equal(await attempt({ origin: "https://evil.example" }, "GET"), 403, "a read from another site");
    assert.equal(await attempt({}, "GET"), 200, "a plain read");
    assert.equal(await attempt({ origin: url }), 201, "our own page");
  });

  test("a name that somebody made to point here is not this server", async (context) => {
    const server = await startTestServer(context, { argv: ["--public-url", "https://muster.example"] });
    const cookie = await server.login("admin", PASSWORD);
    const status = (host: string) => rawGet(server, `GET /fleet/v1/me HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}`);
    assert.equal(await status(`rebound.example:${server.port}`), 403);
    assert.equal(await status(`localhost:${server.port}`), 200);
    assert.equal(await status("muster.example"), 200);
    assert.equal(await status("muster.example:443"), 200);
    const token = server.firstRun.apiToken;
    const withToken = `GET /fleet/v1/me HTTP/1.1\r\nHost: anything.example\r\nAuthorization: Bearer ${token}`;
    assert.equal(await rawGet(server, withToken), 200);
  });

  test("the last admin can be neither demoted, shut out nor removed", async (context) => {
    const server = await startTestServer(context);
    const { items } = await server.access.users.list({ limit: 10 });
    const path = `/fleet/v1/users/${items[0]?.id}`;
    const token = server.firstRun.apiToken;
    const demoted = await server.request("PATCH", path, { token, body: { role: "viewer" } });
    assert.equal(demoted.status, 412);
    assert.equal((await server.request("PATCH", path, { token, body: { disabled: true } })).status, 412);
    assert.equal((await server.request("DELETE", path, { token })).status, 412);
    const body = { username: "second", password: "a long password", role: "admin" };
    assert.equal((await server.request("POST", "/fleet/v1/users", { token, body })).status, 201);
    assert.equal((await server.request("DELETE", path, { token })).status, 204);
  });

  test("a token never may more than the person who made it, and goes when that person does", async (context) => {
    const server = await startTestServer(context);
    const body = { username: "second", password: "a long password", role: "admin" };
    const created = await server.request("POST", "/fleet/v1/users", { token: server.firstRun.apiToken, body });
    const { id } = (await created.json()) as { id: string };
    const cookie = await server.login("second", "a long password");
    const made = await server.request("POST", "/fleet/v1/tokens", {
      cookie,
      origin: server.url,
      body: { name: "backdoor", scopes: ["admin"] },
    });
    const { token } = (await made.json()) as { token: string };
    const roleNow = async () => {
      const response = await server.request("GET", "/fleet/v1/me", { token });
      return response.status === 200 ? ((await response.json()) as { role: string }).role : response.status;
    };
    assert.equal(await roleNow(), "admin");
    await server.access.users.update(id, { role: "operator" });
    assert.equal(await roleNow(), "operator");
    await server.access.users.update(id, { disabled: true });
    assert.equal(await roleNow(), 401);
    await server.access.users.update(id, { disabled: false });
    await server.access.users.remove(id);
    assert.equal(await roleNow(), 401);
  });

  test("secrets are nowhere in the store as they are", async (context) => {
    const server = await startTestServer(context);
    const cookie = await server.login("admin", PASSWORD);
    const { firstRun, store } = server;
    const secrets = [firstRun.apiToken, firstRun.enrollmentToken, PASSWORD, cookie.split("=")[1] ?? ""];
    for (const table of ["users", "user_sessions", "api_tokens", "enrollment_tokens", "audit"] as const) {
      const text = JSON.stringify(await store.db.selectFrom(table).selectAll().execute());
      for (const secret of secrets) assert.ok(!text.includes(secret), `${table} holds a secret`);
    }
  });
});

async function rawGet(server: TestServer, head: string): Promise<number> {
  const { connect } = await import("node:net");
  const socket = connect(server.port, "127.0.0.1");
  socket.write(`${head}\r\nConnection: close\r\n\r\n`);
  let text = "";
  for await (const part of socket) text += String(part);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
}
