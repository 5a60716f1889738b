import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DATAWAY_LIMITS,
  decodeDatawayFrame,
  encodeReply,
  parseConnectionQuery,
  parseInputConfig,
  readAnswer,
  readHeartbeat,
  readOnline,
  readRequest,
  readXid,
} from "./index.ts";

const BUDGET_MS = 20_000;

/** A small deterministic generator (mulberry32), so that a failure can be repeated. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const TOML_64 = "W1tpbnB1dHMuY3B1XV0KICBwZXJjcHUgPSB0cnVlCg==";
const ID = "dkinput_bt6um9bksvvesmk79370";
const SEEDS = [
  { type: "config", trace_id: "t", msgs: [{ id: ID, input: "cpu", input_type: "datakit", cfg: TOML_64 }] },
  { type: "online", msgs: [{ id: "d", version: "1", os: "linux", arch: "amd64", name: "n", enabled_inputs: ["cpu"] }] },
  { type: "list-inputs", trace_id: "t", code: "ok", status: 200, msgs: [], inventory: { available: [], inputs: [] } },
  { code: "datakit.inputNotFound", status: 404, msg: "input xxx not exist" },
  { type: "reload", msg: null },
  { type: 1, trace_id: "t", uuid: "d", msgs: TOML_64, resp: "ok" },
  {
    type: "set_input_config",
    id: "wmsg_x",
    dest: ["d"],
    b64data: "eyJjcHUiOnsidG9tbCI6IlcxdHBibkIxZEhNdVkzQjFYVjBLSUNCd1pYSmpjSFVnUFNCMGNuVmxDZz09In19",
    code: "",
    Raw: null,
  },
  { type: "get_input_config", id: "wmsg_x", dest: "d", b64data: "WyJjcHUiLCJtZW0iXQ", code: "ok" },
  { type: "disable_input_config", id: "wmsg_x", b64data: "ImlucHV0IGNwdSBub3QgZW5hYmxlIg==", code: "error" },
].map((message) => JSON.stringify(message));
const ODD = [null, true, -1, 1e308, "", "x", [], {}, [[]], { a: 1 }, { __proto__: null }, "\u0000", "\ud800", "AAA="];

/** Everything that a door or a link does with a text from afar. */
function handle(text: string): void {
  const frame = decodeDatawayFrame(text);
  if (!frame.ok) {
    assert.equal(typeof frame.message, "string");
    return;
  }
  const request = readRequest(frame);
  if ("failure" in request) decodeDatawayFrame(encodeReply(frame, { ok: false, ...request }, "d"));
  else encodeReply(frame, { ok: true }, "d");
  readOnline(frame);
  readHeartbeat(frame);
  readAnswer(frame, { method: "inputs.list" });
  readAnswer(frame, { method: "inputs.sample", input: "cpu" });
  readAnswer(frame, { method: "inputs.test", input: "__proto__", inputType: "datakit", toml: "" });
}

function mutate(text: string, random: (below: number) => number): string {
  const at = random(text.length + 1);
  switch (random(5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + random(8));
    case 2:
      return text.slice(0, at) + text.slice(Math.max(0, at - random(8)));
    case 3:
      return text.slice(0, at) + ['{}[]",:\\0e-\u0000é='.charAt(random(15)), text.slice(at + 1)].join("");
    default:
      return text.replace(/"[^"]*"(?=[,}\]])|\[[^\]]*\]/, () => JSON.stringify(ODD[random(ODD.length)]));
  }
}

test("whatever comes, nothing is thrown", () => {
  const random = makeRandom(20_201_016);
  const started = performance.now();
  for (let round = 0; round < 8000 && performance.now() - started < BUDGET_MS; round++) {
    let text = SEEDS[random(SEEDS.length)] ?? "";
    for (let times = random(4); times >= 0; times--) text = mutate(text, random);
    try {
      handle(text);
    } catch (error) {
      assert.fail(`${JSON.stringify(text)} threw ${String(error)}`);
    }
  }
});

test("every beginning of a message and every kind of value in each place is survived", () => {
  for (const seed of SEEDS) {
    for (let end = 0; end <= seed.length; end++) handle(seed.slice(0, end));
    const message = JSON.parse(seed) as Record<string, unknown>;
    for (const key of Object.keys(message)) {
      for (const value of ODD) {
        handle(JSON.stringify({ ...message, [key]: value }));
        handle(JSON.stringify({ ...message, b64data: Buffer.from(JSON.stringify([value])).toString("base64") }));
      }
    }
  }
});

test("random bytes are no frame, no configuration and no id, and break nothing", () => {
  const random = makeRandom(7);
  for (let round = 0; round < 2000; round++) {
    const text = Buffer.from(Array.from({ length: random(200) }, () => random(256))).toString("latin1");
    handle(text);
    parseInputConfig(text);
    parseConnectionQuery(text);
    readXid(text);
  }
});

test("large and deep messages are refused or read, and soon", () => {
  const started = performance.now();
  const deep = "[".repeat(1_000_000);
  const wide = `[${"0,".repeat(1_500_000)}0]`;
  const keys = `{${Array.from({ length: 200_000 }, (_, index) => `"k${index}":0`).join(",")}}`;
  for (const payload of [deep, wide, keys]) {
    handle(payload);
    handle(`{"type":"config","msgs":${payload}}`);
    handle(JSON.stringify({ type: "set_input_config", b64data: Buffer.from(payload).toString("base64") }));
  }
  handle(JSON.stringify({ type: "config", msgs: Array(200_000).fill({ input: "a", cfg: "" }) }));
  handle(JSON.stringify({ type: "online", msgs: Array(100_000).fill({ id: "a" }) }));
  const tooLong = decodeDatawayFrame(" ".repeat(DATAWAY_LIMITS.frameBytes + 1));
  assert.equal(!tooLong.ok && tooLong.reason, "too_large");
  assert.ok(performance.now() - started < BUDGET_MS);
});

test("what cannot be decoded says why, with the trace id where there is one", () => {
  const reasonOf = (text: string) => {
    const frame = decodeDatawayFrame(text);
    return frame.ok ? undefined : [frame.reason, frame.traceId];
  };
  assert.deepEqual(reasonOf("{"), ["not_json", undefined]);
  assert.deepEqual(reasonOf("[]"), ["not_an_object", undefined]);
  assert.deepEqual(reasonOf('{"trace_id":"t"}'), ["no_type", "t"]);
  assert.deepEqual(reasonOf('{"type":"reload","id":"w","b64data":"***"}'), ["bad_payload", "w"]);
  // the seed's own samples lack a comma behind the type
  assert.deepEqual(reasonOf('{"type": "online"\n"msgs": []}'), ["not_json", undefined]);
});
