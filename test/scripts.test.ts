import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { launchProcess, makeTempDir, waitUntil } from "@muster/testing";
import { isAlive } from "./support/fleet.ts";
import { repository } from "./support/sources.ts";

const RUN = join(repository, "scripts/run.mjs");

test("run.mjs hands arguments on as they are, and the exit code back", async (t) => {
  const script = join(await makeTempDir(t), "show.mjs");
  await writeFile(script, "console.log(JSON.stringify(process.argv.slice(2))); process.exit(7);");
  const { stdout, status } = spawnSync(process.execPath, [RUN, script, "--a", "b c", ""], { encoding: "utf8" });
  assert.deepEqual(JSON.parse(stdout), ["--a", "b c", ""]);
  assert.equal(status, 7);
});

test("run.mjs hands SIGTERM on, so that the program behind it can finish its work", async (t) => {
  const script = join(await makeTempDir(t), "drain.mjs");
  await writeFile(
    script,
    "process.on('SIGTERM', () => { console.log('drained'); process.exit(5); }); console.log('up'); setInterval(() => {}, 1000);",
  );
  const wrapper = launchProcess(t, { args: [RUN, script] });
  await wrapper.waitForOutput(/up/);
  const { code } = await wrapper.stop("SIGTERM");
  assert.match(wrapper.stdout, /drained/);
  assert.equal(code, 5);
});

test("a program whose npm was told to end does not stay behind", async (t) => {
  const folder = await makeTempDir(t);
  const script = join(folder, "stay.mjs");
  await writeFile(script, "console.log('pid', process.pid, 'end'); setInterval(() => {}, 1000);");
  const shell = launchProcess(t, {
    command: "/bin/sh",
    args: ["-c", `"${process.execPath}" "${RUN}" "${script}"; true`],
    env: { npm_lifecycle_event: "start" },
  });
  const [, pid] = await shell.waitForOutput(/pid (\d+) end/);
  shell.child.kill("SIGKILL");
  await waitUntil("the program to end", () => !isAlive(Number(pid)));
});

test("the program runs on a Node that can run it", async (t) => {
  const script = join(await makeTempDir(t), "version.mjs");
  await writeFile(script, "import 'node:sqlite'; console.log(process.versions.node);");
  const { stdout, status } = spawnSync(process.execPath, [RUN, script], { encoding: "utf8" });
  assert.equal(status, 0);
  assert.ok(Number(stdout.split(".")[0]) >= 22, stdout);
});
