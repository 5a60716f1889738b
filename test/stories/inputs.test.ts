import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Input, Page } from "@muster/core/resources";
import { startAgent, startServer, waitUntil } from "@muster/testing";
import { waitForAgent } from "../support/fleet.ts";

const TEXT = '[[inputs.logging]]\n  logfiles = ["LOG"]\n  from_beginning = true\n';

/** What is in the agent's queue. */
function readQueue(dataDir: string): string {
  const folder = join(dataDir, "agent/inputs/queue");
  if (!existsSync(folder)) return "";
  const names = readdirSync(folder).filter((name) => name.endsWith(".points"));
  return names.map((name) => readFileSync(join(folder, name), "utf8")).join("");
}

for (const protocol of ["native", "dataway"] as const) {
  test(`an input is given to an agent (${protocol}), runs within a second, is broken, rolled back, and its points arrive`, async (scope) => {
    const server = await startServer(scope);
    const agent = await startAgent(scope, server, { id: "host-1", flags: ["--protocol", protocol] });
    const { id } = await waitForAgent(server, "host-1");
    const inputs = `agents/${id}/inputs`;
    const log = join(agent.dataDir, "app.log");
    writeFileSync(log, "hello from the story\n");

    const toml = TEXT.replace("LOG", log);
    const startedAt = performance.now();
    const added = await server.call<Input>("POST", inputs, { input: "logging", inputType: "datakit", toml });
    assert.ok(performance.now() - startedAt < 5000);
    assert.deepEqual([added.status, added.error, added.managed], ["running", null, true]);
    assert.equal(readFileSync(join(agent.dataDir, `conf.d/${added.id}.conf`), "utf8"), toml);

    const change = (text: string) => server.call<Input>("PUT", `${inputs}/${added.id}`, { toml: text });
    await assert.rejects(change(`${toml}  colour = 1\n`), /400.*colour.*"line":4/s);
    await assert.rejects(change("[[inputs.logging]\n"), /400.*invalidConfig/s);
    await server.call("POST", `${inputs}/disable`, { ids: [added.id] });
    await assert.rejects(server.call("POST", `${inputs}/disable`, { ids: [added.id] }), /inputNotEnabled/);
    await server.call("POST", `${inputs}/enable`, { ids: [added.id] });
    const slower = toml.replace("[[inputs.logging]]", "[[inputs.logging]]\n  source = 'app'");
    assert.equal((await change(slower)).status, "running");
    const back = await server.call<Input>("POST", `${inputs}/${added.id}/rollback`, { revision: added.revision });
    assert.deepEqual([back.status, (back.revision ?? 0) > (added.revision ?? 0)], ["running", true]);
    assert.equal(readFileSync(join(agent.dataDir, `conf.d/${added.id}.conf`), "utf8"), toml);
    const { items } = await server.call<Page<Input>>("GET", inputs);
    assert.deepEqual(
      items.map((input) => [input.id, input.status]),
      [[added.id, "running"]],
    );

    await waitUntil(
      "the line",
      async () => JSON.stringify(await server.call("GET", "records?limit=100")).includes("hello from the story"),
      { timeoutMs: 15_000, explain: () => `${agent.process.describe()}\n${readQueue(agent.dataDir)}` },
    );
    await waitUntil("an empty queue", () => !readQueue(agent.dataDir).includes("hello"), { timeoutMs: 10_000 });
    assert.doesNotMatch(agent.process.output, /points were (refused|not taken)/);
  });
}
