import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { answerJson, makeTempDir, type Scope, startStubServer } from "@muster/testing";
import { CredentialFile } from "../credentials.ts";
import { runCli } from "../main.ts";
import { makeHost } from "../test-fixtures.ts";

/** A server with one person, and a home to remember things in. */
async function setUp(scope: Scope, role: "admin" | "viewer") {
  const server = await startStubServer((request, response) => {
    if (request.url.endsWith("/login")) {
      if (!request.body.includes("right")) return answerJson(response, { code: "unauthenticated", detail: "no" }, 401);
      response.setHeader("set-cookie", "muster_session=cookie; HttpOnly");
      return answerJson(response, { kind: "user", id: "u", name: "ann", role });
    }
    if (request.url.endsWith("/tokens")) return answerJson(response, { id: "token-1", token: "mst_new" }, 201);
    return answerJson(response, {});
  });
  scope.after(() => server[Symbol.asyncDispose]());
  const home = await makeTempDir(scope);
  const run = (argv: readonly string[], input = "") => {
    const host = makeHost({ HOME: home, MUSTER_SERVER: server.baseUrl });
    return runCli({ ...host, stdin: Readable.from([input]) as unknown as NodeJS.ReadStream }, argv);
  };
  const credential = () => new CredentialFile({ HOME: home }).find(server.baseUrl);
  const asked = () => server.seen.map((request) => `${request.method} ${request.url.replace("/fleet/v1/", "")}`);
  return { server, run, credential, asked };
}

const LOGIN = ["login", "--username", "ann", "--password-stdin"];

test("an admin's password is exchanged for a token, the session ends, and logout revokes the token", async (t) => {
  const { server, run, credential, asked } = await setUp(t, "admin");
  assert.equal(await run(LOGIN, "right\n"), 0);
  assert.deepEqual(await credential(), { username: "ann", token: "mst_new", tokenId: "token-1" });
  assert.equal(server.seen[1]?.headers.cookie, "muster_session=cookie");
  assert.equal(await run(["logout"]), 0);
  assert.deepEqual(asked(), ["POST login", "POST tokens", "POST logout", "DELETE tokens/token-1"]);
  assert.equal(await credential(), undefined);
});

test("who may not make tokens keeps the session", async (t) => {
  const { run, credential, asked } = await setUp(t, "viewer");
  assert.equal(await run(LOGIN, "right"), 0);
  assert.deepEqual(await credential(), { username: "ann", sessionCookie: "cookie" });
  assert.equal(await run(["logout"]), 0);
  assert.deepEqual(asked(), ["POST login", "POST logout"]);
});

test("a wrong password remembers nothing and ends with 3", async (t) => {
  const { run, credential } = await setUp(t, "admin");
  assert.equal(await run(LOGIN, "wrong\n"), 3);
  assert.equal(await credential(), undefined);
  assert.equal(await run(["login", "--password-stdin"], "right"), 2);
});
