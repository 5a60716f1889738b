import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutputChunk } from "@muster/core/resources";
import { OutputMerger } from "./output-merger.ts";

const chunk = (seq: number): OutputChunk => ({ seq, stream: "stdout", at: "", text: `${seq}\n` });
const texts = (merger: OutputMerger) => merger.output.lines.map((line) => line.text);
const settle = () => new Promise((resolve) => setImmediate(resolve));

function createMerger(stored: Record<string, number>) {
  const reads: [string, number][] = [];
  const merger = new OutputMerger({
    onChange: () => undefined,
    read: async function* (runId, after) {
      reads.push([runId, after]);
      await Promise.resolve();
      for (let seq = after + 1; seq < (stored[runId] ?? 0); seq++) yield chunk(seq);
    },
  });
  return { merger, reads };
}

test("a run watched from its first chunk is never read from the store", async () => {
  const { merger, reads } = createMerger({});
  merger.push("r", [chunk(0)]);
  merger.push("r", [chunk(1), chunk(2)]);
  merger.see("r");
  await settle();
  assert.deepEqual(texts(merger), ["0", "1", "2"]);
  assert.deepEqual(reads, []);
});

test("live chunks wait for the stored ones before them and come once", async () => {
  const { merger } = createMerger({ r: 4 });
  merger.push("r", [chunk(3), chunk(4)]);
  merger.push("r", [chunk(5)]);
  assert.deepEqual(texts(merger), []);
  await settle();
  assert.deepEqual(texts(merger), ["0", "1", "2", "3", "4", "5"]);
});

test("a finished run is read once, however often it is seen", async () => {
  const { merger, reads } = createMerger({ r: 2 });
  merger.see("r");
  await settle();
  merger.see("r");
  await settle();
  assert.deepEqual(texts(merger), ["0", "1"]);
  assert.equal(reads.length, 1);
});

test("after a break everything known is read on from where it was", async () => {
  const stored = { r: 2 };
  const { merger, reads } = createMerger(stored);
  merger.see("r");
  await settle();
  stored.r = 5;
  merger.catchUp();
  await settle();
  assert.deepEqual(texts(merger), ["0", "1", "2", "3", "4"]);
  assert.deepEqual(reads.at(-1), ["r", 1]);
});
