import assert from "node:assert/strict";
import { test } from "node:test";
import { isUuid } from "@muster/core";
import { NodeBench, Peer } from "./test-bench.ts";

// B11.1, B11.2 and B11.16 of the protocol's test list

test("a handshake without a token, or with a wrong one, is refused with the seed's error frame", async (t) => {
  const bench = await NodeBench.open(t);
  for (const query of ["", "?token=", "?token=wrong", "?token=default-token", "?token=wrong&node_id=n&type=monitor"]) {
    const answer = await Peer.refused(`${bench.wsUrl}/api/v1/ws${query}`);
    assert.equal(answer.status, 401, query);
    const frame = JSON.parse(answer.body);
    assert.equal(frame.type, "error");
    assert.equal(frame.data.error_code, "INVALID_TOKEN");
    assert.equal(frame.data.message, "认证令牌无效");
    assert.equal(frame.data.details, "Token已过期或格式错误");
    assert.ok(!answer.body.includes("wrong"), "an error must not repeat a token");
  }
});

test("the seed's published token opens the door only where the operator said so", async (t) => {
  const bench = await NodeBench.open(t, { allowDefaultToken: true });
  const peer = await Peer.connect(t, `${bench.wsUrl}/api/v1/ws?token=default-token&node_id=node-001`);
  assert.equal((await peer.next()).type, "welcome");
});

test("welcome is the first frame, before any input, and names the node", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "node-001" });
  const welcome = await peer.next();
  assert.equal(welcome.type, "welcome");
  assert.deepEqual(welcome.data, { message: "欢迎连接到Server Manager Core", node_id: "node-001" });
  assert.ok(isUuid(welcome.id));
});

test("without a node_id the core gives the node a UUID", async (t) => {
  const bench = await NodeBench.open(t);
  const first = await (await bench.connect(t)).next();
  const second = await (await bench.connect(t, { node_id: "" })).next();
  assert.ok(isUuid(first.data.node_id));
  assert.ok(isUuid(second.data.node_id));
  assert.notEqual(first.data.node_id, second.data.node_id);
});

test("token and node_id are percent-decoded", async (t) => {
  const bench = await NodeBench.open(t);
  const token = [...bench.token].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join("");
  const peer = await Peer.connect(t, `${bench.wsUrl}/ws/client?token=${token}&node_id=a%20b%2F%E6%B1%89`);
  assert.equal((await peer.next()).data.node_id, "a b/汉");
});

test("our agent may send its token in a header", async (t) => {
  const bench = await NodeBench.open(t);
  const headers = { authorization: `Bearer ${bench.token}` };
  const peer = await Peer.connect(t, `${bench.wsUrl}/api/v1/ws?node_id=n`, headers);
  assert.equal((await peer.next()).type, "welcome");
});

test("a repeated query key is refused with 400", async (t) => {
  const bench = await NodeBench.open(t);
  const answer = await Peer.refused(`${bench.wsUrl}/api/v1/ws?token=${bench.token}&node_id=a&node_id=b`);
  assert.equal(answer.status, 400);
});

test("a plain GET is refused with 400 before the token is looked at", async (t) => {
  const bench = await NodeBench.open(t);
  for (const path of ["/api/v1/ws", "/ws/client", `/api/v1/ws?token=${bench.token}`]) {
    assert.equal((await bench.request(path)).status, 400);
  }
});

test("the type of the query decides on both paths, the path does not", async (t) => {
  const bench = await NodeBench.open(t);
  const token = await bench.createApiToken("viewer");
  for (const path of ["/api/v1/ws", "/ws/client"]) {
    const monitor = await bench.connect(t, { token, type: "monitor" }, path);
    assert.equal((await monitor.next()).data.connection_type, "monitor");
    const node = await bench.connect(t, { node_id: "n", type: "other" }, path);
    assert.equal((await node.next()).data.node_id, "n");
  }
});

test("an API token lets no node in, and an enrolment token opens no dashboard", async (t) => {
  const bench = await NodeBench.open(t);
  const token = await bench.createApiToken("admin");
  assert.equal((await Peer.refused(`${bench.wsUrl}/api/v1/ws?token=${token}`)).status, 401);
  assert.equal((await Peer.refused(`${bench.wsUrl}/ws/client?type=monitor&token=${bench.token}`)).status, 401);
});

test("where the operator opened the door to an address, an enrolment token opens a dashboard there", async (t) => {
  const bench = await NodeBench.open(t, { restOpen: true });
  const monitor = await bench.connect(t, { type: "monitor" });
  assert.equal((await monitor.next()).type, "welcome");
});

test("a revoked enrolment token ends the connection of its node", async (t) => {
  const bench = await NodeBench.open(t);
  bench.access.revocations.subscribe((revocation) => {
    if (revocation.kind === "enrollment") bench.fleet.sessions.evictToken(revocation.id as never);
  });
  const peer = await bench.connect(t, { node_id: "n" });
  peer.register();
  await peer.nextOf("register_response");
  const [known] = (await bench.access.enrollment.list({ limit: 1 })).items;
  await bench.access.enrollment.remove(known?.id ?? "");
  assert.equal((await peer.waitClosed()).code, 1008);
});

test("a token that was revoked before the first message does not let that message in", async (t) => {
  const bench = await NodeBench.open(t);
  const peer = await bench.connect(t, { node_id: "n" });
  const [known] = (await bench.access.enrollment.list({ limit: 1 })).items;
  await bench.access.enrollment.remove(known?.id ?? "");
  peer.register();
  assert.equal((await peer.waitClosed()).code, 1008);
  assert.equal((await bench.fleet.agents.list({})).total, 0);
});

test("a token is in no log line and in no error body", async (t) => {
  const lines: string[] = [];
  const bench = await NodeBench.open(t, { log: (fields, message) => lines.push(JSON.stringify([fields, message])) });
  const peer = await bench.connect(t, { node_id: "n" });
  for (let count = 0; count < 10; count++) peer.sendText(`{"token":"${bench.token}"`);
  await peer.waitClosed();
  const refused = await Peer.refused(`${bench.wsUrl}/api/v1/ws?token=${bench.token}x`);
  const rest = await bench.request(`/api/v1/nodes?token=${bench.token}`);
  assert.equal(rest.status, 401);
  assert.ok(lines.length > 0);
  const everything = JSON.stringify([lines, refused.body, rest.text]);
  assert.ok(!everything.includes(bench.token));
});
