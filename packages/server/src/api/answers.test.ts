import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ERROR_CODES, MusterError } from "@muster/core";
import { problemSchema } from "@muster/core/resources";
import { makeTempDir, type Scope } from "@muster/testing";
import { STATUS_OF, toProblem } from "./errors.ts";
import { startTestServer } from "./test-server.ts";

async function makeConsole(scope: Scope): Promise<string> {
  const root = await makeTempDir(scope);
  await mkdir(join(root, "dist/assets"), { recursive: true });
  await writeFile(join(root, "dist/index.html"), "<!doctype html><title>console</title>");
  await writeFile(join(root, "dist/assets/app-abc123.js"), "export {};");
  await writeFile(join(root, "dist/.env"), "hidden");
  await writeFile(join(root, "secret.txt"), "top secret");
  return join(root, "dist");
}

describe("problems", () => {
  test("every code has a status, and only internal errors keep their text", () => {
    for (const code of ERROR_CODES) {
      const { problem, logged } = toProblem(new MusterError(code, "some words", { id: "x" }));
      problemSchema.parse(problem);
      assert.equal(problem.status, STATUS_OF[code]);
      assert.equal(problem.code, code);
      assert.equal(problem.detail, code === "internal" ? undefined : "some words");
      assert.equal(logged !== undefined, code === "internal");
    }
  });

  test("what nobody foresaw leaves as an id that finds it in the log", async (context) => {
    const server = await startTestServer(context);
    await server.store.db.schema
      .dropTable("groups")
      .cascade()
      .execute()
      .catch(() => undefined);
    await server.store.db.schema
      .dropTable("group_members")
      .execute()
      .catch(() => undefined);
    await server.store.db.schema
      .dropTable("groups")
      .execute()
      .catch(() => undefined);
    const response = await server.request("GET", "/fleet/v1/groups", { token: server.firstRun.apiToken });
    assert.equal(response.status, 500);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    const problem = (await response.json()) as { errorId: string };
    assert.deepEqual(Object.keys(problem).sort(), ["code", "errorId", "status", "title", "type"]);
    assert.ok(server.log.some((line) => line.errorId === problem.errorId && line.err !== undefined));
  });

  test("a mistake in the request names its field; unknown fields and parameters are mistakes", async (context) => {
    const server = await startTestServer(context);
    const token = server.firstRun.apiToken;
    const wrong = await server.request("POST", "/fleet/v1/groups", { token, body: { name: "", extra: 1 } });
    assert.equal(wrong.status, 400);
    const problem = problemSchema.parse(await wrong.json());
    const { issues } = problem.details ?? {};
    const fields = (issues as { field: string }[]).map((issue) => issue.field);
    assert.ok(fields.includes("name"), JSON.stringify(problem));
    assert.equal((await server.request("GET", "/fleet/v1/agents?fitler=x", { token })).status, 400);
    assert.equal((await server.request("GET", "/fleet/v1/agents?limit=1001", { token })).status, 400);
  });

  test("only JSON is read, and no more than a route needs", async (context) => {
    const server = await startTestServer(context);
    const headers = { authorization: `Bearer ${server.firstRun.apiToken}` };
    const send = async (contentType: string, body: string) =>
      (
        await fetch(`${server.url}/fleet/v1/groups`, {
          method: "POST",
          headers: { ...headers, "content-type": contentType },
          body,
        })
      ).status;
    assert.equal(await send("text/plain", '{"name":"a"}'), 415);
    assert.equal(await send("application/x-www-form-urlencoded", "name=a"), 415);
    assert.equal(await send("application/json", "{"), 400);
    assert.equal(await send("application/json", '{"name":"a","__proto__":{"x":1}}'), 400);
    assert.equal(await send("application/json", JSON.stringify({ name: "a".repeat(2 * 1024 * 1024) })), 413);
  });

  test("a body is not read from somebody who may not send it", async (context) => {
    const server = await startTestServer(context);
    const response = await fetch(`${server.url}/fleet/v1/commands`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{".repeat(1024 * 1024),
    });
    assert.equal(response.status, 401);
  });

  test("a path that takes other methods says which", async (context) => {
    const server = await startTestServer(context);
    const refused = await server.request("DELETE", "/fleet/v1/agents");
    assert.equal(refused.status, 405);
    assert.equal(refused.headers.get("allow"), "GET, HEAD, OPTIONS");
    const options = await server.request("OPTIONS", "/fleet/v1/commands", { origin: "https://evil.example" });
    assert.equal(options.status, 204);
    assert.equal(options.headers.get("access-control-allow-origin"), null);
    assert.equal((await server.request("GET", "/fleet/v1/nothing")).status, 404);
  });
});

describe("OpenAPI", () => {
  test("describes every route with its parameters, its answer and its errors", async (context) => {
    const server = await startTestServer(context);
    const response = await server.request("GET", "/fleet/v1/openapi.json");
    const document = (await response.json()) as OpenApi;
    assert.match(document.openapi, /^3\.1\./);
    const ids = new Set<string>();
    for (const route of server.edges.routes) {
      const path = route.path.replace(/:([A-Za-z]+)/g, "{$1}");
      const operation = document.paths[path]?.[route.method.toLowerCase()];
      assert.ok(operation, `${route.method} ${path} is not described`);
      assert.ok(operation.summary.length > 5);
      assert.ok(operation.responses[String(route.status)], `${route.method} ${path} has no answer`);
      assert.ok(operation.responses.default, `${route.method} ${path} has no problem`);
      assert.equal(operation.security.length === 0, route.action === "public");
      if (route.body) assert.ok(operation.requestBody, `${route.method} ${path} has no body`);
      if (path.includes("{")) assert.ok(operation.parameters?.some((parameter) => parameter.in === "path"));
      assert.ok(!ids.has(operation.operationId), `${operation.operationId} is there twice`);
      ids.add(operation.operationId);
    }
    assert.ok(!JSON.stringify(document).includes('"$schema"'));
  });
});

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

interface Operation {
  summary: string;
  operationId: string;
  security: unknown[];
  parameters?: { in: string }[];
  requestBody?: unknown;
  responses: Record<string, unknown>;
}

describe("console files", () => {
  test("a page that has not changed keeps the policy that it came with", async (context) => {
    const server = await startTestServer(context, { consoleDir: await makeConsole(context) });
    const first = await server.request("GET", "/", { headers: { accept: "text/html" } });
    // not with fetch, which asks servers to ignore the condition
    const asked = get(server.url, {
      headers: { accept: "text/html", "if-none-match": first.headers.get("etag") ?? "" },
    });
    const [again] = (await once(asked, "response")) as [IncomingMessage];
    again.resume();
    assert.equal(again.statusCode, 304);
    assert.equal(again.headers["content-security-policy"], undefined);
  });

  test("pages come with a strict policy, and every path without a file is the one page", async (context) => {
    const server = await startTestServer(context, { consoleDir: await makeConsole(context) });
    for (const path of ["/", "/agents/01a2", "/settings/tokens?tab=2"]) {
      const page = await server.request("GET", path, { headers: { accept: "text/html" } });
      assert.equal(page.status, 200, path);
      assert.match(await page.text(), /console/);
      assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'self'.*frame-ancestors 'none'/);
      assert.equal(page.headers.get("x-content-type-options"), "nosniff");
      assert.equal(page.headers.get("referrer-policy"), "no-referrer");
      assert.equal(page.headers.get("cache-control"), "no-cache");
    }
    const asset = await server.request("GET", "/assets/app-abc123.js");
    assert.match(asset.headers.get("cache-control") ?? "", /immutable/);
    assert.match(asset.headers.get("content-type") ?? "", /javascript/);
  });

  test("no spelling of a path leaves the folder", async (context) => {
    const server = await startTestServer(context, { consoleDir: await makeConsole(context) });
    for (const path of [
      "/../secret.txt",
      "/%2e%2e/secret.txt",
      "/%2e%2e%2fsecret.txt",
      "/assets/..%2f..%2fsecret.txt",
      "/assets/%2e%2e/%2e%2e/secret.txt",
      "/..%5csecret.txt",
      "//secret.txt",
      "/assets/%00",
      "/fleet/v1/agents/%zz",
      "/.env",
      "/%2eenv",
    ]) {
      const { status, text } = await rawGet(server.port, path);
      assert.ok(!text.includes("top secret") && !text.includes("hidden"), `${path} leaked`);
      assert.ok(status >= 400, `${path} answered ${status}`);
    }
  });

  test("a missing file is missing, and not a page", async (context) => {
    const server = await startTestServer(context, { consoleDir: await makeConsole(context) });
    for (const path of ["/assets/gone.js", "/favicon.png", "/fleet/v2/agents", "/api/v1/User/x"]) {
      const response = await server.request("GET", path, { headers: { accept: "text/html" } });
      assert.equal(response.status, 404, path);
    }
  });
});

/** As it is written: a URL library would resolve the dots. */
async function rawGet(port: number, path: string): Promise<{ status: number; text: string }> {
  const { connect } = await import("node:net");
  const socket = connect(port, "127.0.0.1");
  // not ended here: Node takes a half-closed socket for one that has gone
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nAccept: text/html\r\nConnection: close\r\n\r\n`);
  let text = "";
  for await (const part of socket) text += String(part);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text };
}
