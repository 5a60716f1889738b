import assert from "node:assert/strict";
import { test } from "node:test";
import type { InputRevision } from "@muster/core/resources";
import { canGoBackTo, readDeed, readPair } from "./revision-pair.ts";

const of = (revision: number, toml: string, outcome: InputRevision["outcome"] = "applied"): InputRevision => ({
  inputId: "x",
  revision,
  toml,
  createdAt: "2026-01-01T00:00:00.000Z",
  createdBy: "ada",
  message: "changed",
  outcome,
  reason: null,
});

const revisions = [of(4, "bad", "refused"), of(3, "two"), of(2, "oops", "refused"), of(1, "one")];

test("a pair is the newest and what was before it, unless the link says otherwise", () => {
  const pair = (query: string) => {
    const found = readPair(revisions, new URLSearchParams(query));
    return [found?.before?.revision, found?.after.revision];
  };
  assert.deepEqual(pair(""), [3, 4]);
  assert.deepEqual(pair("to=3"), [1, 3]);
  assert.deepEqual(pair("from=4&to=1"), [4, 1]);
  assert.deepEqual(pair("to=1"), [undefined, 1]);
  assert.deepEqual(pair("from=77&to=nonsense"), [3, 4]);
  assert.equal(readPair([], new URLSearchParams()), undefined);
});

test("one goes back to texts, and not to the one that is there", () => {
  assert.deepEqual(
    revisions.map((revision) => canGoBackTo(revision, revisions)),
    [true, false, true, true],
  );
  assert.ok(!canGoBackTo(of(5, ""), revisions));
});

test("the server's own messages are told apart from what people wrote", () => {
  assert.deepEqual(readDeed("added"), { kind: "added" });
  assert.deepEqual(readDeed("rolled back to 12"), { kind: "rolledBack", revision: 12 });
  assert.deepEqual(readDeed("rolled back to be safe"), { kind: "said", message: "rolled back to be safe" });
});
