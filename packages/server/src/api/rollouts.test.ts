import assert from "node:assert/strict";
import { test } from "node:test";
import type { Capability } from "@muster/core";
import type { Config, Page, Rollout, RolloutAgent, RolloutError } from "@muster/core/resources";
import { problemSchema } from "@muster/core/resources";
import { type Scope, waitUntil } from "@muster/testing";
import { connectTo, type TestAgent } from "../fleet/fleet-for-test.ts";
import { startTestServer } from "./test-server.ts";

/** A server with two agents, and a config of two revisions of which everyone has the first. */
async function setUp(scope: Scope) {
  const server = await startTestServer(scope);
  const { configs, rollouts } = server.fleet;
  const ask = async <Answer>(method: string, path: string, body?: unknown) => {
    const options = { token: server.firstRun.apiToken, ...(body !== undefined && { body }) };
    const response = await server.request(method, `/fleet/v1/${path}`, options);
    return { status: response.status, answer: (await response.json()) as Answer };
  };
  const capabilities = new Set<Capability>(["configs", "verdict"]);
  const agents: TestAgent[] = [];
  for (const name of ["a", "b"]) agents.push(await connectTo(server.fleet, name, { capabilities }));
  // a rollout holds no wave up for those that are not stored as online yet
  await waitUntil("both to be online", async () => {
    const online = await ask<{ total: number }>("GET", "agents?status=online");
    return online.answer.total === 2;
  });
  const { id } = await configs.create({ name: "app", kind: "file", text: "1" }, "eve");
  await configs.assign(id, "default", 1, "eve");
  await configs.change(id, { text: "2" }, "eve");
  const wanted = () => agents.map((agent) => configs.wantedFor(agent.session.state)[0]?.text);
  /** Everybody who wants this text says what became of it. */
  const report = async (text: string, error: string | null) => {
    for (const { session } of agents)
      for (const { name, kind, revision } of configs
        .wantedFor(session.state)
        .filter((config) => config.text === text)) {
        const status = error === null ? "applied" : "failed";
        configs.report(session.state, [kind], [{ name, kind, revision, status, error, digest: null }]);
      }
    await configs.flush();
    await rollouts.run(Date.now());
  };
  return { server, ask, id, wanted, report };
}

const SPEC = { configId: "", revision: 2, groups: ["default"], waves: [1, "100%"], healthyMs: 0 };

test("a rollout is begun, held, looked at, paused, resumed and done", async (t) => {
  const { ask, id, wanted, report, server } = await setUp(t);
  const begun = await ask<Rollout>("POST", "rollouts", { ...SPEC, configId: id });
  assert.equal(begun.status, 201);
  const { id: rollout, state, wave, failureBudget } = begun.answer;
  assert.deepEqual([state, wave, failureBudget], ["running", 1, 0]);
  assert.deepEqual(wanted().sort(), ["1", "2"]);
  assert.equal((await ask<Config>("GET", "configs/app")).answer.rolloutId, rollout);
  const beside = await ask("PUT", "configs/app/assignments/default", {});
  assert.equal(beside.status, 412, "the rollout would undo it when it ends");

  assert.equal((await ask<Rollout>("POST", `rollouts/${rollout}/pause`)).answer.state, "paused");
  await report("2", null);
  assert.deepEqual(wanted().sort(), ["1", "2"]);
  const waiting = await ask<Page<RolloutAgent>>("GET", `rollouts/${rollout}/agents?state=waiting`);
  assert.deepEqual(
    waiting.answer.items.map(({ wave: number }) => number),
    [2],
  );
  assert.equal((await ask<Rollout>("POST", `rollouts/${rollout}/resume`)).answer.state, "running");
  await waitUntil("the second wave", async () => {
    await report("2", null);
    return (await ask<Rollout>("GET", `rollouts/${rollout}`)).answer.state === "done";
  });
  assert.deepEqual(wanted(), ["2", "2"]);
  const listed = await ask<Page<Rollout>>("GET", `rollouts?configId=${id}&state=done&limit=1`);
  assert.deepEqual(
    listed.answer.items.map((one) => [one.id, one.waves.map(({ agents }) => agents)]),
    [[rollout, [1, 1]]],
  );
  assert.deepEqual((await ask<Page<Rollout>>("GET", "rollouts?state=running")).answer.items, []);

  const { items } = await server.access.audit.list({ limit: 20, action: "rollouts.write" });
  assert.deepEqual(
    items.map(({ target, details }) => [target, details.config, details.act]),
    [
      [`rollout:${rollout}`, "app", "resume"],
      [`rollout:${rollout}`, "app", "pause"],
      [`rollout:${rollout}`, "app", undefined],
    ],
  );
});

test("what fails is told once for all who failed the same, and rolled back", async (t) => {
  const { ask, id, wanted, report } = await setUp(t);
  const { answer } = await ask<Rollout>("POST", "rollouts", { ...SPEC, configId: id, waves: ["100%"] });
  await waitUntil("both failures", async () => {
    await report("2", "no room");
    const errors = await ask<{ items: RolloutError[] }>("GET", `rollouts/${answer.id}/errors`);
    return JSON.stringify(errors.answer.items) === JSON.stringify([{ error: "no room", agents: 2 }]);
  });
  assert.equal((await ask<Rollout>("GET", `rollouts/${answer.id}`)).answer.state, "halted");
  assert.equal((await ask<Rollout>("POST", `rollouts/${answer.id}/rollback`)).answer.state, "rolled_back");
  assert.deepEqual(wanted(), ["1", "1"]);
  const again = await ask("POST", `rollouts/${answer.id}/pause`);
  assert.equal(problemSchema.parse(again.answer).code, "failed_precondition");
});

test("a rollout of nothing, to nobody, or in waves that do not grow is refused; so is one that is not there", async (t) => {
  const { ask, id } = await setUp(t);
  for (const [change, status] of [
    [{ revision: 9 }, 404],
    [{ configId: "nothing" }, 404],
    [{ groups: ["nobody"] }, 404],
    [{ groups: [] }, 400],
    [{ waves: ["50%", "10%", "100%"] }, 400],
    [{ waves: [1] }, 400],
    [{ colour: "red" }, 400],
  ] as const) {
    const refused = await ask("POST", "rollouts", { ...SPEC, configId: id, ...change });
    assert.equal(refused.status, status, JSON.stringify(change));
  }
  for (const path of ["", "/agents", "/errors"]) assert.equal((await ask("GET", `rollouts/x${path}`)).status, 404);
  assert.equal((await ask("POST", "rollouts/x/cancel")).status, 404);
  const { answer } = await ask<Rollout>("POST", "rollouts", { ...SPEC, configId: id });
  assert.equal((await ask<Rollout>("POST", `rollouts/${answer.id}/cancel`)).answer.state, "cancelled");
});
