import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { createSay, TEXTS } from "./dictionary.ts";

const root = new URL("../", import.meta.url);
const sources = globSync("**/*.{ts,tsx}", { cwd: root })
  .filter((path) => !path.endsWith(".test.ts") && !path.endsWith("-texts.ts"))
  .map((path) => readFileSync(new URL(path, root), "utf8"))
  .join("\n");

const names = (text: string) => [...new Set([...text.matchAll(/\{(\w+)/g)].map((match) => match[1]))].sort();

test("both languages say every text and name the same values", () => {
  for (const [key, [english, chinese]] of Object.entries<readonly [string, string]>(TEXTS)) {
    assert.ok(english !== "" && chinese !== "", key);
    assert.deepEqual(names(chinese), names(english), `${key} names other values in Chinese`);
  }
});

test("Chinese texts are Chinese", () => {
  const same = Object.entries(TEXTS).filter(([key, [english, chinese]]) => english === chinese && !SAME.has(key));
  assert.deepEqual(
    same.map(([key]) => key),
    [],
  );
});

/** Names and units that are written alike in both. */
const SAME: ReadonlySet<string> = new Set(["frame.language.en", "frame.language.zh", "agent.column.id"]);

test("no text is left that nothing says", () => {
  // `status.${status}` says every key that starts with "status."
  const prefixes = [...sources.matchAll(/`([a-zA-Z0-9.-]+\.)\$\{/g)].map((match) => match[1] ?? "");
  const unused = Object.keys(TEXTS).filter(
    (key) => !sources.includes(`"${key}"`) && !prefixes.some((prefix) => key.startsWith(prefix)),
  );
  assert.deepEqual(unused, []);
});

test("a text has no exclamation mark and never boasts", () => {
  for (const [key, [english, chinese]] of Object.entries<readonly [string, string]>(TEXTS)) {
    assert.doesNotMatch(english, /!(?!=)|successfully/i, key);
    assert.doesNotMatch(chinese, /!(?!=)|\uff01|成功地/, key);
  }
});

test("values are written by the language's habits and words follow counts", () => {
  const english = createSay("en");
  assert.equal(english("agents.count", { count: 1 }), "1 agent");
  assert.equal(english("agents.count", { count: 30_000 }), "30,000 agents");
  assert.equal(createSay("zh")("agents.count", { count: 30_000 }), "30,000 台主机");
});
