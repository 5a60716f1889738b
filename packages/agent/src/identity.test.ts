import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { hasCode } from "@muster/core";
import { makeTempDir } from "@muster/testing";
import { lockFolder, openAgentFolder, resolveIdentity } from "./identity.ts";

const MACHINE_A = "0123456789abcdef0123456789abcdef";
const MACHINE_B = "fedcba9876543210fedcba9876543210";

test("the id is derived from the machine, the same every time, and never shows the machine's id", async (scope) => {
  const folder = await makeTempDir(scope);
  const path = join(folder, "machine-id");
  await writeFile(path, `${MACHINE_A}\n`);
  const inputs = { folder, configuredId: undefined, machineIdPaths: [path] };
  const first = resolveIdentity(inputs);
  assert.match(first.id, /^[0-9a-f]{32}$/);
  assert.notEqual(first.id, MACHINE_A);
  assert.deepEqual(resolveIdentity(inputs), first);
  assert.doesNotMatch(await readFile(join(folder, "identity.json"), "utf8"), new RegExp(MACHINE_A));
});

test("a folder copied to another machine does not clone the agent", async (scope) => {
  const folder = await makeTempDir(scope);
  const path = join(folder, "machine-id");
  await writeFile(path, MACHINE_A);
  const inputs = { folder, configuredId: undefined, machineIdPaths: [path] };
  const original = resolveIdentity(inputs);
  await writeFile(path, MACHINE_B);
  const copy = resolveIdentity(inputs);
  assert.notEqual(copy.id, original.id);
  assert.equal(copy.moved, true);
  assert.equal(resolveIdentity(inputs).moved, false);
});

test("without a machine id a random one is made and kept", async (scope) => {
  const folder = await makeTempDir(scope);
  const empty = join(folder, "machine-id");
  await writeFile(empty, "uninitialized\n");
  const inputs = { folder, configuredId: undefined, machineIdPaths: [join(folder, "none"), empty] };
  const first = resolveIdentity(inputs);
  assert.equal(first.source, "random");
  assert.deepEqual(resolveIdentity(inputs), first);
});

test("a damaged identity file is replaced, and a configured id needs none", async (scope) => {
  const folder = await makeTempDir(scope);
  await writeFile(join(folder, "identity.json"), "{half");
  assert.equal(resolveIdentity({ folder, configuredId: "web-1" }).id, "web-1");
  assert.match(resolveIdentity({ folder, configuredId: undefined }).id, /^[0-9a-f]{32}$/);
});

test("the agent's folder is readable by its owner only", async (scope) => {
  const folder = join(await makeTempDir(scope), "agent");
  openAgentFolder(folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
});

test("a second agent in the same folder is refused until the first has gone", async (scope) => {
  const folder = await makeTempDir(scope);
  const unlock = lockFolder(folder);
  assert.throws(
    () => lockFolder(folder),
    (error) => hasCode(error, "failed_precondition"),
  );
  unlock();
  lockFolder(folder)();
});

test("a lock of a process that is gone, or whose number was used again, does not count", async (scope) => {
  const folder = await makeTempDir(scope);
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  for (const content of [`${gone} 1\n`, `${process.pid} 1\n`, "rubbish", ""]) {
    await writeFile(join(folder, "lock"), content);
    lockFolder(folder)();
  }
});
