import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeTiny, encodeTiny, G0, G1, G2, rawField, readFields, sendToConfigServer } from "@muster/testing";
import { openConfigServerBench } from "./test-bench.ts";

const EMPTY = new Uint8Array();

function send(baseUrl: string, method: string, path: string, body: Uint8Array = EMPTY, headers = {}) {
  return sendToConfigServer({ baseUrl, method, path, body, headers });
}

describe("ConfigServer over HTTP", () => {
  test("both spellings, GET and POST on reads, bodies on GET and DELETE, any content type", async (t) => {
    const bench = await openConfigServerBench(t);
    const create = encodeTiny(G0.CreateConfig.request, {
      request_id: "1",
      config_detail: { config_name: "c1", content: "A" },
    });
    const read = encodeTiny(G0.GetConfig.request, { request_id: "2", config_name: "c1" });
    const remove = encodeTiny(G0.DeleteConfig.request, { request_id: "3", config_name: "c1" });
    for (const slash of ["", "/"]) {
      const created = await send(bench.prefix("g0"), "POST", `/User/CreateConfig${slash}`, create);
      assert.equal(created.status, 200);
      for (const method of ["GET", "POST"])
        for (const type of [undefined, "application/json", "application/x-protouf"]) {
          const headers = type === undefined ? {} : { "content-type": type };
          const answer = await send(bench.prefix("g0"), method, `/User/GetConfig${slash}?x=1`, read, headers);
          assert.deepEqual([answer.status, answer.contentType], [200, "application/x-protobuf"]);
          assert.equal(decodeTiny(G0.GetConfig.response, answer.bytes).config_detail.content, "A");
        }
      assert.equal((await send(bench.prefix("g0"), "DELETE", `/User/DeleteConfig${slash}`, remove)).status, 200);
    }
  });

  test("what is not there is the originals' page of 18 bytes, whatever the method", async (t) => {
    const bench = await openConfigServerBench(t);
    const cases: [string, string][] = [
      ["POST", "/User/GetEverything"],
      ["GET", "/User/CreateConfig"],
      ["POST", "/User/DeleteConfig"],
      ["HEAD", "/User/ListConfigs"],
      ["OPTIONS", "/User/ListConfigs"],
      ["POST", "/user/ListConfigs"],
      ["GET", "/Agent/HeartBeat"],
      ["POST", "/"],
    ];
    for (const [method, path] of cases) {
      const answer = await send(bench.listener("g0"), method, path);
      assert.deepEqual([answer.status, answer.contentType], [404, "text/plain"], `${method} ${path}`);
      if (method !== "HEAD") assert.equal(String(answer.bytes), "404 page not found");
    }
    for (const gone of ["RunningStatistics", "Alarm", "GetConfigList"])
      assert.equal((await send(bench.listener("g1"), "POST", `/Agent/${gone}`)).status, 404, gone);
  });

  test("an undecodable body is 400 with nothing but the code", async (t) => {
    const bench = await openConfigServerBench(t);
    const broken = [
      Buffer.from([0x0a, 0x05, 0x61]), // ends in the text
      Buffer.from([0x02, 0x01]), // field 0
      Buffer.from([0x0f]), // wire type 7
      Buffer.from([0x0c]), // a group that ends before it began
      Buffer.from([0x08, ...Array<number>(11).fill(0xff)]), // a number that is too long
      rawField(1, 2, Buffer.from([0xc3, 0x28])), // no UTF-8
    ];
    for (const body of broken) {
      const old = await send(bench.listener("g0"), "POST", "/User/GetConfig", body);
      assert.deepEqual([old.status, old.contentType], [400, "application/x-protobuf"]);
      assert.equal(old.bytes.toString("hex"), Buffer.from("\u0012\u000aBadRequest").toString("hex"));
      const released = await send(bench.listener("g1"), "POST", "/User/GetConfig", body);
      assert.deepEqual([released.status, released.bytes.toString("hex")], [400, "1002"]);
    }
  });

  test("an empty body is a message of defaults, and what is missing is named", async (t) => {
    const bench = await openConfigServerBench(t);
    const list = await send(bench.listener("g0"), "GET", "/User/ListAgentGroups");
    assert.equal(decodeTiny(G0.ListAgentGroups.response, list.bytes).message, "Get agent group list success");
    const cases: [string, string, string][] = [
      ["POST", "CreateAgentGroup", "Agent group need parameter GroupName."],
      ["PUT", "UpdateAgentGroup", "Agent group need parameter groupName."],
      ["DELETE", "DeleteAgentGroup", "Agent group need parameter groupName."],
      ["GET", "GetAgentGroup", "Agent group need parameter groupName."],
      ["POST", "CreateConfig", "Need parameter ConfigName."],
      ["PUT", "UpdateConfig", "Need parameter ConfigName."],
      ["DELETE", "DeleteConfig", "Need parameter ConfigName."],
      ["GET", "GetConfig", "Need parameter ConfigName."],
      ["PUT", "ApplyConfigToAgentGroup", "Need parameter groupName."],
      ["DELETE", "RemoveConfigFromAgentGroup", "Need parameter groupName."],
      ["GET", "GetAppliedConfigsForAgentGroup", "Need parameter GroupName."],
      ["GET", "GetAppliedAgentGroups", "Need parameter ConfigName."],
      ["GET", "ListAgents", "Need parameter groupName."],
    ];
    for (const generation of ["g0", "g1"] as const)
      for (const [method, action, message] of cases) {
        const answer = await send(bench.listener(generation), method, `/User/${action}`);
        const schema = (generation === "g0" ? G0 : G1).CreateConfig.response;
        const body = decodeTiny(schema, answer.bytes);
        assert.deepEqual([answer.status, body.message], [400, message], `${generation} ${action}`);
      }
    for (const action of ["HeartBeat", "RunningStatistics", "Alarm", "GetConfigList"]) {
      const answer = await send(bench.listener("g0"), "POST", `/Agent/${action}`);
      assert.equal(answer.status, 400);
      assert.equal(decodeTiny(G0.Alarm.response, answer.bytes).message, "Need parameter AgentID.");
    }
  });

  test("unknown fields and fields of another kind are left out", async (t) => {
    const bench = await openConfigServerBench(t);
    const known = encodeTiny(G0.ListConfigs.request, { request_id: "7" });
    const body = Buffer.concat([
      rawField(900, 2, Buffer.from("x")),
      rawField(901, 1, Buffer.alloc(8)),
      rawField(902, 5, Buffer.alloc(4)),
      known,
      rawField(1, 0, Buffer.from([5])),
    ]);
    const answer = await send(bench.listener("g0"), "GET", "/User/ListConfigs", body);
    assert.equal(decodeTiny(G0.ListConfigs.response, answer.bytes).response_id, "7");
  });

  test("on bare paths the request tells its generation, or the setting does", async (t) => {
    const bench = await openConfigServerBench(t);
    const beat1 = encodeTiny(G1.HeartBeat.request, {
      request_id: "a",
      agent_id: "x1",
      attributes: { version: "1.8.8" },
    });
    const one = await send(bench.url, "POST", "/Agent/HeartBeat", beat1);
    assert.match(decodeTiny(G1.HeartBeat.response, one.bytes).message, /Get config update infos/);
    const beat0 = encodeTiny(G0.HeartBeat.request, {
      request_id: "a",
      agent_id: "x0",
      agent_version: "1.1",
      running_status: "good",
    });
    const zero = await send(bench.url, "POST", "/Agent/HeartBeat", beat0);
    assert.equal(decodeTiny(G0.HeartBeat.response, zero.bytes).message, "Send heartbeat success");
    const beat2 = encodeTiny(G2.Heartbeat.request, { request_id: "a", instance_id: "x2", capabilities: 3 });
    const two = await send(bench.url, "POST", "/Agent/Heartbeat", beat2);
    assert.equal(decodeTiny(G2.Heartbeat.response, two.bytes).request_id, "a");
    const get = await send(bench.url, "GET", "/User/ListConfigs");
    assert.equal(codeOf(get.bytes), "Accept");
    assert.equal(codeOf((await send(bench.url, "POST", "/User/ListConfigs")).bytes), undefined);
    for (const base of [`${bench.url}/api/v1`, bench.prefix("g1")])
      assert.equal(codeOf((await send(base, "GET", "/User/ListConfigs")).bytes), undefined, base);
    const elsewhere = await openConfigServerBench(t, { generation: "g1" });
    assert.equal(codeOf((await send(elsewhere.url, "GET", "/User/ListConfigs")).bytes), undefined);
  });

  test("beyond its bound it answers ServerBusy, each generation in its words", async (t) => {
    const bench = await openConfigServerBench(t, { limits: { inProgress: 0 } });
    const zero = await send(bench.listener("g0"), "POST", "/Agent/HeartBeat");
    assert.deepEqual([zero.status, codeOf(zero.bytes)], [503, "ServerBusy"]);
    const one = await send(bench.listener("g1"), "POST", "/Agent/HeartBeat");
    assert.equal(one.status, 503);
    assert.equal(decodeTiny(G1.HeartBeat.response, one.bytes).code, 2);
    const two = await send(bench.listener("g2"), "POST", "/Agent/Heartbeat");
    const { common_response } = decodeTiny(G2.Heartbeat.response, two.bytes);
    assert.deepEqual([two.status, common_response.status, common_response.errorMessage], [503, 503, "ServerBusy"]);
  });

  test("strangers are kept out; users with a token come from anywhere, and only as far as it goes", async (t) => {
    const bench = await openConfigServerBench(t);
    const stranger = { "x-forwarded-for": "203.0.113.9" };
    const ask = (method: string, path: string, headers: object, body?: Uint8Array) =>
      send(bench.url, method, path, body, headers);
    assert.equal((await ask("POST", "/Agent/HeartBeat", stranger)).status, 403);
    assert.equal((await ask("GET", "/User/ListConfigs", stranger)).status, 403);
    const bearer = (token: string) => ({ ...stranger, authorization: `Bearer ${token}` });
    const wrong = await ask("GET", "/User/ListConfigs", bearer("mst_wrong"));
    assert.deepEqual([wrong.status, codeOf(wrong.bytes)], [401, "Unauthorized"]);
    const viewer = bearer(await bench.createApiToken("viewer"));
    assert.equal((await ask("GET", "/User/ListConfigs", viewer)).status, 200);
    const create = encodeTiny(G0.CreateConfig.request, { config_detail: { config_name: "c", content: "x" } });
    assert.equal((await ask("POST", "/User/CreateConfig", viewer, create)).status, 403);
    const operator = bearer(await bench.createApiToken("operator"));
    assert.equal((await ask("POST", "/User/CreateConfig", operator, create)).status, 200);
    // a token is no pass for agents
    assert.equal((await ask("POST", "/Agent/HeartBeat", operator)).status, 403);
  });

  test("where users need a token, an address is not enough", async (t) => {
    const bench = await openConfigServerBench(t, { trustsUsersAt: () => false });
    assert.equal((await send(bench.url, "GET", "/User/ListConfigs")).status, 401);
    const beat = encodeTiny(G0.HeartBeat.request, { agent_id: "a" });
    assert.equal((await send(bench.url, "POST", "/Agent/HeartBeat", beat)).status, 200);
  });

  test("nothing that is sent makes it fail inside", async (t) => {
    const bench = await openConfigServerBench(t);
    let seed = 20220901;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return seed % below;
    };
    const valid = encodeTiny(G1.HeartBeat.request, {
      ...{ request_id: "r", agent_id: "a", attributes: { version: "1" }, tags: ["t"] },
      pipeline_configs: [{ name: "c", version: 1 }],
    });
    const paths = ["/User/CreateConfig", "/User/CreateAgentGroup", "/Agent/HeartBeat", "/Agent/Heartbeat"];
    for (let round = 0; round < 300; round++) {
      const body = Buffer.from(valid);
      for (let change = random(4); change >= 0; change--) body[random(body.length)] = random(256);
      const path = paths[round % paths.length] ?? "";
      const generation = (["g0", "g1", "g2"] as const)[random(3)] ?? "g0";
      const method = path.startsWith("/User") ? "POST" : "POST";
      const { status } = await send(bench.prefix(generation), method, path, body);
      assert.ok([200, 400, 404].includes(status), `${path} ${body.toString("hex")} → ${status}`);
    }
  });
});

/** The text of field 2, as G0 has it; G1 has a number there, and leaves it out for success. */
function codeOf(bytes: Uint8Array): string | undefined {
  for (const { number, wire, value } of readFields(bytes))
    if (number === 2 && wire === 2) return Buffer.from(value as Uint8Array).toString();
  return undefined;
}
