import assert from "node:assert/strict";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir } from "@muster/testing";
import { fakeKind, ID, OTHER_ID, startHost, textOf } from "./fakes-for-test.ts";
import { keyOf } from "./last-good.ts";
import { sweepLeftovers } from "./leftovers.ts";

const DAY_MS = 86_400_000;

test("what was kept for an input goes with it, also when a crash or a hand came between", async (scope) => {
  const root = await makeTempDir(scope);
  const kept = (id: string) => {
    mkdirSync(join(root, "agent/state", keyOf(id), "fake-1"), { recursive: true });
    writeFileSync(join(root, "agent/state", keyOf(id), "fake-1/positions"), "1");
    mkdirSync(join(root, "agent/last-good"), { recursive: true });
    writeFileSync(join(root, "agent/last-good", `${keyOf(id)}.conf`), textOf("old"));
  };
  for (const id of [ID, OTHER_ID, "a.conf"]) kept(id);
  writeFileSync(join(root, "agent/last-good", `${keyOf(ID)}.conf.new`), "half");
  const files = { [`${ID}.conf.disabled`]: textOf("a"), "a.conf": textOf("b") };
  const host = await startHost(scope, { kinds: [fakeKind([])], root, files });
  const names = (folder: string) => readdirSync(join(root, "agent", folder)).sort();
  const both = [keyOf(ID), keyOf("a.conf")].sort();
  assert.deepEqual([names("state"), names("last-good")], [both, both.map((key) => `${key}.conf`)]);
  await host.ask({ method: "inputs.remove", id: ID });
  assert.deepEqual([names("state"), names("last-good")], [[keyOf("a.conf")], [`${keyOf("a.conf")}.conf`]]);
});

test("what was kept for a file of this host outlives it for a week after its last use", async (scope) => {
  const folder = await makeTempDir(scope);
  const now = Date.UTC(2026, 0, 31);
  const make = (id: string, days: number) => {
    const path = join(folder, keyOf(id));
    mkdirSync(path);
    writeFileSync(join(path, "positions"), "1");
    const at = new Date(now - days * DAY_MS);
    utimesSync(join(path, "positions"), at, at);
    utimesSync(path, new Date(0), new Date(0));
  };
  make("young.conf", 6);
  make("old.conf", 8);
  make("there.conf", 100);
  sweepLeftovers({ folders: [folder, join(folder, "nothing")], keys: new Set([keyOf("there.conf")]), now });
  assert.deepEqual(readdirSync(folder).sort(), [keyOf("there.conf"), keyOf("young.conf")].sort());
});
