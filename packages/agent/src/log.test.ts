import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ManualClock } from "@muster/testing";
import { createLogger, errorText } from "./log.ts";
import { AGENT_VERSION } from "./version.ts";

function collect(level: "debug" | "info", secrets: readonly string[] = []) {
  const lines: string[] = [];
  const log = createLogger({ level, clock: new ManualClock(), write: (line) => lines.push(line), secrets });
  return { lines, log };
}

test("a line is one JSON object with instant, level, event and fields", () => {
  const { lines, log } = collect("info");
  log.debug("not shown");
  log.info("agent started", { agentId: "a", absent: undefined });
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [{ at: "2026-01-01T00:00:00.000Z", level: "info", event: "agent started", agentId: "a" }],
  );
});

test("secrets do not appear, neither by field name nor inside a text", () => {
  const { lines, log } = collect("info", ["tkn_secret"]);
  log.warn("server was not reached", { token: "other", reason: "ws://h/?token=tkn_secret failed" });
  assert.doesNotMatch(lines.join(""), /tkn_secret|other/);
});

test("what cannot be written as JSON does not throw", () => {
  const { lines, log } = collect("info");
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  log.error("odd", { circle });
  assert.equal(JSON.parse(lines[0] ?? "").unprintable, true);
});

test("a failure with several reasons tells them all", () => {
  assert.equal(
    errorText(new AggregateError([new Error("v6 refused"), new Error("v4 refused")], "")),
    "v6 refused; v4 refused",
  );
});

test("the version in the code is that of package.json", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  assert.equal(AGENT_VERSION, manifest.version);
});
