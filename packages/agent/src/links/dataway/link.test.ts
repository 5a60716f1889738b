import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import { makeTempDir, onEnd, type Scope, waitUntil } from "@muster/testing";
import { startAgent } from "../../agent.ts";
import { loadAgentConfig } from "../../config.ts";
import { createLogger } from "../../log.ts";
import { type AnyMessage, FakeGateway } from "./fake-gateway.ts";

const ID = "dkinput_bt6um9bksvvesmk79370";
const OTHER_ID = "dkinput_btk0mm18d3b2j62nh4o0";
const TEXT = '[[inputs.system]]\n  interval = "1s"\n';
const SLOWER = '[[inputs.system]]\n  interval = "2s"\n';

const pack = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
const unpack = (text: string) => JSON.parse(Buffer.from(text, "base64").toString());
const base64 = (text: string) => Buffer.from(text).toString("base64");

async function start(scope: Scope, server: string, files: Record<string, string> = {}) {
  const folder = await makeTempDir(scope);
  const confDir = join(folder, "conf.d");
  mkdirSync(confDir);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(confDir, name), text);
  const flags = ["--protocol", "dataway", "--id", "agent-1", "--name", "web 1", "--data-dir", folder];
  const waits = ["--reconnect-min", "100ms", "--reconnect-max", "400ms"];
  const { config, mistakes } = await loadAgentConfig({
    argv: [...flags, ...waits, "--server", server],
    environment: {},
  });
  assert.deepEqual(mistakes, []);
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLogger({ level: "debug", clock: systemClock, write, secrets: [config.token] });
  const agent = await startAgent({ config, clock: systemClock, log, random: Math.random, environment: {} });
  onEnd(scope, () => agent.stop());
  return { confDir, lines, agent };
}

const addressOf = (gateway: FakeGateway, path = "") => `ws://127.0.0.1:${gateway.port}${path}?token=tkn_secret`;

test("it dials as a DataKit does, beats at once, and says who it is in the seed's form", async (scope) => {
  const gateway = await FakeGateway.start(scope);
  const { lines } = await start(scope, addressOf(gateway));
  const online = await gateway.waitFor("online", (message) => message.type === "online");
  const url = gateway.requests[0]?.url ?? "";
  assert.match(
    url,
    /^\/v1\/ws\/datakit\?id=agent-1&version=[\d.]+&os=linux&arch=(amd64|arm64)&token=tkn_secret&heartbeatconf=30s&hostname=/,
  );
  const [self] = online.msgs;
  assert.deepEqual([self.id, self.name, self.os, self.enabled_inputs], ["agent-1", "web 1", "linux", []]);
  assert.ok(self.available_inputs.includes("system"));
  const heartbeat = gateway.messages.find((message) => message.type === "heartbeat");
  assert.deepEqual(unpack(heartbeat.b64data), { id: "agent-1" });
  assert.doesNotMatch(lines.join(""), /tkn_secret/);
});

test("a path of one's own is kept, and the token of --token wins over none in the address", async (scope) => {
  const gateway = await FakeGateway.start(scope);
  await start(scope, addressOf(gateway, "/own/path"));
  await gateway.waitFor("online", (message) => message.type === "online");
  assert.match(gateway.requests[0]?.url ?? "", /^\/own\/path\?id=agent-1/);
});

test("the seed's requests are answered in their form, with the trace id, and points go over HTTP", async (scope) => {
  const gateway = await FakeGateway.start(scope);
  const { confDir } = await start(scope, addressOf(gateway), { "mysql-2.conf": '[[inputs.mem]]\n  interval = "1s"\n' });
  await gateway.waitFor("online", (message) => message.msgs?.[0]?.enabled_inputs.includes("mem"));
  const ask = async (message: AnyMessage, trace: string) => {
    gateway.send({ ...message, trace_id: trace });
    return gateway.waitFor(trace, (answer) => answer.trace_id === trace);
  };
  const sample = await ask({ type: "get-config", msgs: [{ input: "cpu" }] }, "t1");
  assert.deepEqual([sample.type, sample.code, sample.status], ["get-config", "ok", 200]);
  assert.match(Buffer.from(sample.msgs[0].cfg, "base64").toString(), /\[\[inputs\.cpu\]\]/);

  const config = { id: ID, input: "system", input_type: "datakit", cfg: base64(TEXT) };
  const set = await ask({ type: "config", msgs: [config] }, "t2");
  assert.deepEqual([set.code, set.status], ["ok", 200]);
  assert.equal(readFileSync(join(confDir, `${ID}.conf`), "utf8"), TEXT);
  await gateway.waitFor("a new online", (message) => message.msgs?.[0]?.enabled_inputs?.includes("system"));

  const twice = await ask({ type: "enable-inputs", msg: [ID] }, "t3");
  assert.deepEqual([twice.code, twice.status], ["datakit.inputAlreadyEnabled", 400]);
  const foreign = await ask({ type: "disable-inputs", msg: ["mysql-2.conf"] }, "t4");
  assert.deepEqual([foreign.code, foreign.status], ["datakit.inputUnmanaged", 403]);
  const unknown = await ask({ type: "disable-inputs", msg: [ID, OTHER_ID] }, "t5");
  assert.deepEqual([unknown.code, unknown.status], ["datakit.inputNotFound", 404]);
  assert.equal((await ask({ type: "disable_input", msgs: [ID] }, "t6")).code, "ok");
  assert.ok(existsSync(join(confDir, `${ID}.conf.disabled`)));
  const told = gateway.messages.length;
  await waitUntil("the next online", () =>
    gateway.messages.slice(told).some(({ msgs }) => msgs?.[0]?.enabled_inputs?.join() === "mem"),
  );
  const bad = await ask({ type: "config", msgs: [{ ...config, cfg: base64("[[inputs.system]]\n  x = = 1\n") }] }, "t7");
  assert.deepEqual([bad.code, bad.line], ["datakit.invalidConfig", 2]);
  assert.equal((await ask({ type: "reload", msg: null }, "t8")).code, "ok");
  const nonsense = await ask({ type: "dance", msg: null }, "t9");
  assert.equal(nonsense.code, "datakit.notSupported");

  await waitUntil("points", () => gateway.writes.find(({ lines }) => /^mem,/m.test(lines)), { timeoutMs: 10_000 });
  const [write] = gateway.writes;
  assert.deepEqual([write?.path, write?.token], ["/v1/write/metric?precision=n", "tkn_secret"]);
});

test("several texts in one message are taken all or not at all", async (scope) => {
  const gateway = await FakeGateway.start(scope);
  const { confDir } = await start(scope, addressOf(gateway));
  await gateway.waitFor("online", (message) => message.type === "online");
  const element = (id: string, toml: string, input = "system") => ({
    id,
    input,
    input_type: "datakit",
    cfg: base64(toml),
  });
  gateway.send({
    type: "config",
    trace_id: "a",
    msgs: [element(ID, TEXT), element(OTHER_ID, "[[inputs.nope]]\n", "nope")],
  });
  const refused = await gateway.waitFor("a", (answer) => answer.trace_id === "a");
  assert.equal(refused.code, "datakit.inputNotFound");
  assert.deepEqual(readdirSync(confDir), []);
  gateway.send({
    type: "config",
    trace_id: "b",
    msgs: [element(ID, TEXT), element(OTHER_ID, "[[inputs.mem]]\n", "mem")],
  });
  assert.equal((await gateway.waitFor("b", (answer) => answer.trace_id === "b")).code, "ok");
  assert.equal(readdirSync(confDir).length, 2);
});

test("era B's question and requests are answered in theirs, by names of collectors", async (scope) => {
  const gateway = await FakeGateway.start(scope);
  const { confDir } = await start(scope, addressOf(gateway));
  await gateway.waitFor("online", (message) => message.type === "online");
  const ask = async (type: string, id: string, payload?: unknown) => {
    gateway.send({
      type,
      id,
      dest: ["agent-1"],
      b64data: payload === undefined ? undefined : pack(payload),
      Raw: null,
      Code: "",
    });
    const answer = await gateway.waitFor(id, (message) => message.id === id);
    assert.deepEqual([answer.type, answer.dest], [type, ["agent-1"]]);
    return { code: answer.code, payload: answer.b64data === undefined ? undefined : unpack(answer.b64data) };
  };
  const online = await ask("online", "wmsg_1", { UUID: "", InputInfo: null });
  assert.deepEqual([online.payload.UUID, online.payload.Name, online.payload.Heartbeat], ["agent-1", "web 1", "30s"]);
  assert.ok(online.payload.InputInfo.availableInputs.includes("system"));

  assert.equal((await ask("set_input_config", "wmsg_2", { system: { toml: base64(TEXT) } })).code, "ok");
  assert.match(readdirSync(confDir).join(), /^dkinput_[0-9a-v]{19}[0g]\.conf$/);
  assert.equal((await ask("set_input_config", "wmsg_3", { system: { toml: base64(SLOWER) } })).code, "ok");
  assert.equal(readdirSync(confDir).length, 1, "one file per collector, as it was then");
  const enabled = await ask("get_enabled_input_config", "wmsg_4", ["system"]);
  const [[, content]] = Object.entries<AnyMessage>(enabled.payload[0]) as [[string, AnyMessage]];
  assert.equal(Buffer.from(content.toml, "base64").toString(), SLOWER);
  const texts = await ask("get_input_config", "wmsg_4b", ["system", "mem"]);
  assert.equal(Buffer.from(texts.payload[0].system.toml, "base64").toString(), SLOWER);
  assert.match(Buffer.from(texts.payload[1].mem.toml, "base64").toString(), /^# /);
  assert.equal((await ask("disable_input_config", "wmsg_5", ["system"])).code, "ok");
  const again = await ask("disable_input_config", "wmsg_6", ["system"]);
  assert.deepEqual([again.code, /disabled already/.test(again.payload)], ["error", true]);
  assert.equal((await ask("enable_input_config", "wmsg_7", ["system"])).code, "ok");
  const tested = await ask("test_input_config", "wmsg_8", { mem: { toml: base64("[[inputs.mem]]\n") } });
  assert.match(Buffer.from(tested.payload.mem.Result, "base64").toString(), /^mem,host=/);
  assert.deepEqual(await ask("get_input_config", "wmsg_9", ["nope"]).then(({ code }) => code), "error");
});

test("era A's numbers are understood too", async (scope) => {
  const gateway = await FakeGateway.start(scope);
  await start(scope, addressOf(gateway));
  await gateway.waitFor("online", (message) => message.type === "online");
  gateway.send({ type: 0, trace_id: "a0", uuid: "agent-1", msgs: "" });
  const online = await gateway.waitFor("online", (message) => message.trace_id === "a0");
  assert.equal(unpack(online.msgs)[0].id, "agent-1");
  gateway.send({ type: 1, trace_id: "a1", uuid: "agent-1", msgs: pack([{ input: "system", config: base64(TEXT) }]) });
  const set = await gateway.waitFor("set", (message) => message.trace_id === "a1");
  assert.ok(JSON.stringify(set.resp).length > 0);
  gateway.send({ type: 5, trace_id: "a2", uuid: "agent-1", msgs: pack({ inputs: ["system"] }) });
  const enabled = await gateway.waitFor("enable", (message) => message.trace_id === "a2");
  assert.equal(enabled.resp.code, "datakit.inputAlreadyEnabled");
});

test("requests for others, answers, errors and rubbish are passed over without an answer or an end", async (scope) => {
  const gateway = await FakeGateway.start(scope);
  await start(scope, addressOf(gateway));
  await gateway.waitFor("online", (message) => message.type === "online");
  const before = gateway.messages.length;
  gateway.send("rubbish");
  gateway.send({ type: "reload", id: "x1", dest: ["another"], b64data: "", code: "" });
  gateway.send({ type: "online", id: "x2", code: "ok" });
  gateway.send({ code: "dataway.datakitNotFound", status: 404, msg: "who?" });
  gateway.send({ type: "get-config", trace_id: "last", msgs: [{ input: "cpu" }] });
  await gateway.waitFor("last", (message) => message.trace_id === "last");
  assert.equal(gateway.messages.length, before + 1);
  assert.equal(gateway.sockets.length, 1);
});

test("a lost gateway is found again with growing, scattered waits; a refused token is tried slowly", async (scope) => {
  let status: number | undefined;
  const gateway = await FakeGateway.start(scope, { refuse: () => status });
  const { lines } = await start(scope, addressOf(gateway));
  await gateway.waitFor("online", (message) => message.type === "online");
  status = 503;
  gateway.sockets[0]?.terminate();
  await waitUntil("attempts", () => gateway.attempts.length >= 6, { timeoutMs: 10_000 });
  const waits = gateway.attempts.slice(1).map((at, index) => at - (gateway.attempts[index] ?? 0));
  assert.ok(
    waits.every((wait) => wait > 80 && wait < 2000),
    String(waits),
  );
  assert.ok(new Set(waits.map((wait) => Math.round(wait / 5))).size > 2, `no jitter: ${waits}`);
  status = 403;
  await waitUntil("the log", () => /token was refused/.test(lines.join("")), { timeoutMs: 5000 });
  status = undefined;
  const count = gateway.messages.length;
  await waitUntil("online again", () => gateway.messages.slice(count).some((message) => message.type === "online"), {
    timeoutMs: 5000,
  });
});
