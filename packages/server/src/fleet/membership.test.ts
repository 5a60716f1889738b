import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesSelector, parseSelector } from "@muster/core";
import { describeStores } from "../store/stores-for-test.ts";
import { openTestFleet, type TestAgent } from "./fleet-for-test.ts";
import { toRule } from "./group-rows.ts";
import { type GroupRule, Membership } from "./membership.ts";

/** Answers the same numbers in the same order every time. */
function makeDice(seed: number) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return {
    pick: <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)] as Item,
    many: <Item>(most: number, make: () => Item): Item[] =>
      Array.from({ length: Math.floor(next() * (most + 1)) }, make),
  };
}

const KEYS = ["role", "zone", "gpu"];
const VALUES = ["a", "b", "c"];

test("alternatives of a selector: one is enough, and commas bind tighter", () => {
  const meets = (text: string, labels: Record<string, string>) => matchesSelector(labels, parseSelector(text));
  assert.equal(meets("a=b,c=d || e=f", { e: "f" }), true);
  assert.equal(meets("a=b,c=d || e=f", { a: "b" }), false);
  assert.equal(meets("a=b,c=d||e=f", { a: "b", c: "d" }), true);
  assert.equal(meets("zone in (a,b) || !zone", {}), true);
  assert.equal(meets("", { any: "thing" }), true);
  for (const text of ["||", "a||", "|| a", "a || || b", "a=b,||c", "a=b,"])
    assert.throws(() => parseSelector(text), { code: "invalid_argument" }, text);
  assert.throws(() => parseSelector(Array.from({ length: 21 }, () => "a").join("||")), { code: "invalid_argument" });
  assert.throws(
    () => parseSelector("a=b || -c=d"),
    (error: { details: { position: number } }) => {
      assert.equal(error.details.position, 6);
      return true;
    },
  );
});

test("groups that cannot match an agent cost it nothing", () => {
  const rules = Array.from({ length: 5000 }, (_, index): GroupRule => {
    const [name, value] = ["team", `t${index}`];
    return {
      id: `g${index}`,
      isEveryone: false,
      selector: index % 2 === 0 ? parseSelector(`${name}=${value},!legacy`) : null,
      tags: index % 2 === 0 ? [] : [{ name, value }],
    };
  });
  let looked = 0;
  const watched = rules.map((rule) =>
    Object.defineProperty({ ...rule }, "selector", {
      get: () => {
        looked++;
        return rule.selector;
      },
    }),
  );
  const membership = new Membership(watched, []);
  const groupsOf = (labels: Record<string, string>) =>
    membership.groupsOf({ number: 1, labels, tags: [] }).map(({ id }) => id);
  looked = 0;
  assert.deepEqual(groupsOf({ team: "t42", zone: "a" }), ["g42"]);
  assert.deepEqual(groupsOf({ team: "t43" }), ["g43"]);
  assert.deepEqual(groupsOf({ team: "t42", legacy: "1" }), []);
  assert.ok(looked < 10, `${looked} of 5000 groups were looked at`);
});

describeStores("membership", (stores) => {
  test("SQL and memory find the same members, whatever agents carry and groups ask for", async (t) => {
    const bench = await openTestFleet({ store: await stores.open() });
    t.after(() => bench.close());
    const dice = makeDice(42);
    const word = () => dice.pick(VALUES);
    const agents: TestAgent[] = [];
    for (let index = 0; index < 40; index++) {
      const labels = Object.fromEntries(dice.many(3, () => [dice.pick(KEYS), word()]));
      const tags = dice.many(2, () => ({ name: dice.pick([null, "", ...KEYS]), value: word() }));
      agents.push(
        await bench.connect(`agent-${index}`, { facts: { labels, ...(dice.pick([true, false]) && { tags }) } }),
      );
    }
    const { agents: known, groups, registry } = bench.fleet;
    for (const agent of agents.slice(0, 8))
      await known.update(agent.session.agentId, { labels: { [dice.pick(KEYS)]: word() } });
    for (const agent of agents.slice(6, 12))
      await agent.session.describe({ tags: [{ name: dice.pick([null, ...KEYS]), value: word() }] });

    const term = () => {
      const key = dice.pick(KEYS);
      const set = `(${[word(), word()].join(",")})`;
      return dice.pick([
        `${key}=${word()}`,
        `${key}!=${word()}`,
        key,
        `!${key}`,
        `${key} in ${set}`,
        `${key} not in ${set}`,
      ]);
    };
    const alternative = () => [term(), ...dice.many(2, term)].join(",");
    for (let index = 0; index < 60; index++) {
      await groups.create({
        name: `group-${index}`,
        selector: dice.pick([null, [alternative(), ...dice.many(2, alternative)].join(" || ")]),
        tags: dice.many(2, () => ({ name: dice.pick(["", ...KEYS]), value: word() })),
        agentIds: dice.many(2, () => dice.pick(agents).session.agentId),
      });
    }

    const rows = await bench.store.db.selectFrom("groups").selectAll().orderBy("position").orderBy("id").execute();
    const byHand = await bench.store.db.selectFrom("group_members").selectAll().execute();
    const membership = new Membership(
      rows.map(toRule),
      byHand.map((row) => ({ groupId: row.group_id, number: row.agent_number })),
    );
    let memberships = 0;
    for (const row of rows) {
      const inStore = (await groups.members(row.id)).map(({ number }) => number).sort((a, b) => a - b);
      const inMemory = [...registry.states()]
        .filter((state) =>
          membership.groupsOf({ number: state.number, ...state.traits }).some(({ id }) => id === row.id),
        )
        .map(({ number }) => number)
        .sort((a, b) => a - b);
      assert.deepEqual(inMemory, inStore, `${row.name}: ${row.selector} ${row.tags}`);
      memberships += inStore.length;
    }
    assert.ok(memberships > 200, `${memberships} memberships tell something`);
  });

  test("the group of everyone is there, keeps its name and stays; a preview names who would be in", async (t) => {
    const bench = await openTestFleet({ store: await stores.open() });
    t.after(() => bench.close());
    const { groups } = bench.fleet;
    await bench.connect("web", { facts: { labels: { role: "web" } } });
    const db = await bench.connect("db", { facts: { labels: { role: "db" } } });
    assert.deepEqual((await groups.get("default")).agents, 2);
    assert.equal((await groups.replace("default", { name: "default", description: "all" })).description, "all");
    await assert.rejects(groups.remove("default"), { code: "failed_precondition" });
    await assert.rejects(groups.create({ name: "default" }), { code: "already_exists" });
    await assert.rejects(groups.replace("default", { name: "others" }), { code: "invalid_argument" });
    await assert.rejects(groups.replace("default", { name: "default", selector: "a=b" }), { code: "invalid_argument" });
    const preview = await groups.preview({ selector: "role=web", agentIds: [db.session.agentId] });
    assert.deepEqual([preview.agents, preview.items.map(({ name }) => name)], [2, ["db", "web"]]);
    assert.equal((await groups.preview({})).agents, 0);
  });
});
