import assert from "node:assert/strict";
import { test } from "node:test";
import type { Group } from "@muster/core/resources";
import { inOrder, readTag, writeTag } from "./group-tags.ts";

test("a tag is a name with a value, or a value alone", () => {
  for (const text of ["tier=web", "web", "path=a=b", "empty="]) {
    const tag = readTag(text);
    assert.ok(tag);
    assert.equal(writeTag(tag), text);
  }
  assert.deepEqual(readTag(" tier = web "), { name: "tier", value: "web" });
  assert.deepEqual(readTag("web"), { name: "", value: "web" });
});

test("what is no tag is not taken", () => {
  for (const text of ["", "  ", "=web", "x".repeat(256), `a=${"x".repeat(256)}`])
    assert.equal(readTag(text), undefined);
});

test("groups stand in the order in which they decide, equal places by id", () => {
  const group = (id: string, position: number) => ({ id, position }) as Group;
  const ids = inOrder([group("c", 2), group("b", 1), group("a", 2), group("default", 0)]).map(({ id }) => id);
  assert.deepEqual(ids, ["default", "b", "a", "c"]);
});
