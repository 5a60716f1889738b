import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeServer } from "./context.ts";
import { parseLabelChanges, selectorOfLabels } from "./labels.ts";

test("labels and a selector become one selector that all must meet", () => {
  assert.equal(selectorOfLabels(["role=web", "gpu"], "env!=dev"), "role=web,gpu,env!=dev");
  assert.equal(selectorOfLabels([], undefined), undefined);
  assert.equal(selectorOfLabels([], ""), undefined);
});

test("a label that is none, or that would say more than one condition, is refused", () => {
  for (const label of ["=x", "-a=b", "a=b,c=d"]) {
    assert.throws(() => selectorOfLabels([label], undefined), { code: "invalid_argument" });
  }
  assert.throws(() => selectorOfLabels([], "a b c"), { code: "invalid_argument" });
});

test("label changes set with = and remove with -", () => {
  assert.deepEqual(parseLabelChanges({ a: "1", b: "2" }, ["a=3=4", "b-", "c="]), { a: "3=4", c: "" });
  for (const change of ["a", "-", "=x"])
    assert.throws(() => parseLabelChanges({}, [change]), { code: "invalid_argument" });
});

test("a server may be named in short, and agents' forms are understood", () => {
  assert.equal(normalizeServer("muster.example.org:9999/"), "http://muster.example.org:9999");
  assert.equal(normalizeServer("https://muster.example.org/base/"), "https://muster.example.org/base");
  assert.equal(normalizeServer("wss://muster.example.org"), "https://muster.example.org");
  assert.equal(normalizeServer("[::1]:9999"), "http://[::1]:9999");
  for (const text of ["", "ftp://x", "http://user:pass@x", "http://x?token=1", "a b"]) {
    assert.throws(() => normalizeServer(text), { code: "invalid_argument" });
  }
});
