import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTempDir, startAgent, startCli, startServer, waitUntil } from "@muster/testing";
import { isAlive, waitForAgent } from "../support/fleet.ts";

test("muster exec on three agents merges their output and ends with the worst exit code", async (t) => {
  const server = await startServer(t);
  const names = ["alpha", "beta", "gamma"];
  await Promise.all(names.map((id) => startAgent(t, server, { id, labels: { role: "web" } })));
  await Promise.all(names.map((id) => waitForAgent(server, id)));
  // every run takes the next free number: mkdir succeeds for one of them only
  const taken = await makeTempDir(t);
  const script = `for n in 0 1 2; do if mkdir ${taken}/$n 2>/dev/null; then echo "number $n"; echo "oops $n" >&2; exit $n; fi; done`;

  const cli = await startCli(t, server, ["exec", "--label", "role=web", "--", script]);
  const { code } = await cli.exited;

  assert.equal(code, 2, cli.describe());
  for (const n of [0, 1, 2]) {
    assert.match(cli.stdout, new RegExp(`(alpha|beta|gamma).*number ${n}`));
    assert.match(cli.output, new RegExp(`(alpha|beta|gamma).*oops ${n}`));
  }
});

test("muster exec shows output while the command runs", async (t) => {
  const server = await startServer(t);
  await startAgent(t, server, { id: "alpha" });
  await waitForAgent(server, "alpha");
  const cli = await startCli(t, server, ["exec", "--agent", "alpha", "--", "echo first; sleep 2; echo second"]);
  await cli.waitForOutput(/first/);
  assert.doesNotMatch(cli.stdout, /second/);
  assert.equal((await cli.exited).code, 0);
  assert.match(cli.stdout, /second/);
});

test("Ctrl-C during muster exec stops the command on every host and exits with 130", async (t) => {
  const server = await startServer(t);
  await startAgent(t, server, { id: "alpha" });
  await waitForAgent(server, "alpha");
  const cli = await startCli(t, server, [
    "exec",
    "--all",
    "--timeout",
    "5m",
    "--",
    "echo pid $$ end; sleep 300 & wait",
  ]);
  const [, pid] = await cli.waitForOutput(/pid (\d+) end/);
  assert.ok(isAlive(Number(pid)));
  const { code } = await cli.stop("SIGINT", 20_000);
  assert.equal(code, 130, cli.describe());
  await waitUntil("the run to be gone", () => !isAlive(Number(pid)));
});

test("log in with a password, list, run and look back, without a token in the environment", async (t) => {
  const server = await startServer(t);
  await startAgent(t, server, { id: "alpha", labels: { role: "db" } });
  await waitForAgent(server, "alpha");
  const home = await makeTempDir(t);
  const env = { MUSTER_API_TOKEN: "", MUSTER_SERVER: "" };
  const run = async (args: readonly string[], input?: string) => {
    const cli = await startCli(t, server, args, { home, env, ...(input === undefined ? {} : { input }) });
    const { code } = await cli.exited;
    assert.equal(code, 0, cli.describe());
    return cli.stdout;
  };

  const refused = await startCli(t, server, ["agents", "--server", server.url], { home, env });
  assert.equal((await refused.exited).code, 3, refused.describe());
  await run(["login", "--server", server.url, "--username", "admin", "--password-stdin"], `${server.adminPassword}\n`);

  const agents = JSON.parse(await run(["agents", "--json"])) as { externalId: string; status: string }[];
  assert.deepEqual(
    agents.map(({ externalId, status }) => [externalId, status]),
    [["alpha", "online"]],
  );
  assert.match(await run(["exec", "--label", "role=db", "--", "echo hello"]), /hello/);
  assert.match(await run(["runs"]), /echo hello/);
});

test("muster doctor names the step at which the way to a server ends", async (t) => {
  const server = await startServer(t);
  const good = await startCli(t, server, ["doctor", "--server", server.url, "--token", server.enrollmentToken]);
  assert.equal((await good.exited).code, 0, good.describe());
  const bad = await startCli(t, server, ["doctor", "--server", server.url, "--token", `tkn_${"0".repeat(32)}`]);
  assert.notEqual((await bad.exited).code, 0, bad.describe());
  assert.match(bad.output, /token/i);
  const nobody = await startCli(t, server, [
    "doctor",
    "--server",
    "http://127.0.0.1:1",
    "--token",
    server.enrollmentToken,
  ]);
  assert.notEqual((await nobody.exited).code, 0, nobody.describe());
  assert.match(nobody.output, /tcp/i);
});
