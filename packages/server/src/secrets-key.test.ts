import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir } from "@muster/testing";
import { keyFile } from "./secrets-key.ts";

test("the key is made at first use, for its owner only, and read again afterwards", async (t) => {
  const path = join(await makeTempDir(t), "keys", "secrets.key");
  assert.equal(keyFile(path).load(), undefined);
  const key = keyFile(path).create();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(keyFile(path).load(), key);
  assert.throws(() => keyFile(path).create(), { code: "failed_precondition" });
});

test("a file that holds no key is told of, and never written over", async (t) => {
  const path = join(await makeTempDir(t), "secrets.key");
  writeFileSync(path, "not a key\n");
  assert.throws(() => keyFile(path).load(), { code: "failed_precondition" });
});
