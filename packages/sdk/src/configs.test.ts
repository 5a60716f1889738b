import assert from "node:assert/strict";
import { test } from "node:test";
import { answerJson, startStubServer } from "@muster/testing";
import { collectAll, MusterClient } from "./index.ts";

test("configs, rollouts and secrets are asked for where the server answers them", async () => {
  await using server = await startStubServer((_, response) => answerJson(response, { items: [], nextCursor: null }));
  const { configs, rollouts, secrets } = new MusterClient({ baseUrl: server.baseUrl, token: "t" });
  await configs.kinds();
  await configs.list({ kind: "file", filter: "web" });
  await configs.get("a b");
  await configs.create({ name: "n", kind: "file", text: "x" });
  await configs.change("c", { text: "y", baseRevision: 1 });
  await configs.remove("c");
  await configs.revisions("c");
  await configs.revision("c", 2);
  await collectAll(configs.agentsAll("c", { status: "failed" }));
  await configs.assign("c", "g");
  await configs.assign("c", "g", 3);
  await configs.unassign("c", "g");
  await configs.plan({ configId: "c", revision: 1, groups: ["g"] });
  await configs.ofAgent("a");
  await configs.retry("a", "c");
  await rollouts.start({ configId: "c", revision: 1, groups: ["g"], waves: ["10%", "100%"] });
  await rollouts.list({ state: "running" });
  await collectAll(rollouts.agentsAll("r", { wave: 2 }));
  await rollouts.errors("r");
  for (const act of ["pause", "resume", "cancel", "rollBack"] as const) await rollouts[act]("r");
  await secrets.list();
  await secrets.set("s", { value: "v" });
  await secrets.remove("s");
  assert.deepEqual(
    server.seen.map(({ method, url, body }) => [`${method} ${url.replace("/fleet/v1/", "")}`, body].join(" ").trim()),
    [
      "GET config-kinds",
      "GET configs?kind=file&filter=web",
      "GET configs/a%20b",
      'POST configs {"name":"n","kind":"file","text":"x"}',
      'PATCH configs/c {"text":"y","baseRevision":1}',
      "DELETE configs/c",
      "GET configs/c/revisions",
      "GET configs/c/revisions/2",
      "GET configs/c/agents?status=failed&limit=1000",
      "PUT configs/c/assignments/g {}",
      'PUT configs/c/assignments/g {"revision":3}',
      "DELETE configs/c/assignments/g",
      'POST configs/plan {"configId":"c","revision":1,"groups":["g"]}',
      "GET agents/a/configs",
      "POST agents/a/configs/c/retry",
      'POST rollouts {"configId":"c","revision":1,"groups":["g"],"waves":["10%","100%"]}',
      "GET rollouts?state=running",
      "GET rollouts/r/agents?wave=2&limit=1000",
      "GET rollouts/r/errors",
      "POST rollouts/r/pause",
      "POST rollouts/r/resume",
      "POST rollouts/r/cancel",
      "POST rollouts/r/rollback",
      "GET secrets",
      'PUT secrets/s {"value":"v"}',
      "DELETE secrets/s",
    ],
  );
});
