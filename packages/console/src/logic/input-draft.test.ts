import assert from "node:assert/strict";
import { test } from "node:test";
import { follow, isChanged, isOvertaken, keepMine, startDraft } from "./input-draft.ts";

const one = { toml: "[[inputs.cpu]]\n", revision: 1 };
const two = { toml: "[[inputs.cpu]]\n  interval = '20s'\n", revision: 2 };

test("an untouched draft becomes what somebody else saved", () => {
  assert.deepEqual(follow(startDraft(one), two), startDraft(two));
});

test("a touched draft is never replaced, and says that it was overtaken", () => {
  const draft = { ...startDraft(one), text: "mine" };
  assert.equal(follow(draft, two), draft);
  assert.ok(isOvertaken(draft, two));
  const kept = keepMine(draft, two);
  assert.deepEqual([kept.text, kept.base.revision, isOvertaken(kept, two)], ["mine", 2, false]);
});

test("a revision without another text, such as switching off, does not make a conflict", () => {
  const draft = { ...startDraft(one), text: "mine" };
  const switched = { toml: one.toml, revision: 2 };
  assert.ok(!isOvertaken(draft, switched));
  assert.deepEqual(follow(draft, switched), { text: "mine", base: switched });
  assert.equal(follow(draft, { ...one }), draft, "nothing new makes nothing new");
});

test("what was saved from here is no change any more", () => {
  const draft = { ...startDraft(one), text: two.toml };
  assert.ok(isChanged(draft));
  assert.ok(!isOvertaken(draft, two));
  assert.ok(!isChanged(follow(draft, two)));
});
