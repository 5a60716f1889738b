import assert from "node:assert/strict";
import { test } from "node:test";
import type { MusterError } from "@muster/core";
import { describeStores } from "../store/stores-for-test.ts";
import { openTestFleet } from "./fleet-for-test.ts";
import { cpu, InputHost } from "./input-agent-for-test.ts";

describeStores("inputs", (stores) => {
  async function openHost(t: { after(task: () => Promise<void>): void }) {
    const opened = await openTestFleet({ store: await stores.open() });
    t.after(() => opened.close());
    const host = new InputHost();
    const agent = await host.connect(opened.fleet, "web-1");
    const id = agent.session.agentId;
    /** Calls that change something. */
    const changes = () => host.calls.map(({ call }) => call).filter(({ method }) => method !== "inputs.list");
    return { ...opened, host, agent, id, inputs: opened.fleet.inputs, changes };
  }

  /** Calls sent so far, once at least so many were. */
  async function whenAsked(host: InputHost, count: number): Promise<void> {
    while (host.calls.length < count) await new Promise((resolve) => setImmediate(resolve));
  }

  const refusal =
    (reason: string, more: object = {}) =>
    (error: MusterError) => {
      assert.equal(error.details.reason, reason, error.message);
      for (const [name, value] of Object.entries(more)) assert.equal(error.details[name], value);
      return true;
    };

  test("an input is added, listed with who gave it, read, changed and removed, and every step is a revision", async (t) => {
    const { inputs, host, id } = await openHost(t);
    const added = await inputs.add(id, cpu(10), "ann");
    assert.match(added.id, /^dkinput_[0-9a-v]{19}[0g]$/);
    assert.deepEqual([added.status, added.revision, added.updatedBy, added.drifted], ["running", 1, "ann", false]);
    assert.equal(host.files.get(added.id)?.toml, cpu(10).toml);
    assert.equal((await inputs.get(id, added.id)).toml, cpu(10).toml);
    const changed = await inputs.change(id, added.id, { toml: cpu(20).toml, message: "less often" }, "bob");
    assert.deepEqual([changed.revision, changed.updatedBy], [2, "bob"]);
    await inputs.disable(id, [added.id], "bob");
    assert.equal((await inputs.list(id))[0]?.status, "disabled");
    await inputs.enable(id, [added.id], "bob");
    await inputs.remove(id, added.id, "ann");
    assert.deepEqual(await inputs.list(id), []);
    const revisions = await inputs.revisions(id, added.id);
    assert.deepEqual(
      revisions.map((one) => [one.revision, one.createdBy, one.message, one.outcome, one.toml]),
      [
        [5, "ann", "removed", "applied", ""],
        [4, "bob", "enabled", "applied", cpu(20).toml],
        [3, "bob", "disabled", "applied", cpu(20).toml],
        [2, "bob", "less often", "applied", cpu(20).toml],
        [1, "ann", "added", "applied", cpu(10).toml],
      ],
    );
  });

  test("the same meaning is refused on the same agent, taken on another, and free again after a removal or a change", async (t) => {
    const { fleet, inputs, id } = await openHost(t);
    const other = (await new InputHost().connect(fleet, "web-2")).session.agentId;
    const first = await inputs.add(id, cpu(10), "ann");
    const again = cpu(10, "only a comment differs");
    await assert.rejects(
      inputs.add(id, again, "bob"),
      refusal("dataway.duplicateInput", { inputId: first.id, status: 409 }),
    );
    await inputs.add(other, cpu(10), "ann");
    const second = await inputs.add(id, cpu(20), "ann");
    await assert.rejects(inputs.change(id, second.id, cpu(10), "bob"), refusal("dataway.duplicateInput"));
    await inputs.change(id, first.id, again, "bob");
    await inputs.change(id, first.id, cpu(30), "bob");
    await inputs.change(id, second.id, cpu(10), "bob");
    await inputs.remove(id, second.id, "bob");
    await inputs.add(id, cpu(10), "ann");
  });

  test("of many requests that race for the same meaning one wins", async (t) => {
    const { inputs, host, id } = await openHost(t);
    host.holds = true;
    const racing = Promise.allSettled(Array.from({ length: 20 }, () => inputs.add(id, cpu(10), "ann")));
    await whenAsked(host, 1);
    host.holds = false;
    host.release();
    const won = (await racing).filter(({ status }) => status === "fulfilled");
    assert.deepEqual([won.length, host.files.size], [1, 1]);
  });

  test("two changes of one input do not run at once, and a text that somebody else changed is not overwritten", async (t) => {
    const { inputs, host, id } = await openHost(t);
    const { id: inputId } = await inputs.add(id, cpu(10), "ann");
    host.holds = true;
    const first = inputs.change(id, inputId, { ...cpu(20), baseRevision: 1 }, "ann");
    await whenAsked(host, 2);
    await assert.rejects(inputs.change(id, inputId, cpu(30), "bob"), refusal("dataway.inputBusy", { status: 409 }));
    host.holds = false;
    host.release();
    await first;
    const late = inputs.change(id, inputId, { ...cpu(30), baseRevision: 1 }, "bob");
    await assert.rejects(late, refusal("dataway.outdatedRevision"));
    assert.equal((await inputs.change(id, inputId, { ...cpu(30), baseRevision: 2 }, "bob")).revision, 3);
  });

  test("what an agent refuses is told with its place, kept as a refused revision, and reserves nothing", async (t) => {
    const { inputs, host, id } = await openHost(t);
    const { id: inputId } = await inputs.add(id, cpu(10), "ann");
    host.refusal = { code: "datakit.invalidConfig", status: 400, message: "interval: too long", line: 2, column: 3 };
    const refused = refusal("datakit.invalidConfig", { line: 2, column: 3, revision: 2 });
    await assert.rejects(inputs.change(id, inputId, cpu(20), "ann"), refused);
    const failed = await inputs.add(id, cpu(30), "ann").catch((error: MusterError) => error);
    host.refusal = undefined;
    const [newest] = await inputs.revisions(id, inputId);
    assert.deepEqual([newest?.outcome, newest?.reason, newest?.toml], ["refused", "interval: too long", cpu(20).toml]);
    const attempt = await inputs.revisions(id, String((failed as MusterError).details.inputId));
    assert.equal(attempt[0]?.outcome, "refused");
    assert.deepEqual(
      (await inputs.list(id)).map((input) => [input.id, input.drifted]),
      [[inputId, false]],
    );
    await inputs.add(id, cpu(20), "ann");
    await inputs.add(id, cpu(30), "ann");
  });

  test("a text that says nothing, something else or the same twice never reaches the agent", async (t) => {
    const { inputs, id, changes } = await openHost(t);
    const add = (toml: string) => inputs.add(id, { input: "cpu", inputType: "datakit", toml }, "ann");
    const invalid = (more: object) => refusal("datakit.invalidConfig", { status: 400, ...more });
    await assert.rejects(add("[[inputs.cpu]]\n  interval = \n"), invalid({ line: 2 }));
    await assert.rejects(add("# nothing\n"), invalid({}));
    await assert.rejects(add("[[inputs.mem]]\n"), invalid({}));
    await assert.rejects(add("[[inputs.cpu]]\n[[inputs.mem]]\n"), invalid({}));
    await assert.rejects(add("[[inputs.cpu]]\n[[inputs.cpu]]\n"), refusal("dataway.duplicateInput"));
    await assert.rejects(inputs.test(id, { input: "cpu", inputType: "datakit", toml: "=" }), invalid({ line: 1 }));
    assert.deepEqual(changes(), []);
  });

  test("an agent that is not connected cannot be changed: it is said, and nothing waits for its return", async (t) => {
    const { fleet, inputs, host, agent, id } = await openHost(t);
    const { id: inputId } = await inputs.add(id, cpu(10), "ann");
    agent.session.close("gone");
    const offline = refusal("offline");
    await assert.rejects(inputs.add(id, cpu(20), "ann"), offline);
    await assert.rejects(inputs.change(id, inputId, cpu(20), "ann"), offline);
    await assert.rejects(inputs.remove(id, inputId, "ann"), offline);
    await assert.rejects(inputs.disable(id, [inputId], "ann"), offline);
    assert.equal((await inputs.list(id))[0]?.id, inputId, "what it said last is still shown");
    assert.equal((await inputs.get(id, inputId)).toml, cpu(10).toml, "the text that it took is known here");
    assert.equal((await inputs.revisions(id, inputId)).length, 1);
    const asked = host.calls.length;
    await host.connect(fleet, "web-1");
    assert.equal(host.calls.length, asked);
    await assert.rejects(inputs.list("01900000-0000-7000-8000-000000000000"), { code: "not_found" });
  });

  test("files of other names are listed, cannot be changed, and what they measure is not measured twice", async (t) => {
    const { inputs, host, id } = await openHost(t);
    host.files.set("old", { inputs: ["cpu"], inputType: "datakit", toml: cpu(10).toml, disabled: false });
    const [foreign] = await inputs.list(id);
    assert.deepEqual([foreign?.id, foreign?.managed, foreign?.revision], ["old", false, null]);
    const unmanaged = refusal("datakit.inputUnmanaged", { status: 403 });
    await assert.rejects(inputs.change(id, "old", cpu(20), "ann"), unmanaged);
    await assert.rejects(inputs.remove(id, "old", "ann"), unmanaged);
    await assert.rejects(inputs.disable(id, ["old"], "ann"), unmanaged);
    await assert.rejects(inputs.add(id, cpu(10), "ann"), refusal("dataway.duplicateInput", { inputId: "old" }));
  });

  test("enabling and disabling is all or nothing", async (t) => {
    const { inputs, host, id, changes } = await openHost(t);
    const [one, two] = [await inputs.add(id, cpu(10), "ann"), await inputs.add(id, cpu(20), "ann")];
    const before = changes().length;
    await assert.rejects(inputs.disable(id, [one.id, "dkinput_missing"], "ann"), refusal("datakit.inputNotFound"));
    assert.equal(changes().length, before);
    host.refusal = { code: "datakit.inputDisabled", status: 409, message: "it is disabled already" };
    await assert.rejects(inputs.disable(id, [one.id, two.id], "ann"), refusal("datakit.inputDisabled"));
    host.refusal = undefined;
    assert.equal((await inputs.revisions(id, one.id))[0]?.outcome, "refused");
    await inputs.disable(id, [one.id, two.id], "ann");
    assert.deepEqual(
      (await inputs.list(id)).map((input) => input.status),
      ["disabled", "disabled"],
    );
  });

  test("rolling back gives the old text again as a new revision, and brings back what was removed", async (t) => {
    const { inputs, host, id } = await openHost(t);
    const { id: inputId } = await inputs.add(id, cpu(10), "ann");
    await inputs.change(id, inputId, cpu(20), "ann");
    const back = await inputs.rollBack(id, inputId, 1, "bob");
    assert.equal(back.revision, 3);
    assert.equal(host.files.get(inputId)?.toml, cpu(10).toml);
    await inputs.remove(id, inputId, "ann");
    await assert.rejects(inputs.change(id, inputId, cpu(30), "ann"), refusal("datakit.inputNotFound"));
    await assert.rejects(inputs.rollBack(id, inputId, 4, "ann"), { code: "invalid_argument" });
    await assert.rejects(inputs.rollBack(id, inputId, 9, "ann"), refusal("datakit.inputNotFound"));
    assert.equal((await inputs.rollBack(id, inputId, 2, "bob")).status, "running");
    const [newest] = await inputs.revisions(id, inputId);
    assert.deepEqual([newest?.revision, newest?.message, newest?.toml], [5, "rolled back to 2", cpu(20).toml]);
  });

  test("an answer that is lost leaves the outcome open, keeps the meaning taken, and the next inventory settles it", async (t) => {
    const { fleet, inputs, host, agent, id } = await openHost(t);
    host.holds = true;
    const lost = inputs.add(id, cpu(10), "ann");
    await whenAsked(host, 1);
    agent.session.close("gone");
    const error = (await lost.catch((fault: MusterError) => fault)) as MusterError;
    assert.deepEqual([error.details.reason, error.details.outcome], ["lost", "unknown"]);
    const inputId = String(error.details.inputId);
    assert.equal((await inputs.revisions(id, inputId))[0]?.outcome, "unknown");
    host.release(); // the host did it all the same
    host.holds = false;
    const back = await host.connect(fleet, "web-1");
    await assert.rejects(inputs.add(id, cpu(10), "ann"), refusal("dataway.duplicateInput", { inputId }));
    back.session.reportInputs(host.inventory());
    await inputs.settle();
    const [revision] = await inputs.revisions(id, inputId);
    assert.deepEqual([revision?.outcome, revision?.reason], ["applied", null]);
    const [input] = await inputs.list(id);
    assert.deepEqual([input?.id, input?.revision, input?.updatedBy, input?.drifted], [inputId, 1, "ann", false]);
  });

  test("an answer that never comes ends with its time, and what the agent turns out not to have is free again", async (t) => {
    const { inputs, host, id, pass } = await openHost(t);
    host.holds = true;
    const silent = inputs.add(id, cpu(10), "ann").catch((fault: MusterError) => fault);
    await whenAsked(host, 1);
    await pass(30_000);
    const error = (await silent) as MusterError;
    assert.deepEqual([error.code, error.details.outcome], ["deadline_exceeded", "unknown"]);
    const inputId = String(error.details.inputId);
    host.holds = false;
    await inputs.list(id);
    assert.equal((await inputs.revisions(id, inputId))[0]?.outcome, "unknown", "the agent may still be at it");
    await pass(60_000); // agents are asked in the background
    assert.equal((await inputs.revisions(id, inputId))[0]?.outcome, "refused");
    await inputs.add(id, cpu(10), "ann");
  });

  test("a lost change, removal or switch is settled by what the agent has", async (t) => {
    const { fleet, inputs, host, id } = await openHost(t);
    const texts = [cpu(1), cpu(2), cpu(3)];
    const [one, two, three] = await Promise.all(texts.map((spec) => inputs.add(id, spec, "ann")));
    assert.ok(one && two && three);
    host.holds = true;
    const asked = host.calls.length;
    const lost = Promise.allSettled([
      inputs.change(id, one.id, cpu(4), "bob"),
      inputs.remove(id, two.id, "bob"),
      inputs.disable(id, [three.id], "bob"),
    ]);
    await whenAsked(host, asked + 3);
    for (const session of [...(fleet.registry.get(id)?.sessions ?? [])]) session.close("gone");
    assert.ok((await lost).every(({ status }) => status === "rejected"));
    host.release();
    host.holds = false;
    const back = await host.connect(fleet, "web-1");
    back.session.reportInputs(host.inventory());
    await inputs.settle();
    for (const input of [one, two, three])
      assert.equal((await inputs.revisions(id, input.id))[0]?.outcome, "applied", input.id);
    assert.deepEqual(
      (await inputs.list(id)).map((input) => [input.id, input.status, input.drifted, input.updatedBy]),
      [
        [one.id, "running", false, "bob"],
        [three.id, "disabled", false, "bob"],
      ],
    );
    await inputs.add(id, cpu(1), "ann");
    await inputs.add(id, cpu(2), "ann");
  });

  test("a file that somebody changed or removed on the host is shown as drifted", async (t) => {
    const { inputs, host, id, pass } = await openHost(t);
    const [one, two] = [await inputs.add(id, cpu(10), "ann"), await inputs.add(id, cpu(20), "ann")];
    const file = host.files.get(one.id);
    assert.ok(file);
    host.files.set(one.id, { ...file, toml: cpu(11).toml });
    host.files.delete(two.id);
    await pass(1000);
    const shown = await inputs.list(id);
    assert.deepEqual(
      shown.map((input) => [input.id, input.status, input.drifted]),
      [
        [one.id, "running", true],
        [two.id, "pending", true],
      ],
    );
  });

  test("what an agent got elsewhere can be changed from here, and is reserved from then on", async (t) => {
    const { inputs, host, id } = await openHost(t);
    const stranger = "dkinput_9m4e2mr0ui3e8a215n4g";
    host.files.set(stranger, { inputs: ["cpu"], inputType: "datakit", toml: cpu(10).toml, disabled: false });
    await inputs.list(id);
    await inputs.disable(id, [stranger], "ann");
    const changed = await inputs.change(id, stranger, cpu(20), "ann");
    assert.deepEqual([changed.revision, changed.drifted], [2, false]);
    await assert.rejects(inputs.add(id, cpu(20), "ann"), refusal("dataway.duplicateInput", { inputId: stranger }));
  });

  test("samples, tests and reloads are asked of the agent and leave no trace", async (t) => {
    const { inputs, host, id } = await openHost(t);
    assert.deepEqual(await inputs.available(id), host.inventory().available);
    assert.equal(await inputs.sample(id, "cpu"), "[[inputs.cpu]]\n");
    assert.equal(await inputs.test(id, cpu(10)), "cpu value=1 1\n");
    assert.deepEqual(await inputs.reload(id, "ann"), []);
    host.refusal = { code: "datakit.inputNotFound", status: 404, message: "there is no input nope" };
    await assert.rejects(inputs.sample(id, "nope"), { code: "not_found", message: "there is no input nope" });
  });

  test("one input for many agents: each counts for itself, and a repeat changes nothing", async (t) => {
    const { fleet, inputs, host, agent } = await openHost(t);
    const hosts = Array.from({ length: 30 }, () => new InputHost());
    for (const [index, each] of hosts.entries()) await each.connect(fleet, `many-${index}`);
    const stubborn = hosts[7] as InputHost;
    stubborn.refusal = { code: "datakit.unsupportedInputType", status: 400, message: "no such type" };
    agent.session.close("gone");
    const answer = await inputs.bulk({ all: true }, cpu(10), "ann");
    assert.deepEqual(
      [answer.total, answer.applied, answer.refused, answer.unchanged, answer.unknown],
      [31, 29, 2, 0, 0],
    );
    const codes = answer.items.filter(({ outcome }) => outcome === "refused").map(({ code }) => code);
    assert.deepEqual(codes.sort(), ["datakit.unsupportedInputType", "offline"]);
    stubborn.refusal = undefined;
    const again = await inputs.bulk({ all: true }, cpu(10), "ann");
    assert.deepEqual([again.applied, again.unchanged, again.refused], [1, 29, 1]);
    assert.deepEqual([...hosts.map(({ files }) => files.size), host.files.size], [...hosts.map(() => 1), 0]);
    assert.equal((await inputs.bulk({}, cpu(10), "ann")).total, 0, "nobody meant is nobody");
  });

  test("watchers hear that inputs changed, and nothing when an agent says the same again", async (t) => {
    const { fleet, inputs, id, host, agent } = await openHost(t);
    const seen: string[] = [];
    fleet.feed.subscribe((event) => event.kind === "inputs" && seen.push(event.agentId));
    agent.session.reportInputs(host.inventory());
    await inputs.settle();
    assert.deepEqual(seen, [id]);
    await inputs.list(id);
    assert.equal(seen.length, 1, "whoever reads the list because of it is not told again");
    await inputs.add(id, cpu(10), "ann");
    assert.ok(seen.length > 1);
  });

  test("an agent that is deleted takes its inputs with it, and a hostile inventory is stored as text", async (t) => {
    const { fleet, store, inputs, id, host, agent } = await openHost(t);
    await inputs.add(id, cpu(10), "ann");
    const nasty = {
      ...host.inventory(),
      available: [{ input: "a\0b", catalog: "\ud800", inputType: "", summary: "" }],
    };
    agent.session.reportInputs(nasty);
    await inputs.settle();
    assert.equal((await inputs.available(id))[0]?.input, "a\0b");
    await fleet.agents.remove(id);
    for (const table of ["inputs", "input_digests", "input_revisions", "inventories"])
      assert.equal(Number(await store.countRows(table)), 0, table);
    await inputs.inventories.prune();
    assert.equal(Number(await store.countRows("input_catalogs")), 0);
  });

  test("only the newest hundred revisions of an input are kept", async (t) => {
    const { inputs, id } = await openHost(t);
    const { id: inputId } = await inputs.add(id, cpu(1000), "ann");
    for (let number = 1; number <= 105; number++) await inputs.change(id, inputId, cpu(number), "ann");
    const revisions = await inputs.revisions(id, inputId);
    assert.deepEqual([revisions.length, revisions[0]?.revision, revisions.at(-1)?.revision], [100, 106, 7]);
  });
});
