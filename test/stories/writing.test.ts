import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricAnswer, RecordPage } from "@muster/core/resources";
import { type RunningServer, startCli, startServer, waitUntil } from "@muster/testing";

/** Writes as a DataKit does; true when the server said that it is kept. */
async function write(server: RunningServer, category: string, lines: string): Promise<boolean> {
  const response = await fetch(`${server.url}/v1/write/${category}`, {
    method: "POST",
    headers: { "x-token": server.enrollmentToken },
    body: lines,
  }).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok === true;
}

async function findHost(server: RunningServer, name: string): Promise<string | undefined> {
  const { items } = await server.call<{ items: { id: string }[] }>("GET", `agents?filter=${name}`);
  return items[0]?.id;
}

async function readMetric(server: RunningServer, name: string, at: number): Promise<number[]> {
  const agentId = await findHost(server, "web-1");
  if (agentId === undefined) return [];
  const [from, to] = [at - 600_000, at + 600_000].map((ms) => new Date(ms).toISOString());
  const query = new URLSearchParams({ agentId, names: name, from: from ?? "", to: to ?? "", stepMs: "10000" });
  const { series } = await server.call<MetricAnswer>("GET", `metrics?${query}`);
  return series.flatMap(({ avg }) => avg.filter((value) => value !== null));
}

async function readMessages(server: RunningServer): Promise<string[]> {
  const { items } = await server.call<RecordPage>("GET", "records?category=logging&limit=1000");
  return items.map(({ message }) => message);
}

test("kill -9 loses nothing of what the server said was kept, and all of it arrives upstream", async (t) => {
  const upstream = await startServer(t);
  const flags = ["--forward-to", upstream.url, "--forward-token", upstream.enrollmentToken];
  const first = await startServer(t, { flags });
  const start = Date.now() - 300_000;
  const kept: number[] = [];
  let going = true;
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let index = writer; going; index += 4) {
      const at = start + index;
      const isMetric = await write(first, "metric", `nginx,host=web-1,n=${index} active=${index} ${at}`);
      const isLog = await write(first, "logging", `app,host=web-1 message="line ${index}" ${at}`);
      if (isMetric && isLog) kept.push(index);
      if (!isLog) break;
    }
  });
  await waitUntil("some writes", () => kept.length >= 40, { timeoutMs: 20_000 });
  await first.process.stop("SIGKILL");
  going = false;
  await Promise.all(writers);

  const second = await startServer(t, { dataDir: first.dataDir, port: first.port, flags });
  for (const server of [second, upstream]) {
    const expected = new Set(kept.map((index) => `line ${index}`));
    const isThere = async () => {
      const found = new Set(await readMessages(server));
      return [...expected].every((message) => found.has(message));
    };
    await waitUntil("every line", isThere, { timeoutMs: 30_000 });
    const isMeasured = async () => {
      const found = new Set(await readMetric(server, "nginx.active", start));
      return kept.every((index) => found.has(index));
    };
    await waitUntil("every measurement", isMeasured, { timeoutMs: 30_000 });
  }
});

test("a person follows logs on the command line", async (t) => {
  const server = await startServer(t);
  assert.ok(await write(server, "logging", `app,host=web-1,status=error message="the disk\\nis full"`));
  const cli = await startCli(t, server, ["logs", "--follow", "--grep", "disk"]);
  await cli.waitForOutput(/web-1 app error the disk/, 20_000);
  assert.ok(await write(server, "logging", 'app,host=web-1 message="something else"'));
  assert.ok(await write(server, "logging", 'app,host=web-1 message="the disk is empty again"'));
  await cli.waitForOutput(/the disk is empty again/, 20_000);
  assert.doesNotMatch(cli.stdout, /something else/);
  await cli.stop("SIGINT");
});
