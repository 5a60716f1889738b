import assert from "node:assert/strict";
import { test } from "node:test";
import { welcome } from "./welcome.ts";

const firstRun = {
  username: "admin",
  password: "secret-password",
  apiToken: "mst_1",
  enrollmentToken: "tkn_1",
  generated: ["password", "enrollmentToken", "apiToken"],
};

test("the first start shows what nobody will see again, and the line that adds a host", () => {
  const words = welcome({ version: "0.1.0", url: "http://10.0.0.1:9999", firstRun });
  for (const part of ["http://10.0.0.1:9999", "admin  secret-password", "mst_1"]) assert.ok(words.includes(part), part);
  assert.ok(words.includes('curl -fsS -H "Authorization: Bearer tkn_1" http://10.0.0.1:9999/fleet/v1/install.sh | sh'));
  assert.doesNotMatch(words, /--host/);
});

test("what the operator chose is not repeated", () => {
  const words = welcome({ version: "0.1.0", url: "http://10.0.0.1:9999", firstRun: { ...firstRun, generated: [] } });
  assert.doesNotMatch(words, /secret-password|mst_1/);
});

test("a later start knows no secrets, and a server for this machine only says so", () => {
  const words = welcome({ version: "0.1.0", url: "http://127.0.0.1:9999", firstRun: null });
  assert.doesNotMatch(words, /tkn_|mst_/);
  assert.match(words, /muster enroll/);
  assert.match(words, /--host 0\.0\.0\.0/);
});
