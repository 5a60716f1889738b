import assert from "node:assert/strict";
import { test } from "node:test";
import { launchProcess } from "@muster/testing";
import { AgentLoad, buildBeat } from "./agent-load.ts";
import { median, percentile } from "./numbers.ts";

const BARE = new URL("../programs/bare-ws.ts", import.meta.url).pathname;

test("the generator gets an answer to every beat from an echo server, saturated and paced", async (t) => {
  const server = launchProcess(t, { args: [BARE] });
  const [, port = ""] = await server.waitForOutput(/http:\/\/127\.0\.0\.1:(\d+)/);
  const load = new AgentLoad({
    host: "127.0.0.1",
    port: Number(port),
    echo: true,
    token: "none",
    kind: "native",
    count: 20,
    first: 0,
  });
  await load.connect();
  const saturated = await load.saturate(500, 10);
  assert.equal(saturated.open, 0);
  assert.ok(saturated.answered > 10, `${saturated.answered} answers`);
  const paced = await load.beat(200, 200);
  assert.equal(paced.open, 0);
  assert.ok(Math.abs(paced.answered - 40) <= 1, `${paced.answered} answers`);
  load.close();
});

test("the original beat is as long as the heartbeat that the yardsticks were measured with", () => {
  const bytes = buildBeat("original", 1).length;
  assert.ok(bytes > 330 && bytes < 460, `${bytes} bytes`);
});

test("percentiles are values that were measured, and the median of an even count lies between two", () => {
  assert.equal(percentile([4, 1, 3, 2], 0.5), 2);
  assert.equal(percentile([4, 1, 3, 2], 1), 4);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});
