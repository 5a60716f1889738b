import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isRecordFiltered,
  readRecordFilter,
  toneOfStatus,
  toRecordQuery,
  toRecordSpan,
  writeRecordFilter,
} from "./record-filter.ts";

test("a filter survives the URL, and what is usual is not in it", () => {
  const none = new URLSearchParams();
  assert.equal(readRecordFilter(none).category, "logging");
  assert.ok(!isRecordFiltered(readRecordFilter(none)));
  const change = { category: undefined, agentId: "a1", source: "nginx", status: "Error", text: "time out" };
  const written = writeRecordFilter(none, change);
  assert.equal(written.get("category"), "all");
  assert.deepEqual(readRecordFilter(written), change);
  assert.deepEqual(toRecordQuery(change), {
    agentId: "a1",
    measurement: "nginx",
    status: "error",
    contains: "time out",
  });
  assert.equal(String(writeRecordFilter(written, readRecordFilter(none))), "");
  assert.equal(readRecordFilter(new URLSearchParams("category=nonsense")).category, "logging");
});

test("a preset is open at its end, a custom span is not", () => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  assert.deepEqual(toRecordSpan({ kind: "preset", preset: "1h" }, now), { from: "2026-01-01T11:00:00.000Z" });
  assert.deepEqual(toRecordSpan({ kind: "custom", from: now - 1000, to: now }, now), {
    from: "2026-01-01T11:59:59.000Z",
    to: "2026-01-01T12:00:00.000Z",
  });
});

test("whatever a logger calls it, an error is an error", () => {
  assert.deepEqual(["ERR", "critical", "Warn", "ok", "info", "?"].map(toneOfStatus), [
    "wrong",
    "wrong",
    "attention",
    "ok",
    "unknown",
    "unknown",
  ]);
});
