import assert from "node:assert/strict";
import { test } from "node:test";
import {
  findSelectorFault,
  readAgentFilter,
  splitSelector,
  toggleCondition,
  toListQuery,
  writeAgentFilter,
} from "./agent-filter.ts";

test("a filter survives the way through the URL", () => {
  const filter = {
    filter: "web 1",
    selector: "role=web,zone in (a,b)",
    status: "stale",
    group: "g1",
    sort: "-lastSeenAt",
  } as const;
  assert.deepEqual(readAgentFilter(writeAgentFilter(new URLSearchParams(), filter)), filter);
});

test("what is at its default does not appear in the URL", () => {
  const parameters = writeAgentFilter(new URLSearchParams("q=x&sort=-name&tab=1"), { filter: "", sort: "name" });
  assert.equal(parameters.toString(), "tab=1");
});

test("nonsense in the URL is ignored", () => {
  const filter = readAgentFilter(new URLSearchParams("status=dead&sort=colour"));
  assert.deepEqual([filter.status, filter.sort], [undefined, "name"]);
  assert.deepEqual(toListQuery(filter), { sort: "name" });
});

test("a label's chip toggles its own condition and leaves the others alone", () => {
  assert.equal(toggleCondition("", "role", "web"), "role=web");
  assert.equal(toggleCondition("zone in (a,b)", "role", "web"), "zone in (a,b),role=web");
  assert.equal(toggleCondition("zone in (a,b),role=web,!old", "role", "web"), "zone in (a,b),!old");
  assert.deepEqual(splitSelector(" a=1 , b in (x, y) ,c"), ["a=1", "b in (x, y)", "c"]);
});

test("a value with commas cannot be written as an equality and filters by its key", () => {
  assert.equal(toggleCondition("", "note", "a,b"), "note");
});

test("a selector that cannot be read says why", () => {
  assert.equal(findSelectorFault("role=web"), undefined);
  assert.match(findSelectorFault("=web") ?? "", /label key/);
});
