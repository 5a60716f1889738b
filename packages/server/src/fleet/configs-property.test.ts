import assert from "node:assert/strict";
import { test } from "node:test";
import type { WantedConfig } from "./config-delivery.ts";
import { openTestFleet, type TestAgent, type TestFleet } from "./fleet-for-test.ts";

const SEQUENCES = 25;
const STEPS = 40;
const NAMES = ["alpha", "beta", "gamma"];

type Dice = (below: number) => number;

function diceOf(seed: number): Dice {
  let state = (seed * 2654435761) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** An agent that does what protocols ask of it: `growing` ones only take greater numbers, and tell no verdict. */
class ModelAgent {
  readonly growing: boolean;
  readonly peer: TestAgent;
  readonly held = new Map<string, WantedConfig>();
  /** With which revision each config came, or came back. */
  readonly born: ReadonlyMap<string, number>;
  taken = 0;
  #refused: WantedConfig | undefined;

  constructor(peer: TestAgent, growing: boolean, born: ReadonlyMap<string, number>) {
    this.peer = peer;
    this.born = born;
    this.growing = growing;
  }

  /** Says what it has, compares it with what it is told, and takes it, unless it cannot. */
  beat({ fleet }: TestFleet): void {
    const { state } = this.peer.session;
    const held = [...this.held.values()].map((config) => ({ config, status: "applied" as const, error: null }));
    const refused = this.#refused && { config: this.#refused, status: "failed" as const, error: "no" };
    fleet.configs.report(
      state,
      ["pipeline"],
      [...held.filter(({ config }) => config.name !== refused?.config.name), ...(refused ? [refused] : [])].map(
        ({ config, ...told }) => ({
          name: config.name,
          kind: config.kind,
          revision: config.revision,
          digest: null,
          ...(this.growing ? { status: "unknown" as const, error: null } : told),
        }),
      ),
    );
    this.#refused = undefined;
    const wanted = fleet.configs.wantedFor(state);
    for (const name of [...this.held.keys()])
      if (!wanted.some((config) => config.name === name)) this.held.delete(name);
    for (const config of wanted) {
      const before = this.held.get(config.name);
      if (before?.revision === config.revision) {
        assert.equal(before.text, config.text, "a number means one text");
        continue;
      }
      if (before && this.growing && config.revision < before.revision) continue;
      if (!this.growing && config.text.includes("bad")) {
        this.#refused = config;
        continue;
      }
      // what it has of a config that was removed meanwhile is nobody's text any more
      const isOld = (before?.revision ?? 0) < (this.born.get(config.name) ?? 0);
      assert.ok(isOld || before?.text !== config.text, "nothing is loaded again for a number alone");
      this.held.set(config.name, config);
      this.taken++;
    }
  }
}

async function play(bench: TestFleet, dice: Dice): Promise<void> {
  const { configs, groups, agents: known } = bench.fleet;
  const given = ["default"];
  for (const zone of ["a", "b"]) given.push((await groups.create({ name: zone, selector: `${zone}` })).id);
  const agents: ModelAgent[] = [];
  const born = new Map<string, number>();
  for (const growing of [true, false, true, false]) {
    const capabilities = new Set(growing ? (["pipelines"] as const) : (["pipelines", "verdict"] as const));
    agents.push(new ModelAgent(await bench.connect(`agent-${agents.length}`, { capabilities }), growing, born));
  }
  const pick = <Item>(items: readonly Item[]) => items[dice(items.length)] as Item;
  const text = () => pick(["one", "two", "three", "bad"]);
  const living = async () => (await configs.list({ limit: 10 })).items;
  const tryOne = async () => {
    const config = pick(await living());
    const action = dice(9);
    if (action === 0 || !config) {
      const { name, revision } = await configs.create({ name: pick(NAMES), kind: "pipeline", text: text() }, "eve");
      born.set(name, revision);
    } else if (action === 1) await configs.change(config.id, { text: text() }, "eve");
    else if (action === 2) await configs.change(config.id, { text: text() }, "eve", { give: true });
    else if (action === 3 && dice(3) === 0) await configs.remove(config.id, "eve");
    else if (action === 4) await configs.assign(config.id, pick(given), undefined, "eve");
    else if (action === 5) await configs.assign(config.id, pick(given), 1 + dice(config.revision), "eve");
    else if (action === 6) await configs.unassign(config.id, pick(given), "eve");
    else if (action === 7) {
      const labels = Object.fromEntries(["a", "b"].filter(() => dice(2) === 0).map((zone) => [zone, "1"]));
      await known.update(pick(agents).peer.session.agentId, { labels });
    } else pick(agents).beat(bench);
  };
  for (let step = 0; step < STEPS; step++) {
    await tryOne().catch((error: { code?: string }) => {
      if (error.code !== "already_exists" && error.code !== "not_found") throw error;
    });
    if (dice(4) === 0) await configs.flush();
  }
  for (let beat = 0; beat < 6; beat++) {
    for (const agent of agents) agent.beat(bench);
    await configs.flush();
  }
  for (const agent of agents) await check(bench, agent);
}

/** By the rows alone: the last group of the agent that has the config decides. */
async function check({ fleet, store }: TestFleet, agent: ModelAgent): Promise<void> {
  const { agentId } = agent.peer.session;
  const expected = new Map<string, { text: string; revision: number }>();
  const order = await store.db.selectFrom("groups").select("id").orderBy("position").orderBy("id").execute();
  for (const group of order) {
    if (!(await fleet.groups.members(group.id)).some(({ id }) => id === agentId)) continue;
    for (const { configId, configName, revision } of await fleet.configs.assignments({ groupId: group.id }))
      expected.set(configName, { text: (await fleet.configs.revision(configId, revision)).text, revision });
  }
  const truths = new Map((await fleet.configs.ofAgent(agentId)).map((truth) => [truth.configName, truth]));
  assert.deepEqual([...truths.keys()].sort(), [...expected.keys()].sort());
  for (const [name, { text, revision }] of expected) {
    const truth = truths.get(name);
    assert.equal(truth?.wanted, revision);
    if (agent.growing || text !== "bad") {
      assert.equal(agent.held.get(name)?.text, text, `${name} of ${agentId}`);
      assert.deepEqual([truth?.status, truth?.applied], ["applied", revision]);
    } else {
      assert.equal(truth?.status, "failed");
      assert.notEqual(agent.held.get(name)?.text, "bad");
    }
  }
  for (const name of agent.held.keys()) assert.ok(expected.has(name), `${name} is gone`);
  const { taken } = agent;
  agent.beat({ fleet, store } as TestFleet);
  assert.equal(agent.taken, taken, "who has everything is left alone");
}

test("whatever people and agents do, an agent that follows its protocol ends with exactly the configs of its groups", async () => {
  for (let seed = 1; seed <= SEQUENCES; seed++) {
    const bench = await openTestFleet();
    try {
      await play(bench, diceOf(seed));
    } catch (error) {
      throw new Error(`sequence ${seed}`, { cause: error });
    } finally {
      await bench.close();
    }
  }
});
