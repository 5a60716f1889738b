import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { stat } from "node:fs/promises";
import { describe, test } from "node:test";
import { writeInstallScript } from "./install-script.ts";
import { startTestServer } from "./test-server.ts";

const TOKEN = `tkn_${"a".repeat(32)}`;

describe("install script", () => {
  test("is a POSIX script of at most 80 lines", () => {
    for (const token of [TOKEN, undefined]) {
      const script = writeInstallScript({ serverUrl: "https://muster.example", token, nodeHost: "Linux x86_64" });
      assert.equal(spawnSync("sh", ["-n"], { input: script }).status, 0);
      assert.ok(script.split("\n").length <= 81, `${script.split("\n").length} lines`);
    }
  });

  test("takes nothing that could end its quotes", () => {
    const good = { serverUrl: "https://muster.example", token: TOKEN, nodeHost: "Linux x86_64" };
    assert.throws(() => writeInstallScript({ ...good, serverUrl: "https://a'; id; '" }));
    assert.throws(() => writeInstallScript({ ...good, serverUrl: "https://a$(id)" }));
    assert.throws(() => writeInstallScript({ ...good, token: "x'; id; 'aaaaaaaa" }));
    assert.throws(() => writeInstallScript({ ...good, nodeHost: "Linux'" }));
  });

  test("never names the server as the caller's Host header does", async (context) => {
    const server = await startTestServer(context);
    const response = await server.request("GET", "/fleet/v1/install.sh", {
      token: server.firstRun.enrollmentToken,
      headers: { "x-forwarded-host": "evil.example" },
    });
    const script = await response.text();
    assert.match(response.headers.get("content-type") ?? "", /^text\/x-shellscript/);
    assert.ok(script.includes(`SERVER='${server.url}'`) && !script.includes("evil.example"));
    assert.ok(script.includes(`TOKEN='${server.firstRun.enrollmentToken}'`));
  });

  test("for a person it holds no token, least of all that person's", async (context) => {
    const server = await startTestServer(context);
    const token = server.firstRun.apiToken;
    const script = await (await server.request("GET", "/fleet/v1/install.sh", { token })).text();
    assert.ok(!script.includes(token));
    const missing = spawnSync("sh", { input: script, env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent" } });
    assert.equal(missing.status, 1);
    assert.match(String(missing.stderr), /set MUSTER_TOKEN/);
  });

  test("the server's own Node is sent whole", async (context) => {
    const server = await startTestServer(context);
    const token = server.firstRun.enrollmentToken;
    const response = await server.request("GET", "/fleet/v1/install/node", { token });
    const { size } = await stat(process.execPath);
    assert.equal(Number(response.headers.get("content-length")), size);
    let received = 0;
    for await (const part of response.body ?? []) received += (part as Uint8Array).length;
    assert.equal(received, size);
  });
});
