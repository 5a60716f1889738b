import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnyMessage, type RunningServer, SeedDatakit, startServer, waitUntil } from "@muster/testing";

const CPU = "[[inputs.cpu]]\n  percpu = true\n";

interface Asked {
  readonly body?: unknown;
  readonly token?: string;
}

async function ask(server: RunningServer, method: string, path: string, { body, token }: Asked = {}) {
  const response = await fetch(`${server.url}/v1/datakits${path}`, {
    method,
    headers: { "x-token": token ?? server.apiToken },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as AnyMessage };
}

test("a gateway may stand behind another one, which manages the DataKits of both under the same ids", {
  timeout: 120_000,
}, async (context) => {
  const front = await startServer(context, { flags: ["--log-level", "warn"] });
  const flags = [
    "--dataway-backend",
    front.url,
    "--dataway-backend-token",
    front.enrollmentToken,
    "--log-level",
    "warn",
  ];
  const behind = await startServer(context, { flags });
  // the front one is the backend: it knows the tokens
  const gatewayUrl = behind.url.replace("http", "ws");
  const peer = await new SeedDatakit({ gatewayUrl, id: "dkid_deep", token: front.enrollmentToken }).connect();
  context.after(() => peer.vanish());
  await waitUntil(
    "the DataKit at the front",
    async () => (await ask(front, "GET", "/dkid_deep")).body.content?.status === "online",
    { timeoutMs: 20_000, everyMs: 50 },
  );
  const added = await ask(front, "POST", "/dkid_deep/inputs", { body: { input: "cpu", toml: CPU } });
  assert.equal(added.status, 201, JSON.stringify(added.body));
  assert.deepEqual([...peer.kept.keys()], [added.body.id]);
  const below = await ask(behind, "GET", "/dkid_deep/inputs");
  assert.deepEqual(
    below.body.content.map(({ id }: AnyMessage) => id),
    [added.body.id],
  );
  const twice = await ask(front, "POST", "/dkid_deep/inputs", { body: { input: "cpu", toml: CPU } });
  assert.deepEqual([twice.status, twice.body.code], [409, "dataway.duplicateInput"]);
  const off = await ask(front, "POST", "/dkid_deep/inputs/disable", { body: { ids: [added.body.id] } });
  assert.equal(off.status, 200, JSON.stringify(off.body));
  assert.equal(peer.kept.get(added.body.id)?.enabled, false);
  const nothing = await ask(front, "GET", "/dkid_deep/samples/nothing");
  assert.deepEqual([nothing.status, nothing.body.code], [404, "datakit.inputNotFound"]);
  peer.vanish();
  await waitUntil(
    "it to be gone",
    async () => (await ask(front, "GET", "/dkid_deep")).body.content.status === "offline",
  );
});
