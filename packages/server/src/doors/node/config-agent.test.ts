import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeTempDir, type RunningServer, startAgent, waitUntil } from "@muster/testing";
import { NodeBench } from "./test-bench.ts";

test("a real agent is given a config, keeps its last good one when its hook refuses the next, and goes on after kill -9", {
  timeout: 60_000,
}, async (t) => {
  const bench = await NodeBench.open(t);
  const { configs } = bench.fleet;
  const server = { url: bench.url, enrollmentToken: bench.token } as RunningServer;
  const dataDir = await makeTempDir(t);
  const hook = join(dataDir, "hook.sh");
  writeFileSync(hook, '#!/bin/sh\n! grep -q broken "$2" || { echo "$1: port is missing"; exit 1; }\n');
  chmodSync(hook, 0o700);
  const options = { id: "host-1", dataDir, labels: { region: "eu" }, flags: ["--config-hook", hook] };
  const agent = await startAgent(t, server, options);
  const { id } = await configs.create({ name: "app.conf", kind: "file", text: `in \${label.region}\n` }, "eve");
  await configs.assign(id, "default", undefined, "eve");
  const path = join(dataDir, "configs/app.conf");
  const waitForTruth = (wanted: unknown[]) =>
    waitUntil(
      `${wanted.join(", ")}`,
      async () => {
        await configs.flush();
        const [truth] = (await configs.agentsOf(id, { limit: 10 })).items;
        const told = truth && [truth.wanted, truth.applied, truth.status, truth.drifted];
        return JSON.stringify(told) === JSON.stringify(wanted) && truth;
      },
      { timeoutMs: 20_000, explain: () => agent.process.describe() },
    );
  await waitForTruth([1, 1, "applied", false]);
  assert.equal(readFileSync(path, "utf8"), "in eu\n");

  await configs.change(id, { text: "broken\n" }, "eve", { give: true });
  const failed = await waitForTruth([2, 1, "failed", false]);
  assert.match(failed.error ?? "", /exit code 1: app.conf: port is missing/);
  assert.equal(readFileSync(path, "utf8"), "in eu\n");

  await agent.process.stop("SIGKILL");
  await configs.change(id, { text: "better\n" }, "eve", { give: true });
  const again = await startAgent(t, server, options);
  await waitForTruth([3, 3, "applied", false]);
  assert.equal(readFileSync(path, "utf8"), "better\n");
  await configs.remove(id, "eve");
  await waitUntil(
    "the file is gone",
    () => {
      try {
        return !readFileSync(path);
      } catch {
        return true;
      }
    },
    { explain: () => again.process.describe() },
  );
  assert.doesNotMatch(again.process.output, /were not|could not/);
});
