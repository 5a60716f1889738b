import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Agent, Input } from "@muster/core/resources";
import {
  type AnyMessage,
  EraBDatakit,
  type RunningServer,
  SeedDatakit,
  startDatawayBackend,
  startServer,
  waitUntil,
} from "@muster/testing";

const GOOD = "tkn_0123456789abcdef0123456789abcdef";
const CPU = "[[inputs.cpu]]\n  percpu = true\n";

function pack(text: string): string {
  return Buffer.from(text).toString("base64");
}

function unpack(message: AnyMessage): AnyMessage {
  return JSON.parse(Buffer.from(message.b64data, "base64").toString());
}

async function web(server: RunningServer, path: string): Promise<AnyMessage> {
  const response = await fetch(`${server.url}/v1/datakits${path}`, { headers: { "x-token": server.apiToken } });
  return (await response.json()) as AnyMessage;
}

describe("the backend behind the gateway", { timeout: 120_000 }, () => {
  test("is told of DataKits and their inputs, over restarts of both, and manages them over the socket that we dial", async (context) => {
    const backend = await startDatawayBackend(context);
    backend.tokens.add(GOOD);
    const flags = ["--dataway-backend", backend.url, "--dataway-backend-token", "tkn_gateway", "--log-level", "warn"];
    const server = await startServer(context, { flags });
    const gatewayUrl = server.url.replace("http", "ws");
    const peer = await new SeedDatakit({ gatewayUrl, id: "dkid_one", token: GOOD }).connect();
    context.after(() => peer.vanish());
    await waitUntil("the report", () =>
      backend.reports.some(({ id, status }) => id === "dkid_one" && status === "online"),
    );
    assert.ok(backend.online.includes("dkid_one"));
    assert.match(backend.dialled[0] ?? "", /^\/v1\/ws\/datakit\?id=agnt_[0-9a-v]{20}&.*token=tkn_gateway/);
    const hello = await waitUntil("the gateway to name the DataKit", () =>
      backend.messages.find(
        ({ type, msgs }) => type === "online" && msgs.some((one: AnyMessage) => one.id === "dkid_one"),
      ),
    );
    assert.match(backend.messages.find(({ type }) => type === "online").msgs[0].id, /^agnt_/);
    assert.ok(hello);

    // the seed's words
    const dest = ["dkid_one"];
    const msgs = [{ id: "", input: "cpu", input_type: "datakit", cfg: pack(CPU) }];
    const added = await backend.ask({ type: "config", trace_id: "t1", dest, msgs });
    assert.deepEqual([added.code, added.status], ["ok", 200], JSON.stringify(added));
    const [id] = peer.kept.keys();
    assert.equal(peer.kept.get(id ?? "")?.toml, CPU);
    const twice = await backend.ask({ type: "config", trace_id: "t2", dest, msgs });
    assert.deepEqual([twice.code, twice.status], ["dataway.duplicateInput", 409]);
    const nobody = await backend.ask({ type: "reload", trace_id: "t3", dest: ["dkid_none"], msg: null });
    assert.equal(nobody.code, "dataway.datakitNotFound");
    // those of era B
    const asked = { type: "get_input_config", id: "wmsg_1", dest, b64data: pack(JSON.stringify(["mem"])) };
    const sample = await backend.ask(asked);
    assert.equal(sample.code, "ok");
    assert.match(Buffer.from(unpack(sample)[0].mem.toml, "base64").toString(), /inputs.mem/);
    const disabled = await backend.ask({ type: "disable-inputs", trace_id: "t4", dest, msg: [id] });
    assert.equal(disabled.code, "ok", JSON.stringify(disabled));
    const report = await waitUntil("the inputs to be reported", () =>
      backend.reports.findLast(
        (one) => one.id === "dkid_one" && one.inputs.some((input: AnyMessage) => !input.enabled),
      ),
    );
    assert.equal(report.inputs[0].id, id);
    const agents = await server.call<{ items: Agent[] }>("GET", "agents");
    const audit = await server.call<{ items: { actor: string; action: string }[] }>("GET", "audit?action=inputs.write");
    assert.equal(audit.items[0]?.actor, "dataway-backend");
    assert.equal(agents.items.length, 1);

    // a lost socket is dialled again
    const dialled = backend.dialled.length;
    backend.socket?.terminate();
    await waitUntil("another dial", () => backend.dialled.length > dialled, { timeoutMs: 10_000 });

    // what happens while the backend is away is told when it is back, also by another process
    backend.failWith = 500;
    peer.vanish();
    await waitUntil("offline", async () => (await web(server, "/dkid_one")).content.status === "offline");
    await server.process.stop("SIGKILL");
    backend.failWith = undefined;
    const before = backend.reports.length;
    await startServer(context, { flags, dataDir: server.dataDir });
    const late = await waitUntil(
      "the late report",
      () => backend.reports.slice(before).find((one) => one.id === "dkid_one" && one.status === "offline"),
      { timeoutMs: 10_000 },
    );
    assert.match(late.dataway, /^agnt_/);
    assert.equal(late.dataway, backend.reports[0].dataway);
  });

  test("classic ports and listeners of its own are the same door", async (context) => {
    const server = await startServer(context, { flags: ["--listen", "dataway=127.0.0.1:0", "--log-level", "info"] });
    await server.process.waitForOutput(/"door":"dataway"/);
    const urls = [...server.process.output.matchAll(/"url":"(http:[^"]+)"/g)].map((match) => match[1] ?? "");
    const gatewayUrl = (urls[1] ?? "").replace("http", "ws");
    const peer = new EraBDatakit({ gatewayUrl, id: "dkid_own", token: server.enrollmentToken, path: "/ws" });
    await peer.connect();
    context.after(() => peer.vanish());
    const datakit = await waitUntil("it to be online", async () => {
      const { content } = await web(server, "/dkid_own");
      return content?.status === "online" && content;
    });
    const { items } = await server
      .call<{ items: Input[] }>("GET", `agents/${datakit.agent_id}/inputs`)
      .catch(() => ({ items: [] }));
    assert.deepEqual(items, []);
    assert.equal((await fetch(`${urls[1]}/v1/datakits`)).status, 401);
    const document = await fetch(`${server.url}/fleet/v1/openapi.json`);
    assert.ok("/v1/datakits/{id}/inputs" in ((await document.json()) as { paths: object }).paths);
  });
});
