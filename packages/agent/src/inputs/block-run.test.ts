import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeKind, ID, pointOf, startHost, textOf } from "./fakes-for-test.ts";

const COLLECTS = /^collect/;
const count = (events: readonly string[], pattern: RegExp) => events.filter((event) => pattern.test(event)).length;

test("a block collects at once and then at its interval, never twice at a time", async (scope) => {
  const events: string[] = [];
  const slow = { release: () => {} };
  const kind = fakeKind(events, {
    slow: () => ({
      collect: () =>
        new Promise((resolve) => {
          slow.release = resolve;
        }),
    }),
  });
  const files = {
    [`${ID}.conf`]: textOf("a", '  interval = "3s"\n'),
    "slow.conf": textOf("slow", '  interval = "1s"\n'),
  };
  const { clock } = await startHost(scope, { kinds: [kind as never], files: {} }).then(async (host) => {
    for (const [name, text] of Object.entries(files)) host.put(name, text);
    await host.ask({ method: "inputs.list" });
    return host;
  });
  await clock.advanceAndSettle(1);
  assert.deepEqual([count(events, /collect a/), count(events, /collect slow/)], [1, 1]);
  await clock.advanceAndSettle(9000);
  // the slow one hangs and has held up nobody
  assert.deepEqual([count(events, /collect a/), count(events, /collect slow/)], [4, 1]);
  slow.release();
  await clock.advanceAndSettle(1000);
  assert.equal(count(events, /collect slow/), 2);
});

test("what starts together collects at moments of its own, in the same beat ever after", async (scope) => {
  const events: string[] = [];
  const draws = [0.2, 0.5, 0.8];
  const files = { "a.conf": textOf("a"), "b.conf": textOf("b"), "c.conf": textOf("c") };
  const host = await startHost(scope, { kinds: [fakeKind(events)], files, random: () => draws.shift() ?? 0 });
  const collected = async (ms: number) => {
    events.length = 0;
    await host.clock.advanceAndSettle(ms);
    return events.map((event) => event.replace("collect ", "")).join("");
  };
  await host.clock.advanceAndSettle(1000 - (host.clock.monotonic() % 1000));
  const seconds: string[] = [];
  for (let second = 1; second < 20; second++) seconds.push(await collected(1000));
  assert.match(seconds.join(","), /^,*a,,,b,,,c,,,,a,,,b,,,c,*$/);
});

test("a collection that takes too long is told to end, and its collector starts again", async (scope) => {
  const events: string[] = [];
  let reason: unknown;
  const kind = fakeKind(events, {
    hangs: () => ({
      collect: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            reject(new Error("aborted"));
          });
        }),
    }),
  });
  const host = await startHost(scope, { kinds: [kind], files: { "x.conf": textOf("hangs") } });
  await host.clock.advanceAndSettle(9500);
  assert.equal(host.report("x.conf")?.status, "running");
  await host.clock.advanceAndSettle(600);
  assert.match(String(reason), /took longer than 10s/);
  assert.deepEqual(
    [host.report("x.conf")?.status, host.report("x.conf")?.error],
    ["failed", "the collection took longer than 10s"],
  );
  assert.deepEqual(events, ["start hangs", "collect hangs", "stop hangs"]);
  await host.clock.advanceAndSettle(1000);
  assert.deepEqual(events.slice(3), ["start hangs", "collect hangs"]);
});

test("one that cannot be ended is reported, and no second one starts beside it", async (scope) => {
  const events: string[] = [];
  const kind = fakeKind(events, { deaf: () => ({ collect: () => new Promise(() => {}) }) });
  const host = await startHost(scope, { kinds: [kind], files: { "x.conf": textOf("deaf") } });
  await host.clock.advanceAndSettle(60_000);
  assert.match(host.report("x.conf")?.error ?? "", /took longer than 10s and cannot be ended/);
  assert.deepEqual(events, ["start deaf", "collect deaf"]);
});

test("a crashing collector is started again after 1 s, doubling up to a minute, and told as failed meanwhile", async (scope) => {
  const events: string[] = [];
  let isBroken = true;
  const starts: number[] = [];
  const kind = fakeKind(events, {
    crash: ({ clock, emit }) => ({
      async start() {
        starts.push(clock.monotonic() / 1000);
      },
      async collect() {
        if (isBroken) throw new Error("no such thing");
        await emit("metric", [pointOf(1)]);
      },
    }),
  });
  const host = await startHost(scope, { kinds: [kind], files: { "x.conf": textOf("crash") } });
  await host.clock.advanceAndSettle(240_000);
  assert.deepEqual(
    starts.slice(1).map((at, index) => Math.round(at - (starts[index] ?? 0))),
    [1, 2, 4, 8, 16, 32, 60, 60],
  );
  assert.deepEqual([host.report("x.conf")?.status, host.report("x.conf")?.error], ["failed", "no such thing"]);
  isBroken = false;
  await host.clock.advanceAndSettle(60_000);
  assert.deepEqual([host.report("x.conf")?.status, host.report("x.conf")?.error], ["running", null]);
  assert.equal(count(events, COLLECTS) > 3, true);
});

test("a collector's words about a trouble are shown while it runs, until points come again", async (scope) => {
  const tools: { emit: () => Promise<void>; report: (text: string) => void }[] = [];
  const kind = fakeKind([], {
    own: ({ emit, reportTrouble }) => {
      tools.push({ emit: () => emit("logging", [pointOf(1)]), report: reportTrouble });
      return {};
    },
  });
  const host = await startHost(scope, { kinds: [kind], files: { "x.conf": textOf("own") } });
  tools[0]?.report("the file is not there");
  assert.deepEqual([host.report("x.conf")?.status, host.report("x.conf")?.error], ["running", "the file is not there"]);
  const told = host.told.count;
  await tools[0]?.emit();
  await host.clock.advanceAndSettle(200);
  assert.deepEqual([host.report("x.conf")?.points, host.report("x.conf")?.error], [1, null]);
  assert.equal(host.told.count, told + 1);
});

test("tags: the configuration's win over the collector's, and those over the host's", async (scope) => {
  const kind = fakeKind([], {
    tagged: ({ emit }) => ({ collect: () => emit("metric", [pointOf(1, { site: "own", port: "1", level: "own" })]) }),
  });
  const text = textOf(
    "tagged",
    '  [inputs.fake.tags]\n    level = "configured"\n    where = "__datakit_ip/$datakit_id"\n',
  );
  const host = await startHost(scope, { kinds: [kind], files: { "x.conf": text } });
  assert.deepEqual(host.points[0]?.tags, {
    role: "web",
    site: "own",
    host: "host-1",
    port: "1",
    level: "configured",
    where: "10.0.0.1/agent-1",
  });
});
