import assert from "node:assert/strict";
import { test } from "node:test";
import { COLLECTOR_KINDS } from "./index.ts";

test("every kind and alias has a name of its own", () => {
  const names = COLLECTOR_KINDS.flatMap((kind) => [kind.name, ...(kind.aliases ?? [])]);
  assert.deepEqual([...new Set(names)], names);
});

test("samples are ASCII and start with a live header of their own kind", () => {
  for (const kind of COLLECTOR_KINDS) {
    // consoles of old Windows show nothing else
    assert.match(kind.sample, /^[\n\x20-\x7e]+$/, kind.name);
    const live = kind.sample.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#"));
    assert.equal(live, `[[inputs.${kind.name}]]`);
  }
});

test("measurements are described: every tag and field says what it is", () => {
  for (const kind of COLLECTOR_KINDS) {
    for (const { name, about, tags, fields } of kind.measurements) {
      assert.notEqual(about, "", `${kind.name} ${name}`);
      for (const [key, meaning] of [...Object.entries(tags), ...Object.entries(fields)]) {
        assert.notEqual(meaning, "", `${kind.name} ${name} ${key}`);
      }
    }
  }
});
