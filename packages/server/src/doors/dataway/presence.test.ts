import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EraBDatakit, SeedDatakit, settle, waitUntil } from "@muster/testing";
import { findOwner } from "../../listeners/routes.ts";
import { INTAKE_PATHS } from "./intake/index.ts";
import { cpu, openDatawayBench } from "./test-bench.ts";

const ID = "dkid_bt6um9bksvvesmk79370";

describe("the presence of DataKits", () => {
  test("silence of one and a half of the announced interval is the end, and nobody is asked any more", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    await bench.waitFor(ID, "online");
    await peer.waitFor("get_input_config");
    for (let beats = 0; beats < 4; beats++) {
      await bench.pass(30_000);
      const before = bench.door.counters.framesReceived;
      peer.beat();
      await waitUntil("the beat to arrive", () => bench.door.counters.framesReceived > before);
    }
    assert.equal((await bench.call("GET", `/${ID}`)).body.content.status, "online");
    await bench.pass(47_000);
    const { status_reason } = await bench.waitFor(ID, "offline");
    assert.match(status_reason, /silent/);
    const asked = await bench.call("POST", `/${ID}/inputs`, cpu());
    assert.deepEqual([asked.status, asked.body.code], [404, "dataway.datakitNotFound"]);
    assert.equal((await peer.waitClosed()).code, 1001);
  });

  test("a WebSocket ping is a sign of life", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    await peer.waitFor("get_input_config");
    for (let pings = 0; pings < 3; pings++) {
      await bench.pass(40_000);
      peer.ping();
      await waitUntil("the pong", () => peer.pongs > pings);
    }
    assert.equal((await bench.call("GET", `/${ID}`)).body.content.status, "online");
  });

  test("one that never beats is not missed for it", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    await bench.pass(3_600_000);
    assert.equal((await bench.call("GET", `/${ID}`)).body.content.status, "online");
  });

  test("the newest socket wins, and the end of the older one ends nothing else", async (context) => {
    const bench = await openDatawayBench(context);
    const options = { gatewayUrl: bench.wsUrl, id: ID, token: bench.token };
    const old = await new EraBDatakit(options).connect();
    await bench.waitFor(ID, "online");
    const newer = await new EraBDatakit(options).connect();
    context.after(() => newer.vanish());
    assert.deepEqual(await old.waitClosed(), { code: 1001, reason: "a newer connection took over" });
    await newer.waitFor("get_input_config");
    await settle();
    const { status, status_reason } = (await bench.call("GET", `/${ID}`)).body.content;
    assert.deepEqual([status, status_reason], ["online", "connected"]);
    const { body } = await bench.call("GET", `/${ID}/samples/cpu`);
    assert.equal(body.code, "ok");
    assert.equal([...bench.door.connected()].length, 1);
  });

  test("an end that comes from several sides at once is one end", async (context) => {
    const bench = await openDatawayBench(context);
    const { id, token } = await bench.access.enrollment.create({ name: "hosts" }, "tests");
    const peer = new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token });
    peer.behind = ["dkid_behind"];
    await peer.connect();
    const { agent_id } = await bench.waitFor(ID, "online");
    await bench.waitFor("dkid_behind", "online");
    const ends: string[] = [];
    bench.door.watch(({ id, change }) => change === "offline" && ends.push(id));
    peer.close();
    await Promise.all([bench.access.enrollment.remove(id), bench.fleet.agents.remove(agent_id)]);
    peer.vanish();
    await waitUntil("both to be gone", () => [...bench.door.connected()].length === 0);
    await bench.waitFor("dkid_behind", "offline");
    await waitUntil("the socket to be gone", () => bench.door.counters.connections === 0);
    assert.deepEqual(ends.sort(), [ID, "dkid_behind"].sort());
    // nothing of it is left that would stand in the way of the next one
    const next = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => next.vanish());
    await bench.waitFor(ID, "online");
  });

  test("an id that somebody with another token is connected under is refused before the upgrade", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    await bench.waitFor(ID, "online");
    const { token } = await bench.access.enrollment.create({ name: "others" }, "tests");
    const thief = new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token });
    await assert.rejects(thief.connect(), /403/);
    // the same when the id comes in the first message only
    const late = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token }).connect();
    assert.equal((await late.waitClosed()).code, 1008);
    assert.equal((await bench.call("GET", `/${ID}`)).body.content.status, "online");
    // once it is gone, its successor may come with a new token
    peer.vanish();
    await bench.waitFor(ID, "offline");
    const heir = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token }).connect();
    context.after(() => heir.vanish());
    await bench.waitFor(ID, "online");
  });

  test("an online of several is a cascade: each is met, asked by its id, and gone when it is named no more", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = new SeedDatakit({ gatewayUrl: bench.wsUrl, id: "agnt_gateway", token: bench.token });
    peer.behind = ["dkid_left", "dkid_right"];
    await peer.connect();
    context.after(() => peer.vanish());
    await bench.waitFor("dkid_left", "online");
    await bench.waitFor("dkid_right", "online");
    await bench.call("GET", "/dkid_right/samples/cpu");
    await bench.call("GET", "/agnt_gateway/samples/cpu");
    assert.deepEqual(
      peer.of("get-config").map((message) => message.dest),
      [["dkid_right"], ["agnt_gateway"]],
    );
    peer.behind = ["dkid_left"];
    peer.sendOnline();
    await bench.waitFor("dkid_right", "offline");
    assert.equal((await bench.call("GET", "/dkid_left")).body.content.status, "online");
    peer.vanish();
    await bench.waitFor("dkid_left", "offline");
  });

  test("one socket speaks for a hundred DataKits and no more", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = new SeedDatakit({ gatewayUrl: bench.wsUrl, id: "agnt_gateway", token: bench.token });
    peer.behind = Array.from({ length: 150 }, (_, index) => `dkid_${index}`);
    await peer.connect();
    context.after(() => peer.vanish());
    await bench.waitFor("dkid_98", "online");
    assert.equal([...bench.door.connected()].length, 100);
  });

  test("a list that names others makes room for them first", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = new SeedDatakit({ gatewayUrl: bench.wsUrl, id: "agnt_gateway", token: bench.token });
    peer.behind = Array.from({ length: 99 }, (_, index) => `dkid_${index}`);
    await peer.connect();
    context.after(() => peer.vanish());
    await bench.waitFor("dkid_98", "online");
    peer.behind = ["dkid_new"];
    peer.sendOnline();
    await bench.waitFor("dkid_new", "online");
  });

  test("whom one socket names counts like those that dial, and is met as soon as there is room", async (context) => {
    const bench = await openDatawayBench(context, { admitRate: 20 });
    const peer = new SeedDatakit({ gatewayUrl: bench.wsUrl, id: "agnt_gateway", token: bench.token });
    peer.behind = Array.from({ length: 59 }, (_, index) => `dkid_${index}`);
    await peer.connect();
    context.after(() => peer.vanish());
    await bench.waitFor("dkid_30", "online");
    assert.ok([...bench.door.connected()].length < 60, "two seconds' worth of the rate");
    await waitUntil("the rest", () => {
      bench.clock.advance(500);
      return [...bench.door.connected()].length === 60;
    });
  });

  test("one socket may not name one DataKit after the other without end", async (context) => {
    const bench = await openDatawayBench(context, { admitRate: 5_000 });
    const peer = new SeedDatakit({ gatewayUrl: bench.wsUrl, id: "agnt_gateway", token: bench.token });
    await peer.connect();
    for (let list = 0; list < 11; list++) {
      peer.behind = Array.from({ length: 99 }, (_, index) => `dkid_${list}_${index}`);
      peer.sendOnline();
    }
    assert.deepEqual(await peer.waitClosed(), { code: 1008, reason: "it has named 1000 DataKits" });
    await waitUntil("those to be stored", async () => (await bench.fleet.agents.counts()).total === 1000);
  });

  test("whoever says nothing sensible is sent away, and so is who does not say who it is", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    for (let count = 0; count < 10; count++) peer.sendText("{nonsense");
    assert.equal((await peer.waitClosed()).code, 1008);
    const silent = new SeedDatakit({ gatewayUrl: bench.ownWsUrl, id: ID, token: bench.token });
    silent.sendOnline = () => {};
    await silent.connect();
    await silent.waitFor("online");
    await bench.pass(31_000);
    assert.equal((await silent.waitClosed()).code, 1008);
  });

  test("nothing that a DataKit says does more than go uncounted", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    const deep = `${"[".repeat(100)}${"]".repeat(100)}`;
    const values = [null, 0, -1, 1e308, "", "x", "../..", [], [null], {}, { id: 1 }, [{ id: "y".repeat(5000) }], true];
    for (const type of [
      "online",
      "heartbeat",
      "config",
      "reload",
      "modifyStatus",
      "get_input_config",
      0,
      6,
      99,
      "constructor",
    ]) {
      for (const value of values) {
        peer.send({
          type,
          id: value,
          trace_id: value,
          dest: value,
          msgs: value,
          msg: value,
          code: value,
          status: value,
        });
        peer.send({ type, b64data: Buffer.from(JSON.stringify(value)).toString("base64"), Raw: value, code: "ok" });
      }
      // something sensible in between, since ten of the others in a row end it
      peer.beat();
    }
    for (const text of ["", "null", "[]", deep, '{"type":"online","msgs":{"__proto__":{"id":"z"}}}'])
      peer.sendText(text);
    peer.beat();
    await bench.call("GET", `/${ID}/samples/cpu`);
    assert.equal((await bench.call("GET", `/${ID}`)).body.content.status, "online");
    // it may have passed itself off as one of another era: a new connection begins anew
    const again = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    context.after(() => again.vanish());
    await again.waitFor("get_input_config");
    assert.equal((await bench.call("GET", `/${ID}/samples/cpu`)).status, 200);
  });

  test("when the server stops DataKits are sent away, not all at once", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    await bench.waitFor(ID, "online");
    bench.fleet.sessions.drain(1_000);
    await bench.pass(2_000);
    assert.deepEqual(await peer.waitClosed(), { code: 1001, reason: "the server is stopping" });
  });

  test("a deleted DataKit loses its socket", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = await new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.token }).connect();
    const { agent_id } = await bench.waitFor(ID, "online");
    await bench.fleet.agents.remove(agent_id);
    assert.equal((await peer.waitClosed()).code, 1008);
  });

  test("every path of the intake is in the table of the main port", () => {
    for (const { path, covers } of INTAKE_PATHS) {
      for (const one of covers === "tree" ? [path, `${path}/below`] : [path])
        assert.deepEqual(findOwner(one), { door: "dataway" }, one);
    }
  });
});
