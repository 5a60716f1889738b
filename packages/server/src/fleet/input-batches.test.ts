import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { AgentId, MusterError } from "@muster/core";
import type { Store } from "../store/store.ts";
import { describeStores } from "../store/stores-for-test.ts";
import { openTestFleet } from "./fleet-for-test.ts";
import { cpu, InputHost } from "./input-agent-for-test.ts";
import { beginChanges, type Change } from "./input-rows.ts";

const MANY = 60;

describeStores("many changes of inputs at once", (stores) => {
  async function openHosts(t: TestContext, count: number) {
    const opened = await openTestFleet({ store: await stores.open() });
    t.after(() => opened.close());
    const hosts = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const host = new InputHost();
        const { session } = await host.connect(opened.fleet, `web-${index}`);
        return { host, id: session.agentId };
      }),
    );
    return { ...opened, hosts, inputs: opened.fleet.inputs };
  }

  /** How many transactions `work` takes. */
  async function countTransactions(t: TestContext, store: Store, work: () => Promise<unknown>): Promise<number> {
    const { mock } = t.mock.method(store, "transaction");
    await work();
    const count = mock.callCount();
    mock.restore();
    return count;
  }

  /** Hosts keep what they are asked until so many changes are refused, so that these meet what others have begun. */
  async function raceUntilRefused(
    hosts: readonly InputHost[],
    count: number,
    start: () => readonly Promise<unknown>[],
  ): Promise<PromiseSettledResult<unknown>[]> {
    for (const host of hosts) host.holds = true;
    let refused = 0;
    const changes = start().map((change) =>
      change.catch((error: unknown) => {
        refused += 1;
        throw error;
      }),
    );
    const ends = Promise.allSettled(changes);
    while (refused < count) await new Promise((resolve) => setImmediate(resolve));
    for (const host of hosts) {
      host.holds = false;
      host.release();
    }
    return ends;
  }

  const reasonOf = (end: PromiseSettledResult<unknown> | undefined) =>
    end?.status === "rejected" ? ((end.reason as Partial<MusterError>).details?.reason ?? "another") : "applied";

  test("one duplicate among many fails alone, names who has the meaning, and they share transactions", async (t) => {
    const { store, hosts, inputs } = await openHosts(t, MANY);
    const taken = hosts[MANY / 2];
    assert.ok(taken);
    const first = await inputs.add(taken.id, cpu(10), "ann");
    let ends: PromiseSettledResult<unknown>[] = [];
    const transactions = await countTransactions(t, store, async () => {
      ends = await Promise.allSettled(hosts.map(({ id }) => inputs.add(id, cpu(10, "again"), "bob")));
    });
    const wanted = hosts.map((host) => (host === taken ? "dataway.duplicateInput" : "applied"));
    assert.deepEqual(ends.map(reasonOf), wanted);
    assert.equal((ends[MANY / 2] as PromiseRejectedResult).reason.details.inputId, first.id);
    assert.ok(hosts.every(({ host }) => host.files.size === 1));
    assert.ok(transactions < MANY / 2, `${transactions} transactions`);
  });

  test("of a batch with everything twice each meaning wins once", async (t) => {
    const { hosts, inputs } = await openHosts(t, MANY);
    const ends = await Promise.allSettled([...hosts, ...hosts].map(({ id }) => inputs.add(id, cpu(10), "ann")));
    const count = (wanted: string) => ends.filter((end) => reasonOf(end) === wanted).length;
    assert.deepEqual([count("applied"), count("dataway.duplicateInput")], [MANY, MANY]);
    assert.ok(hosts.every(({ host }) => host.files.size === 1));
  });

  test("what cannot be stored fails alone", async (t) => {
    const { hosts, inputs, store } = await openHosts(t, MANY);
    const nobody = null as unknown as string; // the column takes no such value
    const ends = await Promise.allSettled(
      hosts.map(({ id }, index) => inputs.add(id, cpu(10), index === 7 ? nobody : "ann")),
    );
    assert.deepEqual(
      ends.map(reasonOf),
      hosts.map((_, index) => (index === 7 ? "another" : "applied")),
    );
    assert.equal(hosts[7]?.host.files.size, 0);
    assert.equal(await store.countRows("input_digests"), MANY - 1, "what failed reserves nothing");
    await inputs.add(hosts[7]?.id as AgentId, cpu(10), "ann");
  });

  test("revisions of one input follow one another, whoever changes it beside others", async (t) => {
    const { hosts, inputs } = await openHosts(t, 5);
    const known = await Promise.all(hosts.map(async ({ id }) => ({ id, input: await inputs.add(id, cpu(1), "ann") })));
    for (let round = 1; round <= 5; round++) {
      const start = () =>
        known.flatMap(({ id, input }) =>
          ["bob", "eve"].map((by, index) => inputs.change(id, input.id, cpu(round * 10 + index), by)),
        );
      const asked = hosts.map(({ host }) => host);
      const ends = (await raceUntilRefused(asked, known.length, start)).map(reasonOf);
      assert.equal(ends.filter((reason) => reason === "applied").length, known.length);
      assert.equal(ends.filter((reason) => reason === "dataway.inputBusy").length, known.length);
    }
    for (const [index, { id, input }] of known.entries()) {
      const revisions = await inputs.revisions(id, input.id);
      assert.deepEqual(
        revisions.map(({ revision, outcome }) => [revision, outcome]),
        [6, 5, 4, 3, 2, 1].map((revision) => [revision, "applied"]),
      );
      assert.equal(revisions[0]?.toml, hosts[index]?.host.files.get(input.id)?.toml);
    }
  });

  test("the same change twice is made once, and its meaning stays taken", async (t) => {
    const { hosts, inputs } = await openHosts(t, 1);
    const [only] = hosts;
    assert.ok(only);
    const { host, id } = only;
    const { id: inputId } = await inputs.add(id, cpu(10), "ann");
    const twice = await raceUntilRefused([host], 1, () =>
      ["ann", "bob"].map((by) => inputs.change(id, inputId, cpu(20), by)),
    );
    assert.deepEqual(twice.map(reasonOf).sort(), ["applied", "dataway.inputBusy"]);
    const [again] = await Promise.allSettled([inputs.add(id, cpu(20), "eve")]);
    assert.equal(reasonOf(again), "dataway.duplicateInput");
  });

  test("of one batch the first has the meaning, and a change that cannot begin takes none from those beside it", async (t) => {
    const { hosts, inputs, store } = await openHosts(t, 1);
    const id = hosts[0]?.id as AgentId;
    const { id: inputId } = await inputs.add(id, cpu(10), "ann");
    const { agent_number: agentNumber } = await store.db
      .selectFrom("inputs")
      .select("agent_number")
      .executeTakeFirstOrThrow();
    const about = {
      kind: "set",
      agentNumber,
      input: "cpu",
      inputType: "datakit",
      toml: "",
      message: "",
      by: "ann",
    } as const;
    const changes: Change[] = [
      { ...about, inputId, isNew: false, digest: "same", baseRevision: 7 },
      { ...about, inputId: "first", isNew: true, digest: "same" },
      { ...about, inputId: "second", isNew: true, digest: "same" },
    ];
    const begun = await store.transaction((queries) =>
      beginChanges(
        queries,
        changes.map((change) => [change]),
        { dialect: store.dialect, now: 1, busyUntil: 2 },
      ),
    );
    assert.deepEqual(begun, [
      { ok: false, why: "outdated", inputId },
      { ok: true, revisions: [1], at: 1 },
      { ok: false, why: "duplicate", inputId: "first" },
    ]);
  });
});
