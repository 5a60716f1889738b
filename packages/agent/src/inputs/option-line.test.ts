import assert from "node:assert/strict";
import { test } from "node:test";
import { findOptionLine } from "./option-line.ts";

const TEXT = `# percpu = 1
[[inputs.cpu]]
  percpu = "x" # not here
  about = """
  interval = "no"
"""
  interval = "10s"
  [inputs.cpu.tags]
    role = 3

[[inputs.mem]]
  percpu = 1
[[inputs.cpu]]
  "percpu" = 1
  [[inputs.cpu.ports]]
    port = 1
  tls.ca = "x"
`;

const find = (ordinal: number, ...path: PropertyKey[]) => findOptionLine(TEXT, { input: "cpu", ordinal }, path);

test("an option is found in its own block, also in tables below it, and not in texts or comments", () => {
  assert.equal(find(0, "percpu"), 3);
  assert.equal(find(0, "interval"), 7);
  assert.equal(find(0, "tags", "role"), 9);
  assert.equal(find(0, "tags", "other"), 8);
  assert.equal(find(1, "percpu"), 14);
  assert.equal(find(1, "ports", 0, "port"), 16);
  assert.equal(find(1, "ports", 0, "missing"), 15);
});

test("an option that is missing is shown at the block, and a block that is not there nowhere", () => {
  assert.equal(find(0, "files"), 2);
  assert.equal(find(1), 13);
  assert.equal(find(2, "percpu"), undefined);
});
