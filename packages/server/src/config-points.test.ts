import assert from "node:assert/strict";
import { test } from "node:test";
import { readServerConfig, showServerConfig } from "./config.ts";

const read = (...argv: string[]) => readServerConfig({ argv: ["--data-dir", "data", ...argv], environment: {} });

test("records are kept for fourteen days, and each category as long as it is told", () => {
  assert.equal(read().points.recordsRetentionMs, 14 * 86_400_000);
  const { points } = read("--records-retention", "3d", "--records-retention", "tracing=12h");
  assert.deepEqual([points.recordsRetentionMs, points.categoryRetentionMs], [3 * 86_400_000, { tracing: 43_200_000 }]);
  for (const bad of ["soon", "poems=3d", "metric=3d", "1ms"])
    assert.throws(() => read("--records-retention", bad), /records-retention/, bad);
});

test("where points are sent on is a URL without secrets, which are never shown", () => {
  assert.equal(read().points.forward, undefined);
  const config = read("--forward-to", "influx+https://in.example.org/?bucket=b&token=hush", "--forward-token", "hush");
  assert.equal(config.points.forward?.token, "hush");
  const shown = showServerConfig(config);
  assert.match(shown, /influx\+https:\/\/in\.example\.org/);
  assert.doesNotMatch(shown, /hush/);
  for (const bad of ["ftp://x", "https://user:word@x", "x"])
    assert.throws(() => read("--forward-to", bad), /forward-to/);
  assert.throws(() => read("--forward-token", "hush"), /forward-token: for what/);
});
