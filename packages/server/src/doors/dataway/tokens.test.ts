import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  EraBDatakit,
  findFreePort,
  ManualClock,
  SeedDatakit,
  settle,
  startDatawayBackend,
  waitUntil,
} from "@muster/testing";
import { openDatawayBench } from "./test-bench.ts";
import { BackendChecks } from "./token-checks.ts";

const ID = "dkid_bt6um9bksvvesmk79370";
const GOOD = "tkn_0123456789abcdef0123456789abcdef";

describe("tokens of DataKits", () => {
  test("none is 401, a wrong one 403, and a revoked one ends the connection with 1008", async (context) => {
    const bench = await openDatawayBench(context);
    const dial = (query: string) => new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: "", query }).connect();
    await assert.rejects(dial(`id=${ID}`), /401/);
    await assert.rejects(dial(`id=${ID}&token=`), /401/);
    await assert.rejects(dial(`id=${ID}&token=${GOOD}`), /403/);
    await assert.rejects(dial(`id=${ID}&token=${"x".repeat(600)}`), /403/);
    const { id, token } = await bench.access.enrollment.create({ name: "hosts" }, "tests");
    const peer = await dial(`id=${ID}&token=${token}`);
    await bench.waitFor(ID, "online");
    await bench.access.enrollment.remove(id);
    assert.equal((await peer.waitClosed()).code, 1008);
    await bench.waitFor(ID, "offline");
    await assert.rejects(dial(`id=${ID}&token=${token}`), /403/);
  });

  test("an id that a database or a terminal would take for something else lets nobody in", async (context) => {
    const bench = await openDatawayBench(context);
    const dial = (id: string) =>
      new SeedDatakit({
        gatewayUrl: bench.wsUrl,
        id: ID,
        token: "",
        query: `id=${encodeURIComponent(id)}&token=${bench.token}`,
      }).connect();
    for (const id of ["a\0b", "a\nb", "a\u001b[2Jb", "a\u202eb", "x".repeat(201)])
      await assert.rejects(dial(id), /400/, JSON.stringify(id));
    const peer = await dial(ID);
    context.after(() => peer.vanish());
    peer.send({ type: "online", msgs: [{ id: ID }, { id: "b\0c" }, { id: "dkid_behind" }] });
    await bench.waitFor("dkid_behind", "online");
    assert.equal((await bench.call("GET", "")).body.content.items.length, 2);
  });

  test("where the door is open to addresses none is needed, but one that is shown must be good", async (context) => {
    const bench = await openDatawayBench(context, { isOpen: true });
    const dial = (query: string) => new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: "", query }).connect();
    await assert.rejects(dial(`id=${ID}&token=${GOOD}`), /403/);
    const peer = await dial(`id=${ID}`);
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    await bench.pass(61_000);
    assert.equal(peer.closed, undefined);
    assert.equal((await bench.call("GET", "", undefined, {})).status, 401);
  });

  test("an API token is no token of a DataKit", async (context) => {
    const bench = await openDatawayBench(context);
    const peer = new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: bench.operator });
    await assert.rejects(peer.connect(), /403/);
  });

  test("a backend decides: its yes lets in, its no is 403, and while it does not say it is 503", async (context) => {
    const backend = await startDatawayBackend(context);
    const bench = await openDatawayBench(context, { backend });
    const dial = (token: string) => new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token }).connect();
    backend.tokens.add(GOOD);
    const peer = await dial(GOOD);
    context.after(() => peer.vanish());
    await bench.waitFor(ID, "online");
    await assert.rejects(dial("tkn_unknown"), /403/);
    // ours are not the backend's
    await assert.rejects(dial(bench.token), /403/);
    backend.failWith = 500;
    await assert.rejects(dial("tkn_another"), /503/);
    // what a redirect or a page of somebody else says is no answer either
    backend.failWith = 302;
    await assert.rejects(dial("tkn_another"), /503/);
    backend.failWith = 404;
    await assert.rejects(dial("tkn_another"), /503/);
    assert.equal((await bench.call("GET", `/${ID}`)).body.content.status, "online");
  });

  test("a backend that nobody answers for is 503", async (context) => {
    const backend = await startDatawayBackend(context);
    const port = await findFreePort();
    const gone = { ...backend, url: `http://127.0.0.1:${port}` };
    const bench = await openDatawayBench(context, { backend: gone });
    const dialling = new EraBDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: GOOD }).connect();
    await assert.rejects(dialling, /503/);
  });

  test("what the backend has revoked ends the connection at the next look", async (context) => {
    const backend = await startDatawayBackend(context);
    const bench = await openDatawayBench(context, { backend });
    backend.tokens.add(GOOD);
    const peer = await new SeedDatakit({ gatewayUrl: bench.wsUrl, id: ID, token: GOOD }).connect();
    await bench.waitFor(ID, "online");
    const checked = () => backend.seen.filter(({ url }) => url.startsWith("/v1/check/token/")).length;
    const before = checked();
    backend.failWith = 500;
    await bench.pass(61_000);
    await waitUntil("the backend to be asked again", () => checked() > before);
    await settle();
    assert.equal(peer.closed, undefined);
    backend.failWith = undefined;
    backend.tokens.clear();
    await bench.pass(61_000);
    assert.equal((await peer.waitClosed()).code, 1008);
    await bench.waitFor(ID, "offline");
  });

  test("a yes is believed for a minute, a no for ten seconds, and many ask once", async () => {
    const clock = new ManualClock();
    const asked: string[] = [];
    const answers: Record<string, "good" | "bad" | "unknown"> = { good: "good", nope: "bad", away: "unknown" };
    const ask = async (token: string) => {
      asked.push(token);
      await settle();
      return answers[token] ?? "bad";
    };
    const checks = new BackendChecks(ask, clock);
    const kinds = await Promise.all(
      ["good", "good", "good", "nope", "away"].map(async (token) => (await checks.check(token)).kind),
    );
    assert.deepEqual(kinds, ["good", "good", "good", "bad", "unknown"]);
    assert.deepEqual(asked.splice(0), ["good", "nope", "away"]);
    clock.advance(9_000);
    for (const token of ["good", "nope", "away"]) await checks.check(token);
    assert.deepEqual(asked.splice(0), ["away"]);
    clock.advance(2_000);
    for (const token of ["good", "nope"]) await checks.check(token);
    assert.deepEqual(asked.splice(0), ["nope"]);
    clock.advance(50_000);
    await checks.check("good");
    assert.deepEqual(asked, ["good"]);
  });

  test("made-up tokens do not flood the backend", async () => {
    let asking = 0;
    const checks = new BackendChecks(() => {
      asking++;
      return new Promise(() => {});
    }, new ManualClock());
    const verdicts = Array.from({ length: 200 }, (_, index) => checks.check(`tkn_${index}`));
    assert.equal(asking, 64);
    assert.deepEqual(await verdicts.at(-1), { kind: "unknown" });
  });

  test("the backend is not asked about what is no token, whoever shows it", async () => {
    const checks = new BackendChecks(async (token) => assert.fail(token), new ManualClock());
    for (const token of ["", "abc", "../check", "a b c d", "x".repeat(501)])
      assert.deepEqual(await checks.check(token), { kind: "bad" }, token);
  });
});
