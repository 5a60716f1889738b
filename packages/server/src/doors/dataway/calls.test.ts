import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EraBDatakit, SeedDatakit, waitUntil } from "@muster/testing";
import { type Answer, cpu, openDatawayBench } from "./test-bench.ts";

const ID = "dkid_bt6um9bksvvesmk79370";

describe("requests to DataKits", () => {
  test("answers find their requests in any order", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    peer.held = [];
    const left = bench.call("GET", `/${ID}/samples/cpu`);
    const right = bench.call("GET", `/${ID}/samples/mem`);
    await peer.waitFor("get-config", 2);
    peer.release((answers) => [...answers].reverse());
    assert.match((await left).body.content.toml, /inputs.cpu/);
    assert.match((await right).body.content.toml, /inputs.mem/);
  });

  test("pongs never end up inside of messages, short and long ones", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    const calls: Promise<Answer>[] = [];
    for (let round = 1; round <= 8; round++) {
      calls.push(bench.call("GET", `/${ID}/samples/cpu`));
      calls.push(bench.call("POST", `/${ID}/inputs`, cpu(`interval = "${round}s" # ${"é".repeat(100_000)}`)));
    }
    let pings = 0;
    const all = Promise.all(calls);
    let isDone = false;
    void all.finally(() => {
      isDone = true;
    });
    await waitUntil("all to be answered", () => {
      for (let count = 0; count < 20; count++, pings++) peer.ping();
      return isDone;
    });
    assert.deepEqual(new Set((await all).map(({ status }) => status)), new Set([200, 201]));
    assert.equal(peer.kept.size, 8);
    await waitUntil("every pong", () => peer.pongs === pings);
  });

  test("a change that waits holds up nobody who only reads", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    peer.held = [];
    const adding = bench.call("POST", `/${ID}/inputs`, cpu());
    await peer.waitFor("config");
    const waiting = peer.held;
    peer.held = undefined;
    assert.equal((await bench.call("GET", `/${ID}/samples/cpu`)).status, 200);
    for (const text of waiting) peer.sendText(text);
    assert.equal((await adding).status, 201);
  });

  test("a silent DataKit is 504 in time; its late answer and one that nobody asked for change nothing", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    peer.mute = true;
    const asking = bench.call("POST", `/${ID}/inputs`, cpu());
    const { trace_id } = await peer.waitFor("config");
    await bench.pass(31_000);
    const { status, body } = await asking;
    assert.deepEqual([status, body.code, body.status], [504, "dataway.timeout", 504]);
    await bench.pass(60_000);
    const ignored = bench.door.counters.answersIgnored;
    peer.send({ type: "config", trace_id, code: "ok", status: 200 });
    peer.send({ type: "config", trace_id: "wmsg_nobody", code: "ok", status: 200 });
    await waitUntil("both to be ignored", () => bench.door.counters.answersIgnored === ignored + 2);
    peer.mute = false;
    assert.equal((await bench.call("GET", `/${ID}/samples/cpu`)).status, 200);
  });

  test("a socket that ends in flight is 502 at once", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    await bench.waitFor(ID, "online");
    peer.mute = true;
    const asking = bench.call("GET", `/${ID}/samples/cpu`);
    await peer.waitFor("get-config");
    peer.vanish();
    const { status, body } = await asking;
    assert.deepEqual([status, body.code], [502, "dataway.connectionLost"]);
  });

  test("one that does not come back from a reload is 504, and offline", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    await bench.waitFor(ID, "online");
    await peer.waitFor("get_input_config");
    peer.diesOnReload = true;
    const reloading = bench.call("POST", `/${ID}/reload`);
    await peer.waitClosed();
    await bench.pass(61_000);
    assert.equal((await reloading).status, 504);
    await bench.waitFor(ID, "offline");
  });

  test("one that comes back from its reload to another process has done what it was asked for", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    const { agent_id } = await bench.waitFor(ID, "online");
    await peer.waitFor("get_input_config");
    peer.diesOnReload = true;
    const adding = bench.call("POST", `/${ID}/inputs`, cpu());
    await peer.waitClosed();
    await bench.pass(2_000);
    const id = /dkinput_\w+/.exec(peer.files.get("cpu") ?? "")?.[0] ?? "";
    const state = bench.fleet.registry.get(agent_id);
    assert.ok(state);
    // as the other process writes it down
    const report = {
      id,
      inputs: ["cpu"],
      inputType: "datakit",
      managed: true,
      status: "running" as const,
      file: "cpu.conf",
    };
    const silent = { error: null, digest: null, points: 0, lastPointAt: null };
    await bench.fleet.inputs.inventories.accept(state, { available: [], inputs: [{ ...report, ...silent }] });
    let answer: Answer | undefined;
    void adding.then((given) => {
      answer = given;
    });
    const { status, body } = await waitUntil("the answer", async () => {
      await bench.pass(1_000);
      return answer;
    });
    assert.deepEqual([status, body.id], [201, id]);
  });

  test("a reload that is refused in so many words is refused at once", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    await peer.waitFor("get_input_config");
    peer.mute = true;
    const reloading = bench.call("POST", `/${ID}/reload`);
    const message = await peer.waitFor("reload");
    peer.send({ ...message, code: "error", b64data: Buffer.from('"unknow type reload"').toString("base64") });
    const { status, body } = await reloading;
    assert.deepEqual([status, body.code], [501, "datakit.notSupported"]);
  });

  test("the seed's error without a trace id is the answer to the one request that waits", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    peer.mute = true;
    const asking = bench.call("GET", `/${ID}/samples/cpu`);
    await peer.waitFor("get-config");
    peer.send({ code: "datakit.inputNotFound", status: 404, msg: "input cpu not exist" });
    const { status, body } = await asking;
    assert.deepEqual([status, body], [404, { code: "datakit.inputNotFound", status: 404, msg: "input cpu not exist" }]);
  });

  test("the same meaning is taken once, however many ask at the same time, and again after it was deleted", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    const texts = [
      "[[inputs.cpu]]\n a = 1\n b = 2\n",
      "# mine\n[[inputs.cpu]]\nb=2\na=1",
      "[[inputs.cpu]]\n  a = 1 # one\n  b = 2\n",
    ];
    const answers = await Promise.all(texts.map((toml) => bench.call("POST", `/${ID}/inputs`, { input: "cpu", toml })));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409, 409]);
    assert.deepEqual(answers.find(({ status }) => status === 409)?.body.code, "dataway.duplicateInput");
    assert.equal(peer.kept.size, 1);
    const [id] = peer.kept.keys();
    assert.equal((await bench.call("DELETE", `/${ID}/inputs/${id}`)).status, 200);
    assert.equal((await bench.call("POST", `/${ID}/inputs`, { input: "cpu", toml: texts[0] })).status, 201);
    const other = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: "dkid_other", token: bench.token }).connect();
    context.after(() => other.vanish());
    await bench.waitFor("dkid_other", "online");
    assert.equal((await bench.call("POST", "/dkid_other/inputs", { input: "cpu", toml: texts[0] })).status, 201);
    const twice = await bench.call("POST", `/${ID}/inputs`, { input: "mem", toml: "[[inputs.mem]]\n[[inputs.mem]]\n" });
    assert.equal(twice.status, 409, JSON.stringify(twice.body));
  });

  test("what is no TOML is refused with its place, and the DataKit is not asked", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    const { status, body } = await bench.call("POST", `/${ID}/inputs`, {
      input: "cpu",
      cfg: Buffer.from("[[inputs.cpu]]\n  percpu = \n").toString("base64"),
    });
    assert.deepEqual([status, body.code, body.line], [400, "datakit.invalidConfig", 2]);
    assert.equal(typeof body.column, "number");
    assert.equal(peer.of("config").length, 0);
  });

  test("enabling and disabling are all or nothing", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    const { body } = await bench.call("POST", `/${ID}/inputs`, cpu());
    const refused = await bench.call("POST", `/${ID}/inputs/disable`, {
      ids: [body.id, "dkinput_bt6um9bksvvesmk79370"],
    });
    assert.deepEqual([refused.status, refused.body.code], [404, "datakit.inputNotFound"]);
    assert.equal(peer.kept.get(body.id)?.enabled, true);
    const toggle = async (how: string) => (await bench.call("POST", `/${ID}/inputs/${how}`, { ids: [body.id] })).status;
    assert.deepEqual(
      [await toggle("enable"), await toggle("disable"), await toggle("disable"), await toggle("enable")],
      [400, 200, 400, 200],
    );
  });
});
