import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { InputCall, InputInventory } from "@muster/core/resources";
import {
  type DatawayEra,
  type DatawayFrame,
  decodeDatawayFrame,
  encodeCall,
  encodeHeartbeat,
  encodeModifyStatus,
  encodeOnline,
  encodeProbe,
  encodeReply,
  encodeRequest,
  readAnswer,
  readHeartbeat,
  readNamedTexts,
  readOnline,
  readRequest,
} from "./index.ts";

/** What was recorded of DataKits of era B: section 2.10 of the notes that docs/protocols/dataway.md names. */
const RECORDED = {
  heartbeat: "eyJpZCI6ImRraWRfYnQ2dW05YmtzdnZlc21rNzkzNzAifQ==",
  names: "WyJjcHUiLCJtZW0iXQ==",
  set: "eyJjcHUiOnsidG9tbCI6IlcxdHBibkIxZEhNdVkzQjFYVjBLSUNCd1pYSmpjSFVnUFNCMGNuVmxDZz09In19",
  got: "W3siY3B1Ijp7InRvbWwiOiJXMXRwYm5CMWRITXVZM0IxWFYwS0lDQndaWEpqY0hVZ1BTQjBjblZsQ2c9PSJ9fV0=",
  quotedError: "ImlucHV0IGNwdSBub3QgZW5hYmxlIg==",
  probe:
    "eyJVVUlEIjoiIiwiVmVyc2lvbiI6IiIsIk9TIjoiIiwiQXJjaCI6IiIsIk5hbWUiOiIiLCJIZWFydGJlYXQiOiIiLCJJbnB1dEluZm8iOm51bGx9",
  online:
    "eyJVVUlEIjoiZGtpZF9idDZ1bTlia3N2dmVzbWs3OTM3MCIsIlZlcnNpb24iOiIxLjEuMCIsIk9TIjoibGludXgiLCJBcmNoIjoiYW1kNjQiLCJOYW1lIjoiZGVtbyIsIkhlYXJ0YmVhdCI6IjMwcyIsIklucHV0SW5mbyI6eyJhdmFpbGFibGVJbnB1dHMiOlsiY3B1IiwibWVtIl0sImVuYWJsZWRJbnB1dHMiOlsiY3B1Il0sInN0YXRlIjpbXX19",
} as const;
const CPU = "[[inputs.cpu]]\n  percpu = true\n";
const CPU_64 = "W1tpbnB1dHMuY3B1XV0KICBwZXJjcHUgPSB0cnVlCg==";
const DATAKIT = "dkid_bt6um9bksvvesmk79370";
const TRACE = "wmsg_btk0mm18d3b2j62nh4o0";
const INPUT = "dkinput_bt6um9bksvvesmk79370";

function decode(message: unknown): DatawayFrame {
  const frame = decodeDatawayFrame(typeof message === "string" ? message : JSON.stringify(message));
  assert.ok(frame.ok, `not decoded: ${JSON.stringify(frame)}`);
  return frame;
}

function inEraB(type: string, b64data: string, more: object = {}): DatawayFrame {
  return decode({ type, id: TRACE, dest: [DATAKIT], b64data, code: "", ...more });
}

test("the recorded text is the one that all recordings hold", () => {
  assert.equal(createHash("md5").update(CPU).digest("hex"), "242c3fe0711fa2b48f6fd7ba5331a1d8");
  assert.equal(Buffer.from(CPU).toString("base64"), CPU_64);
});

test("recorded messages of era B are understood", () => {
  assert.equal(readHeartbeat(inEraB("heartbeat", RECORDED.heartbeat)), DATAKIT);
  assert.deepEqual(readRequest(inEraB("get_input_config", RECORDED.names)), { kind: "sample", names: ["cpu", "mem"] });
  const config = { name: "cpu", toml: CPU, id: undefined, inputType: "datakit" };
  assert.deepEqual(readRequest(inEraB("set_input_config", RECORDED.set)), { kind: "set", configs: [config] });
  assert.deepEqual(readNamedTexts(inEraB("get_input_config", RECORDED.got, { code: "ok" })), [config]);
  assert.deepEqual(readRequest(inEraB("online", RECORDED.probe)), { kind: "online" });
  const [self] = readOnline(inEraB("online", RECORDED.online, { code: "ok" }));
  assert.deepEqual(self, {
    id: DATAKIT,
    version: "1.1.0",
    os: "linux",
    arch: "amd64",
    name: "demo",
    heartbeatMs: 30_000,
    enabledInputs: ["cpu"],
    availableInputs: ["cpu", "mem"],
    states: [],
    inventory: undefined,
  });
});

test("what we send in era B is what was recorded, byte for byte", () => {
  const payloadOf = (text: string) => (JSON.parse(text) as { b64data?: string }).b64data;
  const target = { era: "b", traceId: TRACE, dest: DATAKIT } as const;
  const call = { method: "inputs.set", id: INPUT, input: "cpu", inputType: "datakit", toml: CPU } as const;
  const set = encodeCall(call, target);
  assert.equal(set.ok && payloadOf(set.text), RECORDED.set);
  assert.equal(payloadOf(encodeHeartbeat({ id: DATAKIT, traceId: TRACE })), RECORDED.heartbeat);
  assert.equal(payloadOf(encodeProbe({ traceId: TRACE, dest: DATAKIT })), RECORDED.probe);
  const [self] = readOnline(inEraB("online", RECORDED.online));
  assert.ok(self);
  assert.equal(payloadOf(encodeOnline([self], { spelling: "b", traceId: TRACE })), RECORDED.online);
  const asked = inEraB("get_input_config", RECORDED.names);
  const texts = [{ name: "cpu", id: undefined, toml: CPU }];
  assert.equal(payloadOf(encodeReply(asked, { ok: true, texts }, DATAKIT)), RECORDED.got);
  const failure = { code: "datakit.inputNotEnabled", status: 400, message: "input cpu not enable" };
  assert.equal(payloadOf(encodeReply(asked, { ok: false, failure }, DATAKIT)), RECORDED.quotedError);
});

test("the seed, era A and era B ask for the same in their own words", () => {
  const messages = [
    { type: "config", trace_id: TRACE, msgs: [{ id: INPUT, input: "cpu", input_type: "datakit", cfg: CPU_64 }] },
    { type: "config", trace_id: TRACE, msgs: { id: INPUT, input: "cpu", input_type: "datakit", cfg: CPU_64 } },
    { type: "Config", trace_id: TRACE, msg: [{ id: INPUT, input: "cpu", cfg: CPU_64 }] },
    { type: 1, trace_id: TRACE, uuid: DATAKIT, msgs: pack([{ id: INPUT, input: "cpu", config: CPU }]) },
    { type: "set_input_config", id: TRACE, dest: [DATAKIT], b64data: RECORDED.set },
  ];
  for (const message of messages) {
    const frame = decode(message);
    assert.equal(frame.traceId, TRACE);
    const request = readRequest(frame);
    assert.ok(!("failure" in request) && request.kind === "set", JSON.stringify(message));
    assert.deepEqual(
      request.configs.map(({ name, toml, inputType }) => ({ name, toml, inputType })),
      [{ name: "cpu", toml: CPU, inputType: "datakit" }],
    );
  }
  assert.deepEqual(
    messages.map((message) => decode(message).era),
    ["seed", "seed", "seed", "a", "b"],
  );
});

test("every word of the table of synonyms is known, whatever its dashes, case and plural", () => {
  const same: Readonly<Record<string, readonly (string | number)[]>> = {
    online: ["online", 0, "ONLINE"],
    heartbeat: ["heartbeat", 6, "heart-beat"],
    set: ["config", "set_input_config", "set-input-configs", 1, 102],
    sample: ["get-config", "get_input_config", "GET_CONFIG", 2, 105],
    enabled: ["get_enabled_input_config", 100],
    update: ["update_enabled_input_config"],
    disable: ["disable-inputs", "disable_input_config", "disable_input", 4],
    enable: ["enable-inputs", "enable_input_config", 5],
    reload: ["reload", 3, 104],
    test: ["test_input_config", "test-config", 106],
    remove: [103, "remove-inputs"],
    status: ["modifyStatus"],
    unknown: ["toString", "", 99, 1.5, -1].slice(0, 1),
  };
  for (const [kind, types] of Object.entries(same)) {
    for (const type of types) assert.equal(decode({ type, trace_id: TRACE, msg: null }).kind, kind, String(type));
  }
});

test("names without case, a single destination, missing padding and bare words are read", () => {
  const frame = decode({
    Type: "get_input_config",
    ID: TRACE,
    Dest: DATAKIT,
    B64Data: "WyJjcHUiLCJtZW0iXQ",
    Code: "ok",
    Raw: null,
  });
  assert.deepEqual([frame.era, frame.traceId, frame.dest, frame.payload], ["b", TRACE, [DATAKIT], ["cpu", "mem"]]);
  assert.deepEqual(frame.outcome, { ok: true });
  for (const words of [RECORDED.quotedError, Buffer.from("input cpu not enable").toString("base64")]) {
    const failed = inEraB("disable_input_config", words, { code: "error", Raw: "eyJh" });
    const failure = { code: "datakit.inputNotEnabled", status: 400, message: "input cpu not enable" };
    assert.deepEqual(failed.outcome, { ok: false, failure });
  }
  for (const name of ["trace_id", "msg_trace_id", "msg-trace-id", "traceId", "msgTraceId", "id"])
    assert.equal(decode({ type: "reload", [name]: TRACE, msg: null }).traceId, TRACE, name);
  const quoted = Buffer.from(JSON.stringify(CPU)).toString("base64");
  assert.equal(readNamedTexts({ payload: { cpu: { toml: quoted } } })[0]?.toml, CPU);
});

test("the seed's errors carry neither type nor trace id and are understood", () => {
  const frame = decode({ code: "datakit.inputNotFound", status: 404, msg: "input xxx not exist" });
  assert.equal(frame.kind, "error");
  const failure = { code: "datakit.inputNotFound", status: 404, message: "input xxx not exist" };
  assert.deepEqual(frame.outcome, { ok: false, failure });
});

const INVENTORY: InputInventory = {
  available: [{ input: "cpu", catalog: "host", inputType: "datakit", summary: "Processors." }],
  inputs: [
    {
      id: INPUT,
      inputs: ["cpu"],
      inputType: "datakit",
      managed: true,
      status: "running",
      error: null,
      file: `${INPUT}.conf`,
      digest: "d1",
      points: 3,
      lastPointAt: "2026-01-01T00:00:00.000Z",
    },
  ],
};

test("every call of the fleet crosses the seed's wire and its answer comes back whole", () => {
  const calls: readonly InputCall[] = [
    { method: "inputs.list" },
    { method: "inputs.sample", input: "cpu" },
    { method: "inputs.read", id: INPUT },
    { method: "inputs.set", id: INPUT, input: "cpu", inputType: "telegraf", toml: CPU },
    { method: "inputs.remove", id: INPUT },
    { method: "inputs.enable", ids: [INPUT] },
    { method: "inputs.disable", ids: [INPUT, `${INPUT.slice(0, -1)}g`] },
    { method: "inputs.test", input: "cpu", inputType: "datakit", toml: CPU },
    { method: "inputs.reload" },
  ];
  for (const call of calls) {
    const sent = encodeCall(call, { era: "seed", traceId: TRACE });
    assert.ok(sent.ok);
    const asked = decode(sent.text);
    assert.equal(asked.era, "seed");
    const request = readRequest(asked);
    assert.ok(!("failure" in request), call.method);
    const isText = request.kind === "sample" || request.kind === "read";
    const content = isText
      ? { toml: CPU }
      : call.method === "inputs.test"
        ? { output: "cpu usage=1 1\n" }
        : { inventory: INVENTORY };
    const reply = {
      ok: true,
      ...(isText ? { texts: [{ name: "cpu", id: INPUT, toml: CPU }] } : {}),
      ...(call.method === "inputs.test" ? { outputs: [{ name: "cpu", output: "cpu usage=1 1\n" }] } : {}),
      ...("inventory" in content ? { inventory: INVENTORY } : {}),
    } as const;
    const back = decode(encodeReply(asked, reply, DATAKIT));
    assert.deepEqual([back.traceId, back.kind, back.era], [TRACE, request.kind, "seed"]);
    assert.deepEqual(readAnswer(back, call), { ok: true, content });
    const failure = { code: "datakit.invalidConfig", status: 400, message: "no", line: 2, column: 3 };
    assert.deepEqual(readAnswer(decode(encodeReply(asked, { ok: false, failure }, DATAKIT)), call), {
      ok: false,
      failure,
    });
  }
});

test("a stranger's list of inputs makes an inventory of what it says", () => {
  const rows = [{ id: "mysql-2.conf", input: "mysql", enabled: false, managed: false }];
  const answer = readAnswer(decode({ type: "list-inputs", trace_id: TRACE, msgs: rows }), { method: "inputs.list" });
  assert.ok(answer.ok);
  const [input] = answer.content.inventory?.inputs ?? [];
  assert.deepEqual([input?.id, input?.managed, input?.status], ["mysql-2.conf", false, "disabled"]);
});

test("what an era cannot say in one message is told, with the reason", () => {
  const unsupported = (call: InputCall, era: DatawayEra, nameOf?: (id: string) => string | undefined) => {
    const sent = encodeCall(call, { era, traceId: TRACE, dest: DATAKIT, ...(nameOf ? { nameOf } : {}) });
    return sent.ok ? undefined : sent.unsupported;
  };
  assert.match(unsupported({ method: "inputs.list" }, "b") ?? "", /era B has no word/);
  assert.match(unsupported({ method: "inputs.remove", id: INPUT }, "a") ?? "", /era A has no word/);
  assert.match(
    unsupported({ method: "inputs.test", input: "cpu", inputType: "datakit", toml: CPU }, "a") ?? "",
    /era A/,
  );
  assert.match(unsupported({ method: "inputs.disable", ids: [INPUT] }, "b") ?? "", /not known/);
  assert.equal(
    unsupported({ method: "inputs.disable", ids: [INPUT] }, "b", () => "cpu"),
    undefined,
  );
});

test("answers of era A and B are read: a word, a result, an echo that says nothing", () => {
  const reload = { method: "inputs.reload" } as const;
  assert.deepEqual(readAnswer(decode({ type: 3, trace_id: TRACE, uuid: DATAKIT, resp: "ok" }), reload), {
    ok: true,
    content: {},
  });
  const refused = readAnswer(decode({ type: 4, trace_id: TRACE, resp: "input cpu not enable" }), reload);
  assert.equal(!refused.ok && refused.failure.code, "datakit.inputNotEnabled");
  const sampled = decode({ type: 2, trace_id: TRACE, resp: [{ input: "cpu", config: CPU_64 }] });
  assert.deepEqual(readAnswer(sampled, { method: "inputs.sample", input: "cpu" }), {
    ok: true,
    content: { toml: CPU },
  });
  const echoed = decode({
    type: 2,
    trace_id: TRACE,
    msgs: pack({ inputs: ["cpu"] }),
    resp: [{ input: "cpu", config: CPU }],
  });
  assert.deepEqual(readAnswer(echoed, { method: "inputs.sample", input: "cpu" }), { ok: true, content: { toml: CPU } });
  assert.deepEqual(decode({ type: "reload", trace_id: TRACE, code: 200, msg: null }).outcome, { ok: true });
  assert.equal(decode({ type: "reload", id: TRACE, dest: [DATAKIT], code: "" }).outcome, undefined);
  const call = { method: "inputs.test", input: "cpu", inputType: "datakit", toml: CPU } as const;
  const result = Buffer.from("cpu usage=1").toString("base64");
  for (const payload of [{ cpu: { Result: result, Desc: "" } }, { cpu: result }]) {
    const answer = readAnswer(inEraB("test_input_config", pack(payload), { code: "ok" }), call);
    assert.deepEqual(answer, { ok: true, content: { output: "cpu usage=1" } });
  }
});

test("online is read in each spelling, and volunteers carry those that are reached through one socket", () => {
  const [self] = readOnline(inEraB("online", RECORDED.online));
  assert.ok(self);
  for (const spelling of ["seed", "a", "b", "b-october", "b-documented"] as const) {
    const frame = decode(encodeOnline([self], { spelling, traceId: TRACE }));
    assert.deepEqual(readOnline(frame), [self], spelling);
    assert.equal(frame.traceId, TRACE);
    const told = decode(encodeOnline([{ ...self, inventory: INVENTORY }], { spelling, traceId: TRACE }));
    assert.deepEqual(readOnline(told)[0]?.inventory, INVENTORY, "our addition rides along in every spelling");
  }
  const told = { ...self, inventory: INVENTORY };
  const cascade = decode(encodeOnline([told, { ...self, id: "dkid_other" }], { spelling: "seed" }));
  assert.deepEqual(
    readOnline(cascade).map(({ id }) => id),
    [DATAKIT, "dkid_other"],
  );
  assert.deepEqual(readOnline(cascade)[0]?.inventory, INVENTORY);
  assert.equal(cascade.traceId, undefined);
});

test("era B's words carry the place of a mistake there and back", () => {
  const failure = { code: "datakit.invalidConfig", status: 400, message: "invalid value", line: 2, column: 12 };
  const back = decode(encodeReply(inEraB("set_input_config", RECORDED.set), { ok: false, failure }, DATAKIT));
  const message = "invalid value (line 2, column 12)";
  assert.deepEqual(back.outcome, { ok: false, failure: { ...failure, message } });
});

test("heartbeats and the word before a reload are read, bare and wrapped", () => {
  assert.equal(readHeartbeat(inEraB("heartbeat", Buffer.from(DATAKIT).toString("base64"))), DATAKIT);
  assert.equal(readHeartbeat(decode({ type: "heartbeat", msg: DATAKIT })), DATAKIT);
  assert.equal(readHeartbeat(decode({ type: "heartbeat" })), undefined);
  const status = decode(encodeModifyStatus({ id: DATAKIT, traceId: TRACE }));
  assert.deepEqual([status.kind, status.dest, status.outcome], ["status", [DATAKIT], { ok: true }]);
});

test("a request that asks for nothing or for the unknown is refused in words that its era knows", () => {
  const empty = readRequest(inEraB("disable_input_config", pack([])));
  assert.ok("failure" in empty);
  assert.equal(empty.failure.code, "datakit.badRequest");
  const asked = inEraB("no_such_thing", pack([]));
  const unknown = readRequest(asked);
  assert.ok("failure" in unknown);
  const back = JSON.parse(encodeReply(asked, { ok: false, ...unknown }, DATAKIT)) as Record<string, string>;
  assert.equal(back.code, "error");
  assert.equal(Buffer.from(back.b64data ?? "", "base64").toString(), '"unknow type no_such_thing"');
  const mixed = decode({ type: "config", msgs: [{ input: "cpu", cfg: CPU_64 }, { input: "mem" }] });
  assert.ok("failure" in readRequest(mixed), "lists are all or nothing");
});

test("a request behind another's socket keeps the seed's form", () => {
  const frame = decode(encodeRequest({ era: "seed", type: "reload", traceId: TRACE, dest: DATAKIT }));
  assert.deepEqual([frame.era, frame.kind, frame.dest, frame.payload], ["seed", "reload", [DATAKIT], undefined]);
});

function pack(payload: unknown): string {
  return Buffer.from(JSON.stringify(payload)).toString("base64");
}
