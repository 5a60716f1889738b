import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { makeTempDir } from "@muster/testing";
import { CredentialFile } from "./credentials.ts";

test("what was remembered is read back, and the last server logged in to is the current one", async (t) => {
  const file = new CredentialFile({ XDG_CONFIG_HOME: await makeTempDir(t) });
  assert.equal(await file.current(), null);
  await file.put("http://a", { username: "admin", token: "mst_a" });
  await file.put("http://b", { username: "admin", sessionCookie: "s" });
  assert.equal(await file.current(), "http://b");
  assert.deepEqual(await file.find("http://a"), { username: "admin", token: "mst_a" });
  assert.equal(await file.find("http://c"), undefined);
  assert.equal(await file.find("constructor"), undefined);
  await file.remove("http://b");
  assert.equal(await file.current(), "http://a");
});

test("only the owner may read the file", async (t) => {
  const file = new CredentialFile({ HOME: await makeTempDir(t) });
  await file.put("http://a", { username: "admin", token: "mst_a" });
  assert.match(file.path, /\.config\/muster\/credentials\.json$/);
  assert.equal((await stat(file.path)).mode & 0o777, 0o600);
});

test("a file that is damaged is named, and not overwritten silently", async (t) => {
  const file = new CredentialFile({ XDG_CONFIG_HOME: await makeTempDir(t) });
  await file.put("http://a", { username: "admin" });
  await writeFile(file.path, "{");
  await assert.rejects(file.current(), { code: "failed_precondition", message: /credentials\.json is no JSON/ });
});
