import assert from "node:assert/strict";
import { test } from "node:test";
import { readServerConfig, showServerConfig } from "./config.ts";

const read = (argv: readonly string[], environment: Record<string, string> = {}) =>
  readServerConfig({ argv: ["--data-dir", "/nowhere", ...argv], environment });
const fails = (argv: readonly string[], message: RegExp) => assert.throws(() => read(argv), { message });
const WRITE = ["--metrics-remote-write", "https://store.example/api/v1/write?key=hidden"];

test("a store of metrics is named by flags, its secrets by variables, and no list of settings shows them", () => {
  const config = read([...WRITE, "--metrics-remote-label", "cluster=north", "--metrics-remote-queue", "64MiB"], {
    MUSTER_METRICS_REMOTE_TOKEN: "very secret",
  });
  assert.deepEqual(config.metricStore, {
    writeUrl: "https://store.example/api/v1/write?key=hidden",
    readUrl: undefined,
    credentials: { token: "very secret", user: undefined, password: undefined },
    labels: { cluster: "north" },
    queueBytes: 64 * 1024 * 1024,
  });
  assert.doesNotMatch(showServerConfig(config), /very secret|hidden/);
});

test("without one, nothing is sent and nothing is asked", () => {
  const { writeUrl, readUrl, labels } = read([]).metricStore;
  assert.deepEqual([writeUrl, readUrl, labels], [undefined, undefined, {}]);
});

test("settings that cannot work together are refused with the reason", () => {
  fails(["--metrics-remote-token", "x"], /for which store/);
  fails([...WRITE, "--metrics-remote-token", "x", "--metrics-remote-user", "y"], /give one of them/);
  fails([...WRITE, "--metrics-remote-password", "x"], /whose\?/);
  fails(["--metrics-remote-write", "https://user:password@store.example"], /metrics-remote-user/);
  fails(["--metrics-remote-write", "ftp://store.example"], /expected http/);
  fails([...WRITE, "--metrics-remote-label", "agent_id=x"], /one of ours/);
  const labels = Array.from({ length: 11 }, (_, index) => ["--metrics-remote-label", `l${index}=x`]).flat();
  fails([...WRITE, ...labels], /at most 10/);
});
