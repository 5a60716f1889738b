import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createConfigServerClient, G0, makeTempDir, startAgent, startServer, waitUntil } from "@muster/testing";

for (const generation of ["g0", "g1", "g2"] as const) {
  test(`our agent joins our ConfigServer (${generation}): it is given a config, keeps the last good one, and loses it`, async (scope) => {
    const server = await startServer(scope);
    const people = createConfigServerClient(`${server.url}/configserver/g0`, G0, {
      headers: { authorization: `Bearer ${server.apiToken}` },
    });
    const dataDir = await makeTempDir(scope);
    const hook = join(dataDir, "hook.sh");
    writeFileSync(hook, '#!/bin/sh\n! grep -q broken "$2" || { echo "no such plugin"; exit 1; }\n');
    chmodSync(hook, 0o700);
    const flags = ["--protocol", `configserver-${generation}`, "--configserver-interval", "1s", "--config-hook", hook];
    const under = { ...server, url: `${server.url}/configserver/${generation}` };
    const agent = await startAgent(scope, under, { id: "host-1", dataDir, labels: { role: "web" }, flags });
    const explain = () => `${agent.process.describe()}\n${server.process.describe()}`;
    const group = { group_name: "webs", tags: [{ name: "role", value: "web" }] };
    assert.equal((await people.user("CreateAgentGroup", { agent_group: group })).status, 200);
    const write = async (action: "CreateConfig" | "UpdateConfig", content: string) => {
      const answer = await people.user(action, { config_detail: { config_name: "logs", content } });
      assert.deepEqual([answer.status, answer.body?.code], [200, "Accept"]);
    };
    await write("CreateConfig", "inputs: []\n");
    const binding = { config_name: "logs", group_name: "webs" };
    assert.equal((await people.user("ApplyConfigToAgentGroup", binding)).status, 200);
    // agents of that generation take JSON alone, so they are given it
    const path = join(dataDir, generation === "g2" ? "pipelines/logs.json" : "pipelines/logs.yaml");
    const text = () => (existsSync(path) ? readFileSync(path, "utf8") : "");
    const waitForInputs = (wanted: RegExp) =>
      waitUntil(`a text like ${wanted}`, () => wanted.test(text()), { timeoutMs: 15_000, explain });
    await waitForInputs(/^\{?\s*"?inputs"?:\s*\[\s*\]/);

    await write("UpdateConfig", "broken: 1\n");
    await agent.process.waitForOutput(/config was refused.*no such plugin/);
    assert.match(text(), /inputs/);
    await write("UpdateConfig", "inputs: [a]\n");
    await waitForInputs(/^\{?\s*"?inputs"?:\s*\[\s*"?a"?\s*\]/);
    assert.equal((await people.user("RemoveConfigFromAgentGroup", binding)).status, 200);
    await waitUntil("it is gone", () => !existsSync(path), { timeoutMs: 15_000, explain });
  });
}
