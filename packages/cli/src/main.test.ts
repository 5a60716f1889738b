import assert from "node:assert/strict";
import { test } from "node:test";
import { answerJson, makeTempDir, type Scope, type SeenRequest, startStubServer } from "@muster/testing";
import { runCli } from "./main.ts";
import { makeAgent, makeCommand, makeCounts, makeHost, makeRun } from "./test-fixtures.ts";

type Answers = Readonly<Record<string, (request: SeenRequest) => unknown>>;

/** A server that answers `METHOD path` from a table, and a command line that talks to it. */
async function setUp(scope: Scope, answers: Answers) {
  const server = await startStubServer((request, response) => {
    const { pathname } = new URL(request.url, "http://x");
    const answer = answers[`${request.method} ${pathname.replace("/fleet/v1/", "")}`];
    if (!answer) return answerJson(response, { code: "not_found", detail: `no ${request.method} ${pathname}` }, 404);
    response.setHeader("set-cookie", "muster_session=cookie; HttpOnly");
    return answerJson(response, answer(request));
  });
  scope.after(() => server[Symbol.asyncDispose]());
  const home = await makeTempDir(scope);
  const run = async (
    argv: readonly string[],
    environment: Record<string, string> = { MUSTER_API_TOKEN: "mst_env" },
  ) => {
    const host = makeHost({ HOME: home, MUSTER_SERVER: server.baseUrl, ...environment });
    return { code: await runCli(host, argv), out: host.stdout.text, err: host.stderr.text };
  };
  return { server, run };
}

test("help, version and mistakes end as documented", async () => {
  for (const [argv, code, words] of [
    [["--help"], 0, /Run Muster:.*Look and act:.*Access:/s],
    [[], 0, /muster/],
    [["--version"], 0, /^9\.8\.7\n$/],
    [["agentz"], 2, /agents/],
    [["agents", "--nope"], 2, /unknown option/],
    [["exec", "--all"], 2, /missing required argument/],
    [["exec", "--all", "--timeout", "soon", "--", "x"], 2, /duration/],
    [["agents", "ls"], 3, /not logged in.*muster login/s],
    [["agents", "--server", "ftp://x"], 2, /no address/],
  ] as const) {
    const host = makeHost();
    assert.equal(await runCli(host, argv), code, argv.join(" "));
    assert.match(host.stdout.text + host.stderr.text, words);
  }
});

test("a server that cannot be reached ends with 4, and --json says so in JSON", async () => {
  const host = makeHost({ MUSTER_API_TOKEN: "mst_1" });
  assert.equal(await runCli(host, ["agents", "--server", "http://127.0.0.1:1", "--json"]), 4);
  assert.equal((JSON.parse(host.stderr.text) as { error: { code: string } }).error.code, "unavailable");
});

test("agents are listed as a table or as JSON, the flag before or after the verb", async (t) => {
  const agents = [makeAgent({ name: "evil\x1b[2J" })];
  const { server, run } = await setUp(t, { "GET agents": () => ({ items: agents, nextCursor: null, total: 1 }) });
  assert.match((await run(["agents"])).out, /^NAME +STATUS.*evil\\x1b\[2J/s);
  for (const argv of [
    ["agents", "--json"],
    ["agents", "ls", "--json"],
    ["--json", "agents", "ls"],
  ]) {
    assert.deepEqual(JSON.parse((await run(argv)).out), agents);
  }
  await run(["agents", "ls", "--label", "role=web", "--selector", "!old", "--status", "online"]);
  assert.match(
    decodeURIComponent(server.seen.at(-1)?.url ?? ""),
    /selector=role=web,!old&status=online|status=online&selector=role=web,!old/,
  );
  assert.equal(server.seen.at(-1)?.headers.authorization, "Bearer mst_env");
});

test("labels are changed by what is said and nothing else", async (t) => {
  const { server, run } = await setUp(t, {
    "GET agents": () => ({ items: [makeAgent({ id: "a1" })], nextCursor: null, total: 1 }),
    "PATCH agents/a1": (request) => makeAgent(JSON.parse(request.body) as object),
  });
  const { out } = await run(["agents", "label", "web-1", "env=prod", "role-"]);
  assert.equal(out, "env=prod\n");
  assert.equal(server.seen.at(-1)?.body, '{"labels":{"env":"prod"}}');
});

test("removing asks first, and without a terminal wants to be told", async (t) => {
  const { server, run } = await setUp(t, {
    "GET agents": () => ({ items: [makeAgent({ id: "a1" })], nextCursor: null, total: 1 }),
    "DELETE agents/a1": () => ({}),
  });
  assert.equal((await run(["agents", "rm", "web-1"])).code, 2);
  assert.equal((await run(["agents", "rm", "web-1", "--yes"])).code, 0);
  assert.equal(server.seen.filter((request) => request.method === "DELETE").length, 1);
});

test("exec previews, submits, shows and ends with the exit code of the run", async (t) => {
  const run3 = makeRun({ status: "failed", exitCode: 3, stdoutBytes: 3 });
  const { server, run } = await setUp(t, {
    "POST commands/preview": () => ({ total: 1, online: 1, items: [] }),
    "POST commands": () => makeCommand(),
    "GET commands/command-1": () => makeCommand({ status: "completed", counts: makeCounts({ failed: 1 }) }),
    "GET commands/command-1/runs": () => ({ items: [run3], nextCursor: null }),
    "GET runs/run-1/output": () => ({ seq: 0, stream: "stdout", at: "2026-01-01T00:00:00.000Z", text: "hi\n" }),
  });
  const { code, out } = await run(["exec", "--all", "--", "echo", "-n", "--json"]);
  assert.equal(code, 3);
  assert.equal(out, "hi\n");
  const submitted = server.seen.find((request) => request.url.endsWith("/commands") && request.method === "POST");
  assert.deepEqual((JSON.parse(submitted?.body ?? "") as { argv: string[] }).argv, ["echo", "-n", "--json"]);
});

test("exec with --fold shows each different output once", async (t) => {
  const runs = ["a", "b", "c"].map((name, index) =>
    makeRun({ id: `run-${name}`, agentName: name, stdoutBytes: 2, outputDigest: index < 2 ? "same" : "other" }),
  );
  const chunk = (text: string) => ({ seq: 0, stream: "stdout", at: "2026-01-01T00:00:00.000Z", text });
  const { run } = await setUp(t, {
    "POST commands/preview": () => ({ total: 3, online: 3, items: [] }),
    "POST commands": () => makeCommand({ total: 3 }),
    "GET commands/command-1": () =>
      makeCommand({ total: 3, status: "completed", counts: makeCounts({ succeeded: 3 }) }),
    "GET commands/command-1/runs": () => ({ items: runs, nextCursor: null }),
    "GET runs/run-a/output": () => chunk("x\n"),
    "GET runs/run-c/output": () => chunk("y"),
  });
  const { code, out } = await run(["exec", "--all", "--fold", "--", "x"]);
  assert.equal(code, 0);
  assert.equal(out, "== 2 agents succeeded: a, b\nx\n== 1 agent succeeded: c\ny\n");
});

test("exec that would hit nobody starts nothing, and --dry-run never does", async (t) => {
  let total = 0;
  const { server, run } = await setUp(t, {
    "POST commands/preview": () => ({
      total,
      online: total,
      items: [{ id: "1", name: "web-1", status: "online", canRun: true }],
    }),
  });
  assert.equal((await run(["exec", "--label", "x=y", "--", "true"])).code, 5);
  total = 1;
  const { code, out } = await run(["exec", "--all", "--dry-run", "--", "true"]);
  assert.equal(code, 0);
  assert.match(out, /web-1 +online +yes/);
  assert.ok(server.seen.every((request) => request.url.endsWith("preview")));
});

test("a token given by hand is checked, remembered, and left alone by the logout", async (t) => {
  const principal = { kind: "user", id: "u", name: "admin", role: "admin" };
  const { server, run } = await setUp(t, {
    "GET me": () => principal,
  });
  const environment = { MUSTER_API_TOKEN: "" };
  const login = await run(["login", "--token", "mst_given"], environment);
  assert.equal(login.code, 0, login.err);
  assert.equal(server.seen.at(-1)?.headers.authorization, "Bearer mst_given");
  assert.equal((await run(["whoami"], environment)).out, `admin (user, admin) at ${server.baseUrl}\n`);
  assert.equal((await run(["logout"], environment)).code, 0);
  assert.ok(!server.seen.some((request) => request.method === "DELETE"), "a token given by hand is left alone");
  assert.equal((await run(["whoami"], environment)).code, 3);
});

test("a token for agents is no login", async (t) => {
  const { run } = await setUp(t, {});
  assert.equal((await run(["login", "--token", "tkn_1"], {})).code, 2);
});

test("enrolling prints the lines to copy and nothing else on stdout", async (t) => {
  const { run } = await setUp(t, {
    "POST enrollment-tokens": () => ({
      id: "e",
      token: "tkn_1",
      installLine: "curl x | sh",
      agentLine: "muster agent",
    }),
  });
  assert.equal((await run(["enroll", "--expires", "1h"])).out, "curl x | sh\nmuster agent\n");
});
