import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { InfluxDB as InfluxDB2, Point as Point2, setLogger } from "@influxdata/influxdb-client";
import { recordListQuerySchema } from "@muster/core/resources";
import { ManualScope } from "@muster/testing";
import { InfluxDB as InfluxDB1 } from "influx";
import { type DatawayBench, openDatawayBench } from "../test-bench.ts";

// it would print what a test provokes
setLogger({ error() {}, warn() {} });

describe("the intake", () => {
  let scope: ManualScope;
  let bench: DatawayBench;

  beforeEach(async () => {
    scope = new ManualScope();
    bench = await openDatawayBench(scope);
  });
  afterEach(() => scope.close());

  const post = async (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) => {
    const response = await fetch(bench.url + path, {
      method: "POST",
      headers: { "x-token": bench.token, ...headers },
      body,
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text), headers: response.headers };
  };
  const send = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(bench.url + path, { method, headers });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text), headers: response.headers };
  };
  const records = async (query: Record<string, string> = {}) =>
    (await bench.fleet.records.list(recordListQuerySchema.parse(query))).items;
  const line = (field = "f=1", stamp = `${bench.clock.now()}`) => `m,host=h1 ${field} ${stamp}`;
  const history = async (name: string) => {
    const [agent] = (await bench.fleet.agents.list({ filter: "h1" })).items;
    const now = bench.clock.now();
    const range = { from: now - 60_000, to: now + 60_000, maxPoints: 1000 };
    const answer = await bench.fleet.pointHistory.query({ agentId: agent?.id ?? "", names: [name], ...range });
    return answer.series.flatMap((series) => series.avg.filter((value) => value !== null));
  };

  test("every category is taken in, under its own name and the old ones", async () => {
    const categories = [
      "logging",
      "object",
      "custom_object",
      "object_change",
      "keyevent",
      "tracing",
      "rum",
      "security",
    ];
    for (const category of [...categories, "network", "profiling", "event"]) {
      const answer = await post(`/v1/write/${category}`, `src,host=h1 message="from ${category}" ${bench.clock.now()}`);
      assert.deepEqual([answer.status, answer.body], [200, {}], category);
    }
    for (const path of ["/v1/write/metric", "/v1/write/metrics", "/v1/write"]) {
      const answer = await post(path, line(`${path.slice(-3).replace("/", "")}=1`));
      assert.deepEqual([answer.status, answer.body], [200, {}], path);
    }
    const found = await records();
    assert.equal(found.length, 11);
    assert.equal(found.filter((record) => record.category === "keyevent").length, 2);
    assert.deepEqual(await history("m.ics"), [1]);
    const unknown = await post("/v1/write/poems", line());
    assert.deepEqual([unknown.status, unknown.body.error_code], [400, "dataway.invalidCategory"]);
  });

  test("bodies may be compressed in five ways, named by header or query", async () => {
    const lines = Buffer.from(line());
    const ways: [string, Buffer][] = [
      ["gzip", gzipSync(lines)],
      ["deflate", deflateSync(lines)],
      ["deflate", deflateRawSync(lines)],
      ["br", brotliCompressSync(lines)],
      ["zstd", zstdCompressSync(lines)],
    ];
    for (const [name, body] of ways) {
      const bytes = Uint8Array.from(body);
      assert.equal((await post("/v1/write/metric", bytes, { "content-encoding": name })).status, 200, name);
      assert.equal((await post(`/v1/write/metric?encoding=${name}`, bytes)).status, 200, name);
    }
    assert.equal((await post("/v1/write/metric", Uint8Array.from(gzipSync(lines)))).status, 200, "unsaid gzip");
    const bad = await post("/v1/write/metric", "no gzip", { "content-encoding": "gzip" });
    assert.deepEqual([bad.status, bad.body.error_code], [400, "dataway.decodeBodyFailed"]);
    const odd = await post("/v1/write/metric", "x", { "content-encoding": "lzma" });
    assert.deepEqual([odd.status, odd.body.error_code], [415, "dataway.unsupportedEncoding"]);
    const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024, "x"));
    const large = await post("/v1/write/metric", Uint8Array.from(bomb), { "content-encoding": "gzip" });
    assert.deepEqual([large.status, large.body.error_code], [413, "dataway.bodyTooLarge"]);
  });

  test("an empty body, one without points and one with a bad line are refused, the last with its place", async () => {
    const empty = await post("/v1/write/metric", "");
    assert.deepEqual([empty.status, empty.body.error_code], [400, "dataway.emptyBody"]);
    const none = await post("/v1/write/metric", "# nothing\n");
    assert.deepEqual([none.status, none.body.error_code], [400, "dataway.noPoints"]);
    const bad = await post("/v1/write/metric", `${line("good=1")}\nm,host=h1 f=x\n`);
    assert.deepEqual([bad.status, bad.body.error_code], [400, "dataway.invalidLinePoint"]);
    assert.match(bad.body.message, /line 2, column 13/);
    assert.equal((await bench.fleet.agents.list({ filter: "h1" })).items.length, 0, "nothing of the batch is kept");
    const json = await post("/v1/write/metric", '[{"measurement":"m"}]', { "content-type": "application/json" });
    assert.deepEqual([json.status, json.body.error_code], [400, "dataway.invalidJsonPoint"]);
    const proto = await post("/v1/write/metric", "xxx", {
      "content-type": "application/protobuf; proto=com.guance.Point",
    });
    assert.deepEqual([proto.status, proto.body.error_code], [400, "dataway.invalidProtobufPoint"]);
  });

  test("lines that call themselves JSON are lines, and JSON is JSON", async () => {
    const type = { "content-type": "application/json" };
    assert.equal((await post("/v1/write/metric", line("py=1"), type)).status, 200);
    const points = [{ measurement: "m", tags: { host: "h1" }, fields: { js: 2 }, time: bench.clock.now() }];
    assert.equal((await post("/v1/write/metric", JSON.stringify(points), type)).status, 200);
    assert.deepEqual([await history("m.py"), await history("m.js")], [[1], [2]]);
  });

  test("the unit of times comes from the query, a header, or their magnitude; InfluxDB's paths mean ns", async () => {
    const ms = bench.clock.now();
    const ways: [string, string, Record<string, string>?][] = [
      ["/v1/write/metric?precision=s", `${Math.floor(ms / 1000)}`],
      ["/v1/write/metric", `${ms}`, { "x-precision": "ms" }],
      ["/v1/write/metric", `${ms}000`],
      ["/v1/write/metric", `${ms}000000`],
      ["/write?db=x", `${ms}000000`],
      ["/write?db=x&precision=u", `${ms}000`],
      ["/api/v2/write?bucket=b&precision=ms", `${ms}`],
    ];
    for (const [index, [path, stamp, headers]] of ways.entries()) {
      assert.ok([200, 204].includes((await post(path, line(`p${index}=1`, stamp), headers)).status), path);
      assert.deepEqual(await history(`m.p${index}`), [1], path);
    }
    const bad = await post("/v1/write/metric?precision=fortnight", line());
    assert.deepEqual([bad.status, bad.body.error_code], [400, "dataway.invalidPrecision"]);
  });

  test("a token may come in every way that a client knows; without a good one nothing is written", async () => {
    const { token, operator } = bench;
    const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    const ways: [string, Record<string, string>][] = [
      [`/v1/write/metric?token=${token}`, {}],
      ["/v1/write/metric", { "x-token": token }],
      ["/v1/write/metric", { authorization: `Token ${token}` }],
      ["/v1/write/metric", { authorization: `Bearer ${operator}` }],
      ["/v1/write/metric", { authorization: basic(`anybody:${token}`) }],
      [`/write?db=x&u=any&p=${token}`, {}],
      [`/write?db=${token}`, {}],
    ];
    for (const [path, headers] of ways) {
      const answer = await fetch(bench.url + path, { method: "POST", headers, body: line() });
      assert.ok(answer.ok, path + JSON.stringify(headers));
      await answer.body?.cancel();
    }
    const viewer = await bench.createApiToken("viewer");
    for (const bad of ["tkn_00000000000000000000000000000000", viewer, ""]) {
      const headers: Record<string, string> = bad === "" ? {} : { "x-token": bad };
      const refused = await send("POST", "/v1/write/metric", headers);
      assert.deepEqual([refused.status, refused.body.error_code], [403, "dataway.tokenNotFound"]);
      assert.equal((await send("POST", "/write?db=x", headers)).status, 401);
      assert.equal((await send("POST", "/api/v2/write", headers)).body.code, "unauthorized");
    }
  });

  test("a store that is away makes writers come again", async () => {
    const { points } = bench.fleet;
    const take = points.take.bind(points);
    points.take = () => Promise.reject(Object.assign(new Error("gone"), { name: "MusterError", code: "unavailable" }));
    const answer = await post("/v1/write/metric", line());
    assert.deepEqual([answer.status, answer.body.error_code], [503, "dataway.unavailable"]);
    assert.equal(answer.headers.get("retry-after"), "5");
    points.take = take;
  });

  test("the first agents' cookie and today's header say whose points they are", async () => {
    const cookie = "uuid=dkid_1;name=n;hostname=box;max_post_interval=30s;version=1;os=linux;arch=amd64";
    await post("/v1/write/metric", "m f=1", { cookie });
    await post("/v1/write/metric", "m g=1", { "x-datakit-uuid": "dkid_1" });
    const { items } = await bench.fleet.agents.list({});
    assert.deepEqual(
      items.map((agent) => agent.externalId),
      ["dkid_1"],
    );
  });

  test("a body that comes again under the same name is kept once, however many send it at the same time", async () => {
    const named = { "x-pkg-id": "dk_bt6um9bksvvesmk79370", "x-datakit-uuid": "dk-1" };
    const body = `app,host=h1 message="once" ${bench.clock.now()}`;
    const first = await Promise.all([1, 2, 3].map(() => post("/v1/write/logging", body, named)));
    assert.ok(first.every((answer) => answer.status === 200));
    assert.equal((await post("/v1/write/logging", body, named)).status, 200);
    assert.equal((await records()).length, 1);
    await post("/v1/write/logging", body, { ...named, "x-datakit-uuid": "dk-2" });
    await post("/v1/write/keyevent", body, named);
    const { token } = await bench.access.enrollment.create({ name: "others" }, "tests");
    await post("/v1/write/keyevent", body, { ...named, "x-token": token });
    assert.equal((await records()).length, 4, "nobody can use up the names of another token's writers");
    await bench.fleet.records.prune(bench.clock.now() + 2 * 86_400_000, () => 10 * 86_400_000);
    await post("/v1/write/logging", body, named);
    assert.equal((await records()).length, 5);
  });

  test("the newest state of an object is kept beside its history", async () => {
    const at = bench.clock.now();
    await post("/v1/write/object", `HOST,host=h1,name=h1 message="old" ${at}`);
    await post("/v1/write/object", `HOST,host=h1,name=h1 message="new" ${at + 1000}`);
    await post("/v1/write/object", `HOST,host=h1,name=h1 message="late" ${at - 1000}`);
    assert.deepEqual(
      (await records({ latest: "true" })).map((record) => record.message),
      ["new"],
    );
    assert.equal((await records({ category: "object" })).length, 3);
  });

  test("what agents ask besides is answered in the shapes that they know", async () => {
    const token = { "x-token": bench.token };
    assert.deepEqual((await send("GET", `/v1/check/token/${bench.token}`)).body, {
      code: 200,
      errorCode: "",
      message: "",
    });
    const bad = await send("GET", "/v1/check/token/tkn_0");
    assert.deepEqual([bad.status, bad.body.errorCode], [403, "dataway.tokenNotFound"]);
    assert.deepEqual((await send("GET", "/v1/datakit/pull?filters=true", token)).body, {
      filters: {},
      pull_interval: 30_000_000_000,
    });
    assert.deepEqual((await send("GET", "/v2/list/dataway", token)).body.content, { dataway_list: [], interval: 60 });
    assert.deepEqual((await send("GET", "/v1/ntp")).body, { timestamp_sec: Math.floor(bench.clock.now() / 1000) });
    const workspace = await post("/v1/workspace", JSON.stringify({ token: [bench.token] }));
    assert.equal(workspace.body.content[0].token.token, bench.token);
    assert.equal((await post("/v1/datakit/usage_trace", "{}")).status, 200);
    assert.equal((await post("/v1/write/heartbeat", JSON.stringify({ dk_uuid: "dkid_2", host: "h2" }))).status, 200);
    assert.equal((await bench.fleet.agents.list({ filter: "h2" })).items[0]?.status, "online");
    assert.equal((await post("/v1/query/raw", "{}")).body.error_code, "dataway.notSupported");
    assert.equal((await send("GET", "/v1/datakit/pull")).status, 403);
    const preflight = await send("OPTIONS", "/v1/write/metric", { origin: "https://example.com" });
    assert.equal(preflight.status, 204);
    assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /X-Token/);
    assert.equal((await send("GET", "/v1/write/metric", token)).status, 405);
  });

  test("of several candidates of a namespace one is elected, until it stays away", async () => {
    const stand = async (id: string, namespace = "n") => {
      const { body } = await post(`/v1/election?namespace=${namespace}&id=${id}`, "");
      return [body.content.status, body.content.incumbency_id];
    };
    const all = await Promise.all(["a", "b", "c"].map((id) => stand(id)));
    const winners = all.filter(([status]) => status === "success");
    assert.equal(winners.length, 1);
    const winner = winners[0]?.[1];
    assert.ok(all.every(([, holder]) => holder === winner));
    assert.deepEqual(await stand("z", "other"), ["success", "z"]);
    await bench.pass(30_000);
    assert.deepEqual(await stand("late"), ["success", "late"]);
    assert.deepEqual(await stand(winner), ["defeat", "late"]);
  });

  test("InfluxDB's questions before writing are answered, others clearly not", async () => {
    assert.equal((await send("GET", "/ping")).status, 204);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const created = await post("/query", new URLSearchParams({ q: 'CREATE DATABASE "telegraf"' }).toString(), form);
    assert.deepEqual([created.status, created.body], [200, { results: [{ statement_id: 0 }] }]);
    const shown = await post("/query?q=SHOW%20DATABASES", "");
    assert.deepEqual(shown.body.results[0].series[0].columns, ["name"]);
    const other = await post("/query?q=SELECT%201", "");
    assert.equal(other.status, 400);
    assert.match(other.body.error, /unsupported/);
    const bad = await post("/write?db=x", "m f=");
    assert.equal(bad.status, 400);
    assert.match(bad.body.error, /line 1/);
  });

  test("a client of InfluxDB 1 that we did not write makes its database and writes", async () => {
    const { hostname, port } = new URL(bench.url);
    const client = new InfluxDB1({
      hosts: [{ host: hostname, port: Number(port), protocol: "http" }],
      database: "telegraf",
      username: "any",
      password: bench.token,
    });
    await client.createDatabase("telegraf");
    assert.deepEqual(await client.getDatabaseNames(), ["muster"]);
    const timestamp = new Date(bench.clock.now());
    await client.writePoints([{ measurement: "m", tags: { host: "h1" }, fields: { one: 4.5, n: 3 }, timestamp }]);
    assert.deepEqual(await history("m.one"), [4.5]);
    await assert.rejects(client.query("SELECT * FROM m"), /unsupported/);
    assert.ok((await client.ping(1000)).every((answer) => answer.online));
  });

  test("a client of InfluxDB 2 that we did not write writes, compressed", async () => {
    const client = new InfluxDB2({ url: bench.url, token: bench.token });
    const writer = client.getWriteApi("org", "bucket", "ms", { gzipThreshold: 10, maxRetries: 0 });
    const point = new Point2("m").tag("host", "h1").floatField("two", 2.5).stringField("s", 'a "b" \\ c');
    writer.writePoint(point.timestamp(new Date(bench.clock.now())));
    await writer.close();
    assert.deepEqual(await history("m.two"), [2.5]);
    const stranger = new InfluxDB2({ url: bench.url, token: "none" }).getWriteApi("o", "b", "ms", { maxRetries: 0 });
    stranger.writePoint(new Point2("m").intField("x", 1));
    await assert.rejects(stranger.close(), /token not found/);
  });
});
