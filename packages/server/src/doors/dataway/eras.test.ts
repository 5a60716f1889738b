import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EraADatakit, EraBDatakit, SeedDatakit } from "@muster/testing";
import { cpu, openDatawayBench } from "./test-bench.ts";

const ID = "dkid_bt6um9bksvvesmk79370";

describe("DataKits of every era", () => {
  for (const path of ["/v1/ws/datakit", "/", "/any/path"]) {
    test(`one of the seed volunteers who it is, on a listener of its own at ${path}`, async (context) => {
      const bench = await openDatawayBench(context);
      const peer = new SeedDatakit({ gatewayUrl: bench.ownWsUrl, id: ID, token: bench.token, path });
      await peer.connect();
      context.after(() => peer.vanish());
      const datakit = await bench.waitFor(ID, "online");
      assert.equal(datakit.name, `name of ${ID}`);
      assert.equal(datakit.version, "1.0.0");
      assert.equal(datakit.gateway.place, "this machine");
    });
  }

  test("one of the seed is given, shown, disabled, enabled and refused inputs", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    const sample = await bench.call("GET", `/${ID}/samples/mem`);
    assert.match(sample.body.content.toml, /inputs.mem/);
    const added = await bench.call("POST", `/${ID}/inputs`, cpu());
    assert.equal(added.status, 201, JSON.stringify(added.body));
    const { id } = added.body;
    assert.match(id, /^dkinput_[0-9a-v]{19}[0g]$/);
    assert.deepEqual(peer.kept.get(id)?.toml, cpu().toml);
    const [message] = peer.of("config");
    assert.equal(message.msgs[0].id, id);
    assert.match(message.trace_id, /^wmsg_/);
    assert.ok(!JSON.stringify(added.body).includes("wmsg_"));
    const list = await bench.call("GET", `/${ID}/inputs`);
    assert.deepEqual(
      list.body.content.map((input: { id: string; status: string }) => [input.id, input.status]),
      [[id, "running"]],
    );
    assert.equal((await bench.call("POST", `/${ID}/inputs/disable`, { ids: [id] })).status, 200);
    assert.equal((await bench.call("GET", `/${ID}/inputs/${id}`)).body.content.status, "disabled");
    assert.equal((await bench.call("GET", `/${ID}/inputs/${id}`)).body.content.toml, cpu().toml);
    assert.equal((await bench.call("POST", `/${ID}/inputs/enable`, { ids: [id] })).status, 200);
    const unknown = await bench.call("GET", `/${ID}/samples/nothing`);
    assert.deepEqual([unknown.status, unknown.body.code], [404, "datakit.inputNotFound"]);
    assert.equal((await bench.call("DELETE", `/${ID}/inputs/${id}`)).status, 200);
    assert.deepEqual((await bench.call("GET", `/${ID}/inputs`)).body.content, []);
  });

  test("one of era B says who it is in its address, and is asked for the rest", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token });
    peer.files.set("mem", "[[inputs.mem]]\n");
    peer.load();
    await peer.connect();
    context.after(() => peer.vanish());
    const datakit = await bench.waitFor(ID, "online");
    assert.deepEqual([datakit.hostname, datakit.ip, datakit.arch], ["h1", "10.0.0.5", "amd64"]);
    assert.deepEqual((await peer.waitFor("online")).dest, [ID]);
    const { body } = await bench.call("GET", `/${ID}/inputs`);
    assert.deepEqual(
      body.content.map((input: { id: string; managed: boolean; status: string }) => [
        input.id,
        input.managed,
        input.status,
      ]),
      [["mem.conf", false, "running"]],
    );
  });

  test("one of era B gets several inputs of one name into its one file, and tells them by its next online", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    await peer.waitFor("get_input_config");
    const first = await bench.call("POST", `/${ID}/inputs`, cpu());
    assert.equal(first.status, 201, JSON.stringify(first.body));
    assert.deepEqual([peer.connects, peer.of("reload").length], [2, 1]);
    const second = await bench.call("POST", `/${ID}/inputs`, cpu("percpu = false"));
    assert.equal(second.status, 201, JSON.stringify(second.body));
    const same = await bench.call("POST", `/${ID}/inputs`, cpu("percpu=true # the same"));
    assert.deepEqual([same.status, same.body.code], [409, "dataway.duplicateInput"]);
    const ids = [first.body.id, second.body.id];
    const states = async () =>
      (await bench.call("GET", `/${ID}/inputs`)).body.content.map((one: { id: string; status: string }) => [
        one.id,
        one.status,
      ]);
    assert.deepEqual(await states(), [
      [ids[0], "running"],
      [ids[1], "running"],
    ]);
    assert.equal((await bench.call("POST", `/${ID}/inputs/disable`, { ids: [ids[0]] })).status, 200);
    assert.deepEqual(await states(), [
      [ids[0], "disabled"],
      [ids[1], "running"],
    ]);
    const again = await bench.call("POST", `/${ID}/inputs/disable`, { ids });
    assert.deepEqual([again.status, again.body.code], [400, "datakit.inputNotEnabled"]);
    assert.equal((await bench.call("DELETE", `/${ID}/inputs/${ids[1]}`)).status, 200);
    assert.deepEqual(await states(), [[ids[0], "disabled"]]);
    const read = await bench.call("GET", `/${ID}/inputs/${ids[0]}`);
    assert.equal(read.body.content.toml, cpu().toml);
    assert.equal((await bench.call("POST", `/${ID}/inputs/enable`, { ids: [ids[0]] })).status, 200);
    assert.deepEqual(await states(), [[ids[0], "running"]]);
    assert.equal((await bench.call("DELETE", `/${ID}/inputs/${ids[0]}`)).status, 200);
    assert.deepEqual(await states(), []);
    assert.ok(!peer.running.has("cpu") && !peer.files.get("cpu")?.includes("dkinput_"));
    // and again, since what is gone may come back
    assert.equal((await bench.call("POST", `/${ID}/inputs`, cpu())).status, 201);
  });

  test("one of era B keeps what its own people wrote beside ours", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token });
    const theirs = "# by hand\n[[inputs.cpu]]\n  totalcpu = true\n";
    peer.files.set("cpu", theirs);
    peer.load();
    await peer.connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    const added = await bench.call("POST", `/${ID}/inputs`, cpu());
    assert.equal(added.status, 201, JSON.stringify(added.body));
    assert.ok(peer.running.get("cpu")?.startsWith(theirs));
    const refused = await bench.call("DELETE", `/${ID}/inputs/cpu.conf`);
    assert.ok(refused.status >= 400 && refused.status < 500, JSON.stringify(refused.body));
    assert.equal((await bench.call("DELETE", `/${ID}/inputs/${added.body.id}`)).status, 200);
    assert.equal(peer.running.get("cpu"), theirs);
  });

  test("whoever asks before a DataKit has said what it is waits a moment for it", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token });
    peer.held = [];
    await peer.connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    const asking = bench.call("GET", `/${ID}/samples/cpu`);
    await peer.waitFor("online");
    peer.release();
    assert.equal((await asking).status, 200);
  });

  test("what one of era B cannot load is refused, and what ran before runs again", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    await peer.waitFor("get_input_config");
    const added = await bench.call("POST", `/${ID}/inputs`, cpu());
    const refused = await bench.call("PUT", `/${ID}/inputs/${added.body.id}`, {
      toml: '[[inputs.cpu]]\n  x = "= bad"\n',
    });
    assert.deepEqual([refused.status, refused.body.code, refused.body.line], [400, "datakit.invalidConfig", 2]);
    assert.ok(peer.running.has("cpu"));
    const tested = await bench.call("POST", `/${ID}/inputs/test`, cpu("percpu = false"));
    assert.equal(tested.body.content.output, "cpu value=1\n");
  });

  test("one of era A is spoken to in numbers", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraADatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    assert.match((await bench.call("GET", `/${ID}/samples/cpu`)).body.content.toml, /inputs.cpu/);
    const adding = bench.call("POST", `/${ID}/inputs`, cpu());
    await peer.waitFor(3);
    peer.sendOnline();
    const added = await adding;
    assert.equal(added.status, 201, JSON.stringify(added.body));
    assert.equal(peer.files.get("cpu"), cpu().toml);
  });

  test("an original's quirks are met: capitals, a destination that is no list, base64 without padding", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    await peer.waitFor("get_input_config");
    peer.mute = true;
    const asking = bench.call("GET", `/${ID}/samples/cpu`);
    const { id } = await peer.waitFor("get_input_config", 2);
    const b64data = Buffer.from("input cpu not exist").toString("base64").replace(/=+$/, "");
    peer.send({ Type: "get_input_config", ID: id, Dest: ID, Code: "error", B64Data: b64data, Raw: null });
    const { status, body } = await asking;
    assert.deepEqual([status, body.code, body.msg], [404, "datakit.inputNotFound", "input cpu not exist"]);
  });
});
