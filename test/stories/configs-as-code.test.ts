import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { runCli } from "@muster/cli";
import { systemClock } from "@muster/core";
import { makeTempDir, type RunningServer, startAgent, startServer, waitUntil } from "@muster/testing";
import { waitForAgent } from "../support/fleet.ts";

const SECRET = "correct horse staple";

interface Token {
  readonly token: string;
}

/** The command line in this process: a story of many calls would otherwise wait for the start of each. */
function cliOf(server: RunningServer, home: string) {
  const run = async (args: readonly string[], how: { readonly token?: string; readonly input?: string } = {}) => {
    const written = { stdout: "", stderr: "" };
    const sinkOf = (stream: "stdout" | "stderr") => ({
      write: (text: string | Uint8Array) => {
        written[stream] += text.toString();
      },
    });
    const token = how.token ?? server.apiToken;
    const code = await runCli(
      {
        environment: { HOME: home, MUSTER_SERVER: server.url, MUSTER_API_TOKEN: token },
        stdin: Readable.from([how.input ?? ""]) as unknown as NodeJS.ReadStream,
        stdout: sinkOf("stdout"),
        stderr: sinkOf("stderr"),
        clock: systemClock,
        version: "0.0.0",
        onInterrupt: () => () => undefined,
      },
      args,
    );
    return { code, out: written.stdout, err: written.stderr };
  };
  /** What it writes when all goes well. */
  const well = async (...args: readonly string[]) => {
    const { code, out, err } = await run(args);
    assert.equal(code, 0, `${args.join(" ")}: ${err}${out}`);
    return out;
  };
  return { run, well };
}

function readTree(dir: string): Record<string, string> {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = names.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(dir.length + 1), readFileSync(path, "utf8")]));
}

test("a folder makes a server what it says, an export of it changes nothing, and other servers become the same", async (t) => {
  const [server, second] = await Promise.all([startServer(t), startServer(t)]);
  const home = await makeTempDir(t);
  const { run, well } = cliOf(server, home);
  const agent = await startAgent(t, server, { id: "web-1", labels: { role: "web", region: "eu" } });
  await waitForAgent(server, "web-1");
  const dir = join(home, "fleet");

  // a server that nobody has told anything has everyone's group and nothing else
  await well("config", "export", dir);
  assert.equal((await run(["config", "apply", "-f", dir, "--dry-run"])).code, 0);

  const groups = readFileSync(join(dir, "groups.yaml"), "utf8");
  writeFileSync(join(dir, "groups.yaml"), `${groups}  - name: web\n    selector: role=web || gpu\n`);
  const text = ["region = $", "{label.region}\npassword = $", "{secret.db}\n"].join("");
  writeFileSync(join(dir, "configs/app.conf"), text);
  writeFileSync(join(dir, "configs/app.yaml"), "kind: file\nfile: app.conf\ngroups: [web]\n");
  assert.equal((await run(["secrets", "set", "db"], { input: `${SECRET}\n` })).code, 0);

  const planned = await run(["config", "apply", "-f", dir, "--dry-run"]);
  assert.deepEqual([planned.code, planned.out.split("\n")[0]], [2, "create group web"], planned.err);
  assert.equal(await well("configs", "--json"), "[]\n");
  assert.equal(await well("config", "apply", "-f", dir), planned.out);
  assert.equal(await well("config", "apply", "-f", dir), "");
  assert.equal((await run(["config", "diff", "-f", dir])).code, 0);

  const given = join(agent.dataDir, "configs/app");
  const isThere = () => existsSync(given) && readFileSync(given, "utf8") === `region = eu\npassword = ${SECRET}\n`;
  await waitUntil("the text on the host", isThere, { timeoutMs: 15_000, explain: () => agent.process.describe() });
  await waitUntil("its word", async () => (await well("configs", "agents", "app")).includes("applied"));

  // what is given back is the same whatever it was written from, and means the same to a server that knows nothing
  const [first, again] = [join(home, "first"), join(home, "again")];
  await well("config", "export", first);
  await well("config", "export", again);
  assert.deepEqual(readTree(again), readTree(first));
  assert.doesNotMatch(JSON.stringify(readTree(first)), new RegExp(SECRET));
  assert.equal((await run(["config", "apply", "-f", first, "--prune", "--dry-run"])).code, 0);
  const other = cliOf(second, await makeTempDir(t));
  assert.equal((await other.run(["config", "apply", "-f", first, "--dry-run"])).code, 2);
  await other.well("config", "apply", "-f", first);
  const copied = join(home, "copied");
  await other.well("config", "export", copied, "--texts-beside");
  assert.equal((await run(["config", "apply", "-f", copied, "--prune", "--dry-run"])).code, 0);

  // a change is shown before it is made, and what the folder does not have goes only when that is said
  cpSync(first, dir, { recursive: true });
  const head = readFileSync(join(dir, "configs/app.yaml"), "utf8");
  writeFileSync(join(dir, "configs/app.yaml"), head.replace("password", "secret"));
  const shown = await run(["config", "diff", "-f", dir]);
  assert.equal(shown.code, 2);
  assert.match(shown.out, /--- app \(revision 1\)\n.*\n-password.*\n\+secret/s);
  await well("config", "apply", "-f", dir, "-m", "another word", "--waves", "100%", "--healthy", "1s");
  assert.match(await well("configs", "revisions", "app"), /2 .*another word/);
  assert.equal((await run(["rollouts", "watch", "app"])).code, 0);
  assert.equal((await run(["config", "apply", "-f", dir, "--dry-run"])).code, 0);
  await well("config", "apply", "-f", join(home, "copied"), "--prune", "--yes");
  assert.equal((await run(["config", "apply", "-f", copied, "--prune", "--dry-run"])).code, 0);
});

test("viewers look, operators change, and only admins handle secrets", async (t) => {
  const server = await startServer(t);
  const home = await makeTempDir(t);
  const { run } = cliOf(server, home);
  const tokenOf = async (scope: string) =>
    (await server.call<Token>("POST", "tokens", { name: scope, scopes: [scope] })).token;
  const [viewer, operator] = [await tokenOf("viewer"), await tokenOf("operator")];
  const dir = join(home, "fleet");
  assert.equal((await run(["config", "export", dir], { token: viewer })).code, 0);
  writeFileSync(join(dir, "configs/app.yaml"), "kind: file\ntext: x\ngroups: [default]\n");
  const codes = async (args: readonly string[], input = "") => [
    (await run(args, { token: viewer, input })).code,
    (await run(args, { token: operator, input })).code,
  ];
  assert.deepEqual(await codes(["config", "apply", "-f", dir, "--dry-run"]), [2, 2]);
  assert.deepEqual(await codes(["config", "apply", "-f", dir]), [3, 0]);
  assert.deepEqual(await codes(["configs", "show", "app"]), [0, 0]);
  assert.deepEqual(await codes(["rollouts", "start", "app", "--group", "default"]), [3, 0]);
  assert.deepEqual(await codes(["secrets", "set", "db"], SECRET), [3, 3]);
  assert.deepEqual(await codes(["secrets", "list"]), [3, 3]);
});
