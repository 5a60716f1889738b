import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir, unlessMissing } from "@muster/testing";
import { diffLines, unifiedDiff } from "./line-diff.ts";

const missingPatch =
  spawnSync("patch", ["--version"]).status === 0 ? undefined : "patch is not installed: apt-get install patch";

const NAMES = { before: "a", after: "b" };

function numbered(count: number, change: Record<number, string> = {}): string {
  return Array.from({ length: count }, (_, index) => `${change[index] ?? `line ${index}`}\n`).join("");
}

/** The same numbers in every run. */
function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

test("changes stand with three lines around them, and stretches between are left out", () => {
  const after = numbered(20, { 2: "two", 15: "fifteen" });
  assert.deepEqual(unifiedDiff(numbered(20), after, NAMES), [
    "--- a",
    "+++ b",
    "@@ -1,6 +1,6 @@",
    " line 0",
    " line 1",
    "-line 2",
    "+two",
    " line 3",
    " line 4",
    " line 5",
    "@@ -13,7 +13,7 @@",
    " line 12",
    " line 13",
    " line 14",
    "-line 15",
    "+fifteen",
    " line 16",
    " line 17",
    " line 18",
  ]);
  assert.deepEqual(unifiedDiff("same\n", "same\n", NAMES), []);
});

test("a text that begins, ends, or ends without a line end is said to", () => {
  assert.deepEqual(unifiedDiff("", "x\n", NAMES).slice(2), ["@@ -0,0 +1 @@", "+x"]);
  assert.deepEqual(unifiedDiff("x\n", "", NAMES).slice(2), ["@@ -1 +0,0 @@", "-x"]);
  assert.deepEqual(unifiedDiff("x\n", "x", NAMES).slice(2), [
    "@@ -1 +1 @@",
    "-x",
    "+x",
    "\\ No newline at end of file",
  ]);
});

test("whatever the texts are, the lines make both of them, with no line gone that could have stayed", () => {
  const random = randomSource(7);
  const words = () => Array.from({ length: random(30) }, () => `${"abcd"[random(4)]}\n`).join("");
  for (let round = 0; round < 300; round++) {
    const [before, after] = [words(), words()];
    const lines = diffLines(before, after);
    const side = (sign: string) => lines.filter((line) => line.sign !== sign).map(({ text }) => text);
    assert.equal(side("+").join(""), before);
    assert.equal(side("-").join(""), after);
    assert.equal(lines.filter(({ sign }) => sign === " ").length, longestCommon(side("+"), side("-")));
  }
});

test("texts with nothing in common take no longer than others", () => {
  const [before, after] = ["a", "b"].map((word) => Array.from({ length: 50_000 }, (_, n) => `${word}${n}\n`).join(""));
  const lines = diffLines(before ?? "", after ?? "");
  assert.equal(lines.length, 100_000);
  assert.ok(lines.every(({ sign }) => sign !== " "));
});

test("patch understands it", unlessMissing(missingPatch), async (t) => {
  const dir = await makeTempDir(t);
  const [file, change] = [join(dir, "text"), join(dir, "change")];
  const after = `first\n${numbered(40, { 20: "twenty" })}last`;
  await writeFile(file, numbered(40));
  await writeFile(change, `${unifiedDiff(numbered(40), after, NAMES).join("\n")}\n`);
  const patched = spawnSync("patch", [file, change]);
  assert.equal(patched.status, 0, String(patched.stdout));
  assert.equal(await readFile(file, "utf8"), after);
});

function longestCommon(left: readonly string[], right: readonly string[]): number {
  const rows = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  for (let i = 1; i <= left.length; i++)
    for (let j = 1; j <= right.length; j++) {
      const row = rows[i] as number[];
      const above = rows[i - 1] as number[];
      row[j] = left[i - 1] === right[j - 1] ? (above[j - 1] ?? 0) + 1 : Math.max(above[j] ?? 0, row[j - 1] ?? 0);
    }
  return rows[left.length]?.[right.length] ?? 0;
}
