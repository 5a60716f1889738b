import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Agent, MetricAnswer } from "@muster/core/resources";
import {
  type MetricStore,
  missingPrometheus,
  missingVictoriaMetrics,
  type RunningServer,
  startAgent,
  startPrometheus,
  startServer,
  startVictoriaMetrics,
  unlessMissing,
  waitUntil,
} from "@muster/testing";
import { waitForAgent } from "../support/fleet.ts";

const STORES = [
  { name: "VictoriaMetrics", missing: missingVictoriaMetrics(), start: startVictoriaMetrics },
  { name: "Prometheus", missing: missingPrometheus(), start: startPrometheus },
];
const UPTIME = "muster_system_uptime_seconds";

for (const { name, missing, start } of STORES) {
  describe(`history in ${name}`, unlessMissing(missing), () => {
    test("everything measured arrives there, though the store is away and the server is killed meanwhile", async (t) => {
      const store = await start(t);
      const flags = ["--metrics-remote-write", store.writeUrl, "--metrics-remote-label", "cluster=north"];
      const first = await startServer(t, { flags });
      await startAgent(t, first, { id: "one", labels: { role: "web" } });
      const agent = await waitForAgent(first, "one");
      const begin = Date.now() - 60_000;
      await waitUntil("a sent row", async () => (await reading(first, "muster_remote_write_sent_rows_total")) > 0, {
        timeoutMs: 40_000,
        everyMs: 250,
      });
      await store.stop();
      await waitUntil("a waiting row", async () => (await reading(first, "muster_remote_write_queue_rows")) > 0, {
        timeoutMs: 40_000,
        everyMs: 250,
      });
      await first.process.stop("SIGKILL");

      await store.start();
      const second = await startServer(t, { dataDir: first.dataDir, port: first.port, flags });
      await waitForAgent(second, "one");
      const ours = await readOurs(second, agent, begin);
      assert.ok(ours.size >= 2, "there is something to compare");
      await waitUntil("an empty queue", async () => (await reading(second, "muster_remote_write_queue_rows")) === 0, {
        timeoutMs: 60_000,
        everyMs: 250,
      });
      await waitUntil(
        "every step of ours in the store",
        async () => {
          const theirs = await readTheirs(store, `${UPTIME}{agent_id="${agent.id}"}`, begin);
          return [...ours].every(([at, value]) => Math.abs((theirs.get(at + 5_000) ?? 0) - value) < 1e-6);
        },
        { timeoutMs: 20_000, everyMs: 500, explain: () => second.process.describe() },
      );
      const labelled = `${UPTIME}{agent_name="one",label_role="web",cluster="north",hostname!=""}`;
      assert.ok((await readTheirs(store, labelled, begin)).size > 0);
    });
  });
}

describe("charts from VictoriaMetrics", unlessMissing(missingVictoriaMetrics()), () => {
  test("the API answers from the store for what is old, and by itself while the store is away", async (t) => {
    const store = await startVictoriaMetrics(t);
    const server = await startServer(t, { flags: ["--metrics-remote-read", store.url] });
    await startAgent(t, server, { id: "one" });
    const agent = await waitForAgent(server, "one");
    const yesterday = Date.now() - 86_400_000;
    const from = yesterday - (yesterday % 60_000);
    // what Muster itself has long forgotten
    const lines = [0, 10_000, 20_000, 60_000].map(
      (offset, index) => `${UPTIME}{agent_id="${agent.id}"} ${100 + index} ${from + offset + 5_000}\n`,
    );
    await fetch(`${store.url}/api/v1/import/prometheus`, { method: "POST", body: lines.join("") });
    await store.settle();

    const ask = () => askMetrics(server, agent, { from, to: from + 120_000, stepMs: 60_000 });
    const answer = await ask();
    assert.deepEqual(answer.series[0]?.avg, [101, 103]);
    assert.deepEqual(answer.series[0]?.min, [100, 103]);
    assert.deepEqual(answer.series[0]?.max, [102, 103]);
    assert.equal(await reading(server, "muster_remote_read_answers_total"), 1);

    await waitUntil("a live chart", async () => (await readOurs(server, agent, Date.now() - 60_000)).size > 0, {
      timeoutMs: 40_000,
      everyMs: 500,
      explain: () => server.process.describe(),
    });
    await store.stop();
    assert.deepEqual((await ask()).series[0]?.avg, [null, null]);
    assert.ok((await readOurs(server, agent, Date.now() - 60_000)).size > 0);
    assert.match(server.process.output, /the store of metrics does not answer/);
    assert.equal(await reading(server, "muster_remote_read_failures_total"), 1);
  });
});

/** One number of the server's own /metrics. */
async function reading(server: RunningServer, name: string): Promise<number> {
  const headers = { authorization: `Bearer ${server.apiToken}` };
  const text = await (await fetch(`${server.url}/metrics`, { headers })).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  if (line === undefined) throw new Error(`there is no ${name}`);
  return Number(line.slice(name.length + 1));
}

function askMetrics(
  server: RunningServer,
  agent: Agent,
  range: { from: number; to: number; stepMs: number },
): Promise<MetricAnswer> {
  const query = new URLSearchParams({
    agentId: agent.id,
    names: "system.uptime",
    from: new Date(range.from).toISOString(),
    to: new Date(range.to).toISOString(),
    stepMs: String(range.stepMs),
  });
  return server.call<MetricAnswer>("GET", `metrics?${query}`);
}

/** The averages of steps of 10 s that Muster stored, by the start of the step. */
async function readOurs(server: RunningServer, agent: Agent, since: number): Promise<Map<number, number>> {
  const from = since - (since % 10_000);
  const answer = await askMetrics(server, agent, { from, to: Date.now(), stepMs: 10_000 });
  const points = (answer.series[0]?.avg ?? []).map((value, index) => [from + index * 10_000, value] as const);
  return new Map(points.filter((point): point is readonly [number, number] => point[1] !== null));
}

/** The samples of a selector as the store has them, by their time. */
async function readTheirs(store: MetricStore, selector: string, since: number): Promise<Map<number, number>> {
  await store.settle();
  const range = Math.ceil((Date.now() - since) / 1000) + 60;
  const response = await fetch(`${store.url}/api/v1/query?query=${encodeURIComponent(`${selector}[${range}s]`)}`);
  const answer = (await response.json()) as { data: { result: { values: [number, string][] }[] } };
  const values = answer.data.result.flatMap((series) => series.values);
  return new Map(values.map(([at, value]) => [Math.round(at * 1000), Number(value)]));
}
