import assert from "node:assert/strict";
import { test } from "node:test";
import {
  customRange,
  DEFAULT_RANGE,
  readTimeRange,
  refreshMs,
  resolveTimeRange,
  widen,
  writeTimeRange,
} from "./time-range.ts";

const now = Date.parse("2026-01-01T12:00:00Z");

test("a preset and a custom range survive the way through the URL", () => {
  for (const range of [{ kind: "preset", preset: "6h" } as const, customRange(now - 3_600_000, now)]) {
    assert.deepEqual(readTimeRange(writeTimeRange(new URLSearchParams("tab=history"), range)), range);
  }
});

test("writing a range keeps what else the URL says", () => {
  const parameters = writeTimeRange(new URLSearchParams("tab=history&range=1h"), customRange(now - 60_000, now));
  assert.equal(parameters.get("tab"), "history");
  assert.equal(parameters.get("range"), null);
});

test("a nonsense range is the default", () => {
  for (const text of ["range=2y", "from=x&to=y", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", ""]) {
    assert.deepEqual(readTimeRange(new URLSearchParams(text)), DEFAULT_RANGE);
  }
});

test("a preset moves with the clock and a custom range does not", () => {
  assert.deepEqual(resolveTimeRange({ kind: "preset", preset: "15m" }, now), { from: now - 900_000, to: now });
  const fixed = customRange(now - 7_200_000, now - 3_600_000);
  assert.deepEqual(resolveTimeRange(fixed, now), { from: now - 7_200_000, to: now - 3_600_000 });
  assert.equal(refreshMs(fixed), false);
  assert.equal(refreshMs({ kind: "preset", preset: "15m" }), 10_000);
});

test("a drag over a few pixels still shows a minute", () => {
  const range = customRange(now, now + 10);
  assert.ok(range.kind === "custom" && range.to - range.from === 60_000);
});

test("widening doubles the span and never shows the future", () => {
  const range = widen(customRange(now - 3_600_000, now), now);
  assert.deepEqual(range, customRange(now - 7_200_000, now));
});
