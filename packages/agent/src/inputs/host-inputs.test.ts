import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir } from "@muster/testing";
import { parsePolicy } from "../policy.ts";
import type { CollectorTools } from "./collector.ts";
import {
  type Behaviour,
  fakeKind,
  ID,
  OTHER_ID,
  outcomeOf,
  pointOf,
  setCall,
  startHost,
  type TestHost,
  THIRD_ID,
  textOf,
} from "./fakes-for-test.ts";
import { COLLECTOR_KINDS } from "./kinds/index.ts";

const broken = () => ({ collect: () => Promise.reject(new Error("no route")) });

test("a configuration is written after it has started, and the answer says that it runs", async (scope) => {
  const events: string[] = [];
  const host = await startHost(scope, { kinds: [fakeKind(events)] });
  const answer = await host.ask(setCall(ID, textOf("a")));
  assert.ok(answer.ok);
  const [report] = answer.content.inventory?.inputs ?? [];
  assert.deepEqual(
    [report?.id, report?.status, report?.error, report?.managed, report?.inputs, report?.points],
    [ID, "running", null, true, ["fake"], 1],
  );
  assert.equal(readFileSync(join(host.confDir, `${ID}.conf`), "utf8"), textOf("a"));
  assert.deepEqual(events, ["start a", "collect a"]);
});

test("what is wrong is said exactly, and nothing is written", async (scope) => {
  const kind = fakeKind([], {
    refuses: () => ({ start: () => Promise.reject(new Error("port 8125 is in use")) }),
  });
  const ping = { ...kind, name: "ping", aliases: ["icmp"], sample: "", runsPrograms: true };
  const host = await startHost(scope, { kinds: [kind, ping] });
  const refused: [string, ReturnType<typeof setCall>][] = [
    ["datakit.invalidConfig 400 2 8", setCall(ID, "[[inputs.fake]]\n  as = = 1\n")],
    ["datakit.invalidConfig 400 3", setCall(ID, "[[inputs.fake]]\n  as = 'a'\n  colour = 1\n")],
    ["datakit.invalidConfig 400 2", setCall(ID, "[[inputs.fake]]\n  as = 1\n")],
    ["datakit.invalidConfig 400 3", setCall(ID, textOf("a", '  interval = "soon"\n'))],
    ["datakit.invalidConfig 400", setCall(ID, "# nothing\n")],
    ["datakit.invalidConfig 400 1", setCall(ID, textOf("a"), { input: "ping" })],
    ["datakit.inputNotFound 404", setCall(ID, textOf("a"), { input: "nginx" })],
    ["datakit.inputNotFound 404 3", setCall(ID, `${textOf("a")}[[inputs.nginx]]\n`)],
    ["datakit.unsupportedInputType 400", setCall(ID, textOf("a"), { input: "nginx", inputType: "telegraf" })],
    ["datakit.unsupportedInputType 400", setCall(ID, textOf("a"), { inputType: "beats" })],
    ["datakit.invalidConfig 400", setCall(ID, textOf("refuses"))],
    ["datakit.duplicateInput 409", setCall(ID, `${textOf("a")}[[inputs.fake]]\n  as='a' # again\n`)],
    ["datakit.badRequest 400", setCall(`../${ID}`, textOf("a"))],
    ["datakit.badRequest 400", setCall(ID.toUpperCase(), textOf("a"))],
  ];
  for (const [expected, call] of refused) assert.equal(outcomeOf(await host.ask(call)), expected, JSON.stringify(call));
  const failure = await host.ask(setCall(ID, textOf("refuses")));
  assert.match(failure.ok ? "" : failure.failure.message, /port 8125 is in use/);
  assert.deepEqual(readdirSync(host.confDir), []);
  // Telegraf's name of an equal collector is as good
  assert.equal(
    outcomeOf(await host.ask(setCall(ID, '[[inputs.icmp]]\nas = "x"\n', { input: "icmp", inputType: "telegraf" }))),
    "ok",
  );
});

test("enabled twice, disabled twice, unknown and unmanaged: 4xx, and lists are all or nothing", async (scope) => {
  const host = await startHost(scope, { kinds: [fakeKind([])], files: { "mysql-2.conf": textOf("foreign") } });
  await host.ask(setCall(ID, textOf("a")));
  await host.ask(setCall(OTHER_ID, textOf("b")));
  const ask = async (method: "inputs.enable" | "inputs.disable", ...ids: string[]) =>
    outcomeOf(await host.ask({ method, ids }));
  assert.equal(await ask("inputs.enable", ID), "datakit.inputAlreadyEnabled 400");
  assert.equal(await ask("inputs.disable", ID, THIRD_ID), "datakit.inputNotFound 404");
  assert.equal(await ask("inputs.disable", ID, "mysql-2.conf"), "datakit.inputUnmanaged 403");
  assert.equal(await ask("inputs.disable"), "datakit.badRequest 400");
  assert.equal(host.report(ID)?.status, "running");
  assert.equal(await ask("inputs.disable", ID), "ok");
  assert.equal(await ask("inputs.disable", OTHER_ID, ID), "datakit.inputNotEnabled 400");
  assert.deepEqual([host.report(ID)?.status, host.report(OTHER_ID)?.status], ["disabled", "running"]);
  assert.equal(readFileSync(join(host.confDir, `${ID}.conf.disabled`), "utf8"), textOf("a"));
  assert.equal(await ask("inputs.enable", ID), "ok");
  assert.equal(host.report(ID)?.status, "running");

  assert.deepEqual(
    [
      host.report("mysql-2.conf")?.status,
      host.report("mysql-2.conf")?.managed,
      host.points.some((point) => point.tags.as === "foreign"),
    ],
    ["running", false, true],
  );
  for (const call of [
    setCall("mysql-2.conf", textOf("x")),
    { method: "inputs.remove", id: "mysql-2.conf" } as const,
    { method: "inputs.read", id: "mysql-2.conf" } as const,
  ])
    assert.equal(outcomeOf(await host.ask(call)), "datakit.inputUnmanaged 403");
});

test("a list that cannot be enabled whole is not enabled at all", async (scope) => {
  let isBusy = false;
  const kind = fakeKind([], {
    busy: () => ({
      async start() {
        if (isBusy) throw new Error("busy");
      },
    }),
  });
  const host = await startHost(scope, { kinds: [kind] });
  await host.ask(setCall(ID, textOf("a")));
  await host.ask(setCall(OTHER_ID, textOf("busy")));
  await host.ask({ method: "inputs.disable", ids: [ID, OTHER_ID] });
  isBusy = true;
  assert.equal(
    outcomeOf(await host.ask({ method: "inputs.enable", ids: [ID, OTHER_ID] })),
    "datakit.invalidConfig 400",
  );
  assert.deepEqual([host.report(ID)?.status, host.report(OTHER_ID)?.status], ["disabled", "disabled"]);
  assert.deepEqual(readdirSync(host.confDir).sort(), [`${ID}.conf.disabled`, `${OTHER_ID}.conf.disabled`].sort());
});

test("an agent that dies in the middle of switching a list starts with all of it off", async (scope) => {
  const copies = [await makeTempDir(scope), await makeTempDir(scope)];
  let from: string | undefined;
  const dies: Behaviour = () => ({
    // what the disk holds at this moment is all that a next agent would find
    async start() {
      if (from !== undefined) cpSync(from, join(copies[0] ?? "", "conf.d"), { recursive: true });
    },
    async stop() {
      if (from !== undefined) cpSync(from, join(copies[1] ?? "", "conf.d"), { recursive: true });
    },
  });
  const host = await startHost(scope, { kinds: [fakeKind([], { dies })] });
  await host.ask(setCall(ID, textOf("a")));
  await host.ask(setCall(OTHER_ID, textOf("dies")));
  await host.ask({ method: "inputs.disable", ids: [ID, OTHER_ID] });
  from = host.confDir;
  assert.equal(outcomeOf(await host.ask({ method: "inputs.enable", ids: [ID, OTHER_ID] })), "ok");
  assert.equal(outcomeOf(await host.ask({ method: "inputs.disable", ids: [ID, OTHER_ID] })), "ok");
  for (const root of copies) {
    const next = await startHost(scope, { kinds: [fakeKind([])], root });
    assert.deepEqual([next.report(ID)?.status, next.report(OTHER_ID)?.status], ["disabled", "disabled"]);
  }
});

test("the same meaning in another file is refused, and allowed once that one is gone", async (scope) => {
  const host = await startHost(scope, { kinds: [fakeKind([])] });
  await host.ask(setCall(ID, textOf("a", '  interval = "5s"\n')));
  const same = '# other words\n[[inputs.fake]]\ninterval="5s"\nas  =  "a"';
  assert.equal(outcomeOf(await host.ask(setCall(OTHER_ID, same))), "datakit.duplicateInput 409");
  assert.equal(outcomeOf(await host.ask({ method: "inputs.remove", id: ID })), "ok");
  assert.equal(outcomeOf(await host.ask({ method: "inputs.remove", id: ID })), "datakit.inputNotFound 404");
  assert.equal(outcomeOf(await host.ask(setCall(OTHER_ID, same))), "ok");
  // switched off it is in nobody's way; switched on again it would be
  await host.ask({ method: "inputs.disable", ids: [OTHER_ID] });
  assert.equal(outcomeOf(await host.ask(setCall(ID, textOf("a", '  interval = "5s"\n')))), "ok");
  assert.equal(outcomeOf(await host.ask({ method: "inputs.enable", ids: [OTHER_ID] })), "datakit.duplicateInput 409");
});

test("what runs once on a host runs from one file, and from the next when that one is gone", async (scope) => {
  const kind = fakeKind([], {}, { singleton: true });
  const host = await startHost(scope, { kinds: [kind], files: { "a.conf": textOf("a"), "b.conf": textOf("b") } });
  assert.deepEqual([host.report("a.conf")?.status, host.report("b.conf")?.status], ["running", "failed"]);
  assert.match(host.report("b.conf")?.error ?? "", /runs once on a host, and does already: a\.conf/);
  assert.equal(outcomeOf(await host.ask(setCall(ID, textOf("c")))), "datakit.duplicateInput 409");
  rmSync(join(host.confDir, "a.conf"));
  await host.ask({ method: "inputs.reload" });
  assert.equal(host.report("b.conf")?.status, "running");
});

test("reload with a broken file: the others run on untouched, and the answer names the broken one", async (scope) => {
  const events: string[] = [];
  const host = await startHost(scope, {
    kinds: [fakeKind(events)],
    files: { "a.conf": textOf("a"), "b.conf": textOf("b") },
  });
  host.put("b.conf", "[[inputs.fake]]\n as = \n");
  host.put("c.conf", "[[inputs.fake\n");
  host.put("d.conf", textOf("d"));
  const answer = await host.ask({ method: "inputs.reload" });
  assert.ok(answer.ok);
  const states = answer.content.inventory?.inputs.map(({ id, status, error }) => [id, status, error !== null]);
  assert.deepEqual(states, [
    ["a.conf", "running", false],
    ["b.conf", "fallback", true], // what ran before runs on
    ["c.conf", "failed", true],
    ["d.conf", "running", false],
  ]);
  assert.deepEqual(
    events.filter((event) => /^(start|stop)/.test(event)),
    ["start a", "start b", "start d"],
  );
});

test("in a foreign file what can run does, and comments alone are switched off", async (scope) => {
  const text = `${textOf("a")}[[inputs.unknown]]\n${textOf("b")}`;
  const host = await startHost(scope, {
    kinds: [fakeKind([])],
    files: { "x.conf": text, "none.conf": "# [[inputs.fake]]\n" },
  });
  assert.deepEqual([host.report("x.conf")?.status, host.report("none.conf")?.status], ["running", "disabled"]);
  assert.match(host.report("x.conf")?.error ?? "", /input unknown does not exist/);
  assert.deepEqual(host.points.map((point) => point.tags.as).sort(), ["a", "b"]);
});

test("a new text takes over without a gap and in the beat of the old one; the others are not touched", async (scope) => {
  const events: string[] = [];
  const timed = ({ clock, emit }: CollectorTools) => ({
    collect: () => emit("metric", [pointOf(Math.round(clock.monotonic()))]),
  });
  const host = await startHost(scope, { kinds: [fakeKind(events, { a: timed, b: timed })] });
  await host.ask(setCall(ID, textOf("a")));
  await host.ask(setCall(OTHER_ID, textOf("other")));
  await host.clock.advanceAndSettle(4000);
  events.length = 0;
  await host.ask(setCall(ID, textOf("b")));
  assert.deepEqual(events, ["start b", "collect b", "stop a"]);
  await host.clock.advanceAndSettle(10_000);
  assert.deepEqual(events.slice(3).sort(), ["collect b", "collect other"]);
  const [first, , second] = host.points
    .filter((point) => point.tags.as !== "other")
    .map((point) => Number(point.timeNs));
  assert.equal((second ?? 0) - (first ?? 0), 10_000);
});

test("two that cannot run side by side: the old one ends first, and is back when the new one fails", async (scope) => {
  const events: string[] = [];
  const kind = fakeKind(
    events,
    { fails: () => ({ start: () => Promise.reject(new Error("cannot listen")) }) },
    { exclusive: true },
  );
  const host = await startHost(scope, { kinds: [kind] });
  await host.ask(setCall(ID, textOf("a")));
  await host.ask(setCall(ID, textOf("b")));
  assert.deepEqual(events, ["start a", "collect a", "stop a", "start b", "collect b"]);
  assert.equal(outcomeOf(await host.ask(setCall(ID, textOf("fails")))), "datakit.invalidConfig 400");
  await host.clock.advanceAndSettle(100);
  assert.equal(host.report(ID)?.status, "running");
  assert.deepEqual(events.slice(5), ["stop b", "start fails", "stop fails", "start b", "collect b"]);
  assert.equal(readFileSync(join(host.confDir, `${ID}.conf`), "utf8"), textOf("b"));
});

test("a text that fails in its first collections falls back to the last good one, also after a restart", async (scope) => {
  const kinds = [fakeKind([], { broken })];
  const host = await startHost(scope, { kinds });
  await host.ask(setCall(ID, textOf("a")));
  await host.clock.advanceAndSettle(30_000);
  const answer = await host.ask(setCall(ID, textOf("broken")));
  assert.ok(answer.ok);
  const [report] = answer.content.inventory?.inputs ?? [];
  assert.deepEqual([report?.status, report?.error], ["fallback", "no route"]);
  assert.equal(readFileSync(join(host.confDir, `${ID}.conf`), "utf8"), textOf("broken"));
  host.points.length = 0;
  await host.clock.advanceAndSettle(20_000);
  assert.ok(host.points.length > 0 && host.points.every((point) => point.tags.as === "a"));
  await host.inputs.stop(0);

  const again = await startHost(scope, { kinds, root: join(host.confDir, "..") });
  await again.clock.advanceAndSettle(100);
  assert.deepEqual([again.report(ID)?.status, again.report(ID)?.error], ["fallback", "no route"]);
  // a better text ends it
  await again.ask(setCall(ID, textOf("c")));
  assert.deepEqual([again.report(ID)?.status, again.report(ID)?.error], ["running", null]);
});

test("a first text that fails at run time is kept, told as failed, and tried again", async (scope) => {
  const host = await startHost(scope, { kinds: [fakeKind([], { broken })] });
  assert.equal(outcomeOf(await host.ask(setCall(ID, textOf("broken")))), "ok");
  assert.deepEqual([host.report(ID)?.status, host.report(ID)?.error], ["failed", "no route"]);
  assert.ok(existsSync(join(host.confDir, `${ID}.conf`)));
});

test("a dry run collects and changes nothing", async (scope) => {
  const events: string[] = [];
  const kind = fakeKind(events, {
    broken,
    waits: ({ emit }) => ({ start: async () => void setTimeout(() => void emit("logging", [pointOf(2)]), 1) }),
  });
  const host = await startHost(scope, { kinds: [kind] });
  const call = (toml: string) => ({ method: "inputs.test", input: "fake", inputType: "datakit", toml }) as const;
  const answer = await host.ask(call(textOf("a")));
  assert.ok(answer.ok);
  assert.equal(answer.content.output, "fake,role=web,site=north,host=host-1,as=a value=1 1\n");
  assert.deepEqual(events, ["start a", "collect a", "stop a"]);
  const own = await host.ask(call(textOf("waits")));
  assert.match((own.ok && own.content.output) || "", /value=2 2\n$/);
  assert.equal(outcomeOf(await host.ask(call(textOf("broken")))), "datakit.invalidConfig 400");
  assert.equal(outcomeOf(await host.ask(call("[[inputs.fake]]\nas=\n"))), "datakit.invalidConfig 400 2 4");
  assert.deepEqual([host.points, readdirSync(host.confDir), host.inputs.inventory().inputs], [[], [], []]);
});

test("samples and texts are read, and an unknown collector is not found", async (scope) => {
  const host = await startHost(scope, { kinds: [fakeKind([])] });
  await host.ask(setCall(ID, textOf("a")));
  const sample = await host.ask({ method: "inputs.sample", input: "fake" });
  assert.match((sample.ok && sample.content.toml) || "", /^\[\[inputs\.fake\]\]/);
  const text = await host.ask({ method: "inputs.read", id: ID });
  assert.equal(text.ok && text.content.toml, textOf("a"));
  assert.equal(outcomeOf(await host.ask({ method: "inputs.sample", input: "nginx" })), "datakit.inputNotFound 404");
});

test("files that somebody edits by hand are followed once they have settled", async (scope) => {
  const host = await startHost(scope, { kinds: [fakeKind([])], files: { "a.conf": textOf("a") } });
  host.put("b.conf", "[[inputs.fake]]\n"); // half-written
  await host.clock.advanceAndSettle(2000);
  host.put("b.conf", textOf("b"));
  await host.clock.advanceAndSettle(3000);
  assert.equal(host.report("b.conf")?.status, "running");
  host.put("a.conf", textOf("a2"));
  rmSync(join(host.confDir, "b.conf"));
  const told = host.told.count;
  await host.clock.advanceAndSettle(5000);
  assert.deepEqual([host.report("b.conf"), host.points.at(-1)?.tags.as], [undefined, "a2"]);
  assert.ok(host.told.count > told);
});

test("the host's policy forbids managing, and programs where commands are forbidden", async (scope) => {
  const kind = fakeKind([]);
  const program = { ...kind, name: "exec", runsPrograms: true, sample: '[[inputs.exec]]\nas = "x"\n' };
  const host = await startHost(scope, { kinds: [kind, program] });
  host.policy = parsePolicy({ allow: ["metrics", "inputs"] });
  assert.equal(outcomeOf(await host.ask(setCall(ID, textOf("a")))), "ok");
  const exec = setCall(OTHER_ID, program.sample, { input: "exec" });
  assert.equal(outcomeOf(await host.ask(exec)), "datakit.forbiddenInput 403");
  host.policy = parsePolicy({ allow: ["metrics", "exec"] });
  for (const call of [exec, { method: "inputs.remove", id: ID } as const, { method: "inputs.reload" } as const]) {
    assert.equal(outcomeOf(await host.ask(call)), "datakit.forbiddenInput 403");
  }
  assert.equal(outcomeOf(await host.ask({ method: "inputs.list" })), "ok");
  assert.equal(host.report(ID)?.status, "running");
});

test("the host's policy holds for users, programs and files that an input names", async (scope) => {
  const host = await startHost(scope, { kinds: COLLECTOR_KINDS });
  const run = (input: string, body: string, id = ID) =>
    host.ask(setCall(id, `[[inputs.${input}]]\n${body}\n`, { input })).then(outcomeOf);
  const exec = () => run("exec", 'command = ["echo", "m v=1"]\ninterval = "24h"');
  host.policy = parsePolicy({ users: ["nobody-that-runs-this"] });
  assert.equal(await exec(), "datakit.forbiddenInput 403");
  host.policy = parsePolicy({ "deny-paths": ["/bin", "/usr/bin", "/srv/keys"] });
  assert.equal(await exec(), "datakit.forbiddenInput 403");
  const named = [
    ["logging", 'logfiles = ["/srv/keys/app.log"]'],
    ["logging", 'logfiles = ["/srv/*/*.log"]'],
    ["logging", 'logfiles = ["/srv/x/../keys/app.log"]'],
    ["prom", 'url = "http://127.0.0.1:9/metrics"\nbearer_token_file = "/srv/keys/token"'],
  ];
  for (const [input = "", body = ""] of named) assert.equal(await run(input, body), "datakit.forbiddenInput 403", body);
  assert.equal(await run("logging", 'logfiles = ["/srv/other/*.log"]'), "ok");
  await host.inputs.stop(0);
});

test("a policy that becomes stricter ends what somebody afar made run, at once and after a restart; the owner's own runs on", async (scope) => {
  const programOf = ({ as }: { as: string }) => ({ argv: ["/bin/echo", as], cwd: "/", searchPath: "" });
  const kind = fakeKind([], {}, { runsPrograms: true, programOf: programOf as never });
  const host = await startHost(scope, { kinds: [kind], files: { "own.conf": textOf("own") } });
  await host.ask(setCall(ID, textOf("a")));
  const states = (one: TestHost) => [ID, "own.conf"].map((id) => one.report(id)?.status);
  const told = host.told.count;
  host.policy = parsePolicy({ allow: ["metrics", "inputs"] });
  await host.clock.advanceAndSettle(3000);
  assert.deepEqual(states(host), ["failed", "running"]);
  assert.equal(host.report(ID)?.error, "the policy of this host does not allow exec");
  assert.ok(host.told.count > told);
  await host.ask({ method: "inputs.reload" });
  assert.deepEqual(states(host), ["failed", "running"]);

  const policy = parsePolicy({ "deny-paths": ["/bin", "/usr/bin"] });
  const next = await startHost(scope, { kinds: [kind], root: join(host.confDir, ".."), policy });
  assert.deepEqual(states(next), ["failed", "running"]);
  assert.match(next.report(ID)?.error ?? "", /denies the path/);
  // what was asked for and is allowed again runs again
  next.policy = parsePolicy({ "deny-paths": ["/srv"] });
  await next.clock.advanceAndSettle(3000);
  assert.deepEqual(states(next), ["running", "running"]);
});

test("a text of before does not come back when the policy is against it", async (scope) => {
  const programOf = ({ as }: { as: string }) => ({ argv: [`/bin/${as}`], cwd: "/", searchPath: "" });
  const kind = fakeKind([], { broken }, { runsPrograms: true, programOf: programOf as never });
  const host = await startHost(scope, { kinds: [kind] });
  await host.ask(setCall(ID, textOf("a")));
  await host.clock.advanceAndSettle(70_000);
  await host.ask(setCall(ID, textOf("broken")));
  assert.equal(host.report(ID)?.status, "fallback");
  host.policy = parsePolicy({ "deny-paths": ["/bin/a"] });
  host.points.length = 0;
  await host.clock.advanceAndSettle(30_000);
  assert.equal(host.report(ID)?.status, "failed");
  assert.deepEqual(
    host.points.filter((point) => point.tags.as === "a"),
    [],
  );
});

test("after a stop nothing runs and no timer is left", async (scope) => {
  const events: string[] = [];
  const host = await startHost(scope, {
    kinds: [fakeKind(events, { broken })],
    files: { "a.conf": textOf("a"), "b.conf": textOf("broken") },
  });
  await host.inputs.stop(0);
  assert.equal(events.filter((event) => event.startsWith("stop")).length, 2);
  assert.equal(host.clock.pendingTimers, 0);
});
