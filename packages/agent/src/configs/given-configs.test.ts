import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { CONFIG_LIMITS, systemClock } from "@muster/core";
import { launchProcess, makeTempDir, waitUntil } from "@muster/testing";
import { DEFAULT_POLICY, type Policy, parsePolicy } from "../policy.ts";
import { openConfigs as open, writeHook } from "./configs-for-test.ts";
import type { GivenConfig } from "./given-configs.ts";
import { digestOf } from "./places.ts";

const CRASHING = fileURLToPath(new URL("./crashing-for-test.ts", import.meta.url));

const given = (name: string, revision: number, text: string, more: Partial<GivenConfig> = {}): GivenConfig => ({
  kind: "file",
  format: "text",
  expiresAt: null,
  ...{ name, revision, text, ...more },
});

test("a text becomes a file that only its owner can read, and is told with its revision and digest", async (t) => {
  const folder = await makeTempDir(t);
  const configs = open(folder);
  const held = await configs.give(given("app.conf", 3, "port = 1\n"));
  const digest = digestOf("port = 1\n");
  assert.deepEqual(held, { kind: "file", name: "app.conf", revision: 3, status: "applied", error: null, digest });
  const path = join(folder, "configs/app.conf");
  assert.equal(readFileSync(path, "utf8"), "port = 1\n");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await configs.give(given("logs", 1, "inputs: []\n", { kind: "pipeline", format: "yaml" }));
  await configs.give(given("logs", 2, "{}", { kind: "pipeline", format: "json" }));
  assert.deepEqual(readdirSync(join(folder, "pipelines")), ["logs.json"], "the other spelling is gone");
  await configs.remove("file", "app.conf");
  assert.deepEqual(readdirSync(join(folder, "configs")), []);
  assert.deepEqual(
    configs.held().map(({ name, revision }) => [name, revision]),
    [["logs", 2]],
  );
});

test("revisions outlive a restart, numbers of another protocol do not count, and a removed file is not held", async (t) => {
  const folder = await makeTempDir(t);
  const first = open(folder);
  await first.give(given("a", 7, "one"));
  await first.give(given("b", 1, "two"));
  rmSync(join(folder, "configs/b"));
  assert.deepEqual(
    first.held().map(({ name }) => name),
    ["a"],
  );
  assert.deepEqual(
    open(folder)
      .held()
      .map(({ name, revision }) => [name, revision]),
    [["a", 7]],
  );
  const other = open(folder, { origin: "configserver-g0" });
  assert.deepEqual(
    other.held().map(({ revision }) => revision),
    [null],
  );
  await other.give(given("a", 0, "one"));
  assert.deepEqual(
    other.held().map(({ revision }) => revision),
    [0],
  );
  writeFileSync(join(folder, "configs/a"), "by hand");
  assert.equal(other.held()[0]?.digest, digestOf("by hand"), "what really runs is told");
});

test("names that would escape are refused, and nothing is written", async (t) => {
  const folder = await makeTempDir(t);
  const configs = open(folder);
  const names = ["", ".", "..", "../x", "a/b", "a\\b", "a@1", "a\0b", "a\nb", " a", "x".repeat(201), "é".repeat(150)];
  for (const name of [...names, ".muster-0123456789abcdef.new"]) {
    const held = await configs.give(given(name, 1, "text"));
    assert.equal(held.status, "failed", JSON.stringify(name));
    assert.match(held.error ?? "", /name/);
  }
  assert.deepEqual(readdirSync(folder).sort(), ["agent"]);
  const big = await configs.give(given("big", 1, "x".repeat(CONFIG_LIMITS.textBytes + 1)));
  assert.match(big.error ?? "", /larger/);
  // an index that somebody wrote cannot lead out either
  const good = { revision: 1, digest: "", format: "text", origin: "native", expiresAt: null };
  writeFileSync(join(folder, "victim"), "stays");
  const entry = { kind: "file", name: "../victim", good, pending: { format: "text", before: null } };
  writeFileSync(join(folder, "agent/configs/index.json"), JSON.stringify({ version: 1, configs: [entry] }));
  open(folder);
  assert.equal(readFileSync(join(folder, "victim"), "utf8"), "stays");
});

test("a link in place of a file is replaced, and what it leads to is left alone", async (t) => {
  const folder = await makeTempDir(t);
  mkdirSync(join(folder, "configs"));
  writeFileSync(join(folder, "elsewhere"), "mine");
  symlinkSync(join(folder, "elsewhere"), join(folder, "configs/a"));
  await open(folder).give(given("a", 1, "theirs"));
  assert.equal(readFileSync(join(folder, "elsewhere"), "utf8"), "mine");
  assert.equal(readFileSync(join(folder, "configs/a"), "utf8"), "theirs");
});

test("a hook that refuses takes the text back: the last good one stays, and its words are the verdict", async (t) => {
  const folder = await makeTempDir(t);
  const hook = writeHook(
    folder,
    'env > "$0.env"; echo "$@" >> "$0.calls"; if grep -q bad "$2"; then echo "line 1 is bad"; exit 3; fi',
  );
  const configs = open(folder, { hook });
  assert.equal((await configs.give(given("a", 1, "good"))).status, "applied");
  const held = await configs.give(given("a", 2, "bad"));
  assert.deepEqual([held.status, held.revision, held.digest], ["failed", 2, digestOf("good")]);
  assert.match(held.error ?? "", /exit code 3: line 1 is bad/);
  const path = join(folder, "configs/a");
  assert.equal(readFileSync(path, "utf8"), "good");
  assert.equal(readFileSync(`${hook.program}.calls`, "utf8"), `a ${path} file\na ${path} file\n`);
  assert.doesNotMatch(readFileSync(`${hook.program}.env`, "utf8"), /tkn_secret/);
  assert.deepEqual(configs.revisions("file", "a"), { good: 1, refused: 2 });
  assert.equal(open(folder, { hook }).held()[0]?.status, "failed", "what failed is remembered over a restart");

  const first = await configs.give(given("b", 1, "bad"));
  assert.deepEqual([first.status, first.digest], ["failed", null]);
  assert.deepEqual(readdirSync(join(folder, "configs")), ["a"], "there was none before");
  await configs.give(given("a", 3, "good"));
  assert.deepEqual([configs.held()[0]?.status, configs.held()[0]?.revision], ["applied", 3]);
});

test("a hook that hangs is ended with its children, and one that talks without end is cut", async (t) => {
  const folder = await makeTempDir(t);
  const slow = { ...writeHook(folder, 'echo began; sleep 600 & echo $! > "$0.pid"; wait'), timeoutMs: 300 };
  const held = await open(folder, { hook: slow }).give(given("a", 1, "text"));
  assert.match(held.error ?? "", /did not end within 0.3 s: began/);
  const child = Number(readFileSync(join(folder, "hook.sh.pid"), "utf8"));
  await waitUntil("the hook's child is gone", () => !isAlive(child));
  const loud = writeHook(folder, "yes noise | head -c 3000000; echo the end; exit 1");
  const cut = await open(folder, { hook: loud }).give(given("a", 2, "text"));
  assert.match(cut.error ?? "", /noise[\s\S]*bytes left out[\s\S]*the end$/);
  assert.ok((cut.error ?? "").length <= CONFIG_LIMITS.errorLength);
});

test("a policy without config refuses what comes and keeps what is there", async (t) => {
  const folder = await makeTempDir(t);
  let policy: Policy = DEFAULT_POLICY;
  const configs = open(folder, { loadPolicy: async () => policy });
  await configs.give(given("a", 1, "one"));
  policy = parsePolicy({ allow: ["exec"] });
  const held = await configs.give(given("a", 2, "two"));
  assert.deepEqual([held.status, held.digest], ["failed", digestOf("one")]);
  assert.match(held.error ?? "", /policy of this host does not allow config/);
  await configs.remove("file", "a");
  assert.equal(readFileSync(join(folder, "configs/a"), "utf8"), "one");
});

test("one-time configs go when their time is over", async (t) => {
  const folder = await makeTempDir(t);
  let now = 1000;
  const clock = { ...systemClock, now: () => now };
  const configs = open(folder, { clock });
  const onetime = { kind: "onetime", format: "json", expiresAt: 2000 } as const;
  await configs.give(given("once", 1, "{}", onetime));
  await configs.removeExpired();
  assert.equal(configs.held().length, 1);
  now = 2000;
  await configs.removeExpired();
  assert.deepEqual([configs.held(), readdirSync(join(folder, "onetime"))], [[], []]);
  assert.match((await configs.give(given("late", 1, "{}", onetime))).error ?? "", /time was over/);
});

test("kill -9 at any moment of a change leaves a whole text that the index knows", { timeout: 60_000 }, async (t) => {
  const folder = await makeTempDir(t);
  const hook = writeHook(folder, "exit 0");
  for (let round = 0; round < 5; round++) {
    const child = launchProcess(t, { args: [CRASHING, folder, hook.program, String(round)] });
    await child.waitForOutput(/gave \d+/);
    await new Promise((resolve) => setTimeout(resolve, round * 11)); // some moment of the next change
    await child.stop("SIGKILL");
    const held = open(folder).held();
    const [file] = held;
    assert.equal(held.length, 1);
    const text = readFileSync(join(folder, "configs/a"), "utf8");
    assert.deepEqual([file?.status, file?.digest], ["applied", digestOf(text)]);
    assert.equal(text, `${round}.${file?.revision}\n`.repeat(20_000), "the text of the revision that is told");
    assert.deepEqual(readdirSync(join(folder, "configs")), ["a"]);
  }
});

test("a change that was cut off before the hook agreed is undone", async (t) => {
  const folder = await makeTempDir(t);
  const hook = writeHook(folder, 'grep -q slow "$2" && sleep 600; exit 0');
  await open(folder, { hook }).give(given("a", 1, "good"));
  const child = launchProcess(t, { args: [CRASHING, folder, hook.program, "slow"] });
  const path = join(folder, "configs/a");
  await waitUntil("the new text is in place", () => readFileSync(path, "utf8").startsWith("slow"));
  await child.stop("SIGKILL");
  const again = open(folder);
  assert.equal(readFileSync(path, "utf8"), "good");
  assert.deepEqual(
    again.held().map(({ revision, status }) => [revision, status]),
    [[1, "applied"]],
  );
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
