import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { MusterError } from "@muster/core";
import { answerJson, startStubServer } from "@muster/testing";
import { collectAll, MusterClient } from "./index.ts";

test("a token travels as a bearer and the query leaves out what is undefined", async () => {
  await using server = await startStubServer((_, response) => answerJson(response, { items: [], nextCursor: null }));
  const client = new MusterClient({ baseUrl: `${server.baseUrl}/`, token: "mst_1" });
  await client.agents.list({ selector: "role=web,env!=dev", status: undefined, limit: 5 });
  assert.equal(server.seen[0]?.url, "/fleet/v1/agents?selector=role%3Dweb%2Cenv%21%3Ddev&limit=5");
  assert.equal(server.seen[0]?.headers.authorization, "Bearer mst_1");
});

test("a session cookie travels with the exact origin beside it", async () => {
  await using server = await startStubServer((_, response) => answerJson(response, { id: "t", token: "mst_2" }));
  const client = new MusterClient({ baseUrl: server.baseUrl, sessionCookie: "s3" });
  await client.tokens.create({ name: "cli", scopes: ["admin"] });
  assert.equal(server.seen[0]?.headers.cookie, "muster_session=s3");
  assert.equal(server.seen[0]?.headers.origin, server.baseUrl);
});

test("logging in answers the principal and the cookie that the server set", async () => {
  await using server = await startStubServer((_, response) => {
    response.setHeader("set-cookie", ["other=1", "muster_session=abc; HttpOnly; SameSite=Strict"]);
    answerJson(response, { kind: "user", id: "u", name: "admin", role: "admin" });
  });
  const login = await new MusterClient({ baseUrl: server.baseUrl }).session.login("admin", "secret");
  assert.deepEqual(login, { principal: { kind: "user", id: "u", name: "admin", role: "admin" }, sessionCookie: "abc" });
});

test("a command carries its idempotency key and its body as JSON", async () => {
  await using server = await startStubServer((_, response) => answerJson(response, { id: "c" }, 201));
  const client = new MusterClient({ baseUrl: server.baseUrl, token: "t" });
  await client.commands.create({ argv: ["uptime"], targets: { all: true } }, "key-1");
  assert.equal(server.seen[0]?.headers["idempotency-key"], "key-1");
  assert.deepEqual(JSON.parse(server.seen[0]?.body ?? ""), { argv: ["uptime"], targets: { all: true } });
});

test("listing everything follows the cursor to the last page", async () => {
  await using server = await startStubServer((request, response) =>
    request.url.includes("cursor=next")
      ? answerJson(response, { items: [{ id: "b" }], nextCursor: null, total: 2 })
      : answerJson(response, { items: [{ id: "a" }], nextCursor: "next", total: 2 }),
  );
  const client = new MusterClient({ baseUrl: server.baseUrl });
  const agents = await collectAll(client.agents.listAll({ filter: "x" }));
  assert.deepEqual(
    agents.map((agent) => agent.id),
    ["a", "b"],
  );
  assert.ok(server.seen.every((request) => request.url.includes("filter=x")));
});

test("a problem document becomes the error it names, with its details", async () => {
  await using server = await startStubServer((_, response) => {
    response.setHeader("retry-after", "7");
    answerJson(
      response,
      {
        type: "about:blank",
        title: "Conflict",
        status: 409,
        code: "already_exists",
        detail: "taken",
        details: { x: 1 },
      },
      409,
    );
  });
  const error = await new MusterClient({ baseUrl: server.baseUrl }).groups
    .create({ name: "g" })
    .catch((reason: unknown) => reason);
  assert.ok(error instanceof MusterError);
  assert.equal(error.code, "already_exists");
  assert.equal(error.message, "taken");
  assert.deepEqual(error.details, { x: 1, status: 409, retryAfterMs: 7000 });
});

test("an answer without a problem body is told by its status, and a page of HTML is not repeated", async () => {
  await using server = await startStubServer((_, response) => {
    response.writeHead(502, { "content-type": "text/html" }).end("<html>bad gateway</html>");
  });
  await assert.rejects(new MusterClient({ baseUrl: server.baseUrl }).system.get(), {
    code: "unavailable",
    message: "the server answered 502",
  });
});

test("a server that nobody runs is unavailable, with the reason from the system", async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const address = closed.address();
  await new Promise((resolve) => closed.close(resolve));
  const port = typeof address === "object" ? address?.port : 0;
  await assert.rejects(new MusterClient({ baseUrl: `http://127.0.0.1:${port}` }).system.get(), {
    code: "unavailable",
    message: /ECONNREFUSED/,
  });
});

test("an aborted call throws the signal's reason and not a failure of the network", async () => {
  await using server = await startStubServer(() => undefined);
  const reason = new Error("enough");
  const client = new MusterClient({ baseUrl: server.baseUrl });
  const asked = client.system.get(AbortSignal.any([AbortSignal.abort(reason)]));
  await assert.rejects(asked, reason);
});

test("ids are one segment of the path, whatever is in them", async () => {
  await using server = await startStubServer((_, response) => answerJson(response, {}));
  await new MusterClient({ baseUrl: server.baseUrl }).agents.get("../users?x");
  assert.equal(server.seen[0]?.url, "/fleet/v1/agents/..%2Fusers%3Fx");
});

test("an address that is none is refused before anything is sent", () => {
  assert.throws(() => new MusterClient({ baseUrl: "muster" }), { code: "invalid_argument" });
});
