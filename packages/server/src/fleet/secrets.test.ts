// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts ask for their variables like this
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { describeStores } from "../store/stores-for-test.ts";
import { fillIn, listVariables } from "./config-variables.ts";
import { openTestFleet, type TestFleet } from "./fleet-for-test.ts";
import { memoryKey, Secrets } from "./secrets.ts";

const values = {
  labels: { region: "eu", "app/tier": "1" },
  agent: { id: "A1", name: "web", hostname: "web-1" },
  secret: (name: string) => (name === "token" ? "s3cret" : undefined),
};

test("variables of the three families are filled in, and all other words belong to the agent", () => {
  const text =
    "${label.region} ${label.app/tier} ${ agent.name } ${agent.id}/${agent.hostname} ${secret.token} ${HOME} $label.x";
  assert.deepEqual(fillIn(text, values), { ok: true, text: "eu 1 ${ agent.name } A1/web-1 s3cret ${HOME} $label.x" });
  assert.deepEqual(fillIn("$${label.region} $${x} $$", values), { ok: true, text: "${label.region} ${x} $$" });
  assert.deepEqual(listVariables("${secret.b} ${label.a} ${secret.b} $${agent.id}"), ["label.a", "secret.b"]);
});

test("what cannot be filled in is said, once each, and never with a value", () => {
  const filled = fillIn(
    "${label.none} ${label.none} ${secret.other} ${agent.age} ${secret.token} ${label.open",
    values,
  );
  assert.equal(filled.ok, false);
  const { reason } = filled as { reason: string };
  assert.match(reason, /no label none; there is no secret other; agents have no age/);
  assert.match(reason, /has no end/);
  assert.doesNotMatch(reason, /s3cret/);
});

test("a text that repeats a large value has an end", () => {
  const large = { ...values, secret: () => "x".repeat(64 * 1024) };
  const filled = fillIn("${secret.a}".repeat(50_000), large);
  assert.deepEqual(filled, { ok: false, reason: "it is too long with its variables filled in" });
});

describeStores("secrets", (stores) => {
  let bench: TestFleet;

  beforeEach(async () => {
    bench = await openTestFleet({ store: await stores.open() });
  });
  afterEach(() => bench.close());

  const join = (name: string, labels: Record<string, string> = {}) =>
    bench.connect(name, { facts: { hostname: name, labels }, capabilities: new Set(["configs", "verdict"] as const) });
  const give = async (text: string) => {
    const { id } = await bench.fleet.configs.create({ name: "c", kind: "file", text }, "eve");
    await bench.fleet.configs.assign(id, "default", undefined, "eve");
    return id;
  };

  test("agents get the value, and nobody else sees it", async () => {
    const { configs, secrets } = bench.fleet;
    await secrets.put("token", { value: "hunter2", description: "of the store" }, "eve");
    const agent = await join("a", { region: "eu" });
    const id = await give("token=${secret.token} region=${label.region}");
    const [wanted] = configs.wantedFor(agent.session.state);
    assert.equal(wanted?.text, "token=hunter2 region=eu");
    assert.equal(configs.wantedFor(agent.session.state)[0], wanted);
    const shown = JSON.stringify([await secrets.list(), await configs.get(id), await configs.revisions(id)]);
    assert.doesNotMatch(shown, /hunter2/);
    assert.deepEqual((await secrets.list())[0]?.usedBy, ["c"]);
    const stored = await bench.store.db.selectFrom("config_secrets").selectAll().executeTakeFirstOrThrow();
    assert.ok(!Buffer.from(stored.sealed).includes("hunter2"));
  });

  test("a changed one reaches agents as a new revision of the same text; the same value changes nothing", async () => {
    const { configs, secrets } = bench.fleet;
    await secrets.put("token", { value: "one" }, "eve");
    const agent = await join("a");
    const id = await give("${secret.token}");
    await configs.change(id, { text: "${secret.token} soon" }, "eve");
    assert.deepEqual(await secrets.put("token", { value: "one" }, "eve"), { revised: [] });
    assert.deepEqual(await secrets.put("token", { value: "two" }, "eve"), { revised: [id] });
    const [wanted] = configs.wantedFor(agent.session.state);
    assert.deepEqual([wanted?.revision, wanted?.text], [3, "two"]);
    assert.deepEqual(
      (await configs.revisions(id)).map(({ revision, text, message }) => [revision, text, message]),
      [
        [4, "${secret.token} soon", "secret token changed"],
        [3, "${secret.token}", "secret token changed"],
        [2, "${secret.token} soon", ""],
        [1, "${secret.token}", ""],
      ],
    );
  });

  test("a config that cannot be filled in has failed on that agent, which keeps what it has", async () => {
    const { configs } = bench.fleet;
    const agent = await join("a", { region: "eu" });
    const bare = await join("bare");
    const id = await give("plain");
    for (const { session } of [agent, bare]) {
      const held = { name: "c", kind: "file", revision: 1, status: "applied", error: null, digest: null } as const;
      configs.report(session.state, ["file"], [held]);
    }
    await configs.change(id, { text: "${label.region}" }, "eve", { give: true });
    assert.equal(configs.wantedFor(agent.session.state)[0]?.text, "eu");
    assert.equal(configs.wantedFor(bare.session.state)[0]?.text, "plain");
    const [truth] = await configs.ofAgent(bare.session.agentId);
    assert.deepEqual([truth?.wanted, truth?.applied, truth?.status], [2, 1, "failed"]);
    assert.match(truth?.error ?? "", /no label region/);
    await bench.fleet.agents.update(bare.session.agentId, { labels: { region: "us" } });
    assert.equal(configs.wantedFor(bare.session.state)[0]?.text, "us");
  });

  test("one that is used stays, one with another key is told of, and names are checked", async () => {
    const { secrets } = bench.fleet;
    await secrets.put("token", { value: "one" }, "eve");
    await give("${secret.token}");
    await assert.rejects(secrets.remove("token"), { code: "failed_precondition" });
    await assert.rejects(secrets.remove("none"), { code: "not_found" });
    for (const name of ["", "a b", "-a", "a}", "x".repeat(201)])
      await assert.rejects(secrets.put(name, { value: "x" }, "eve"), { code: "invalid_argument" });
    await assert.rejects(secrets.put("empty", { value: "" }, "eve"), { code: "invalid_argument" });
    const other = new Secrets({ store: bench.store, clock: bench.clock, keys: memoryKey(), onChanged: async () => {} });
    await assert.rejects(other.put("token", { value: "two" }, "eve"), {
      code: "failed_precondition",
      message: /key file/,
    });
    assert.equal((await other.read()).size, 0);
    const row = await bench.store.db.selectFrom("config_secrets").selectAll().executeTakeFirstOrThrow();
    await bench.store.db
      .insertInto("config_secrets")
      .values({ ...row, name: "moved" })
      .execute();
    assert.deepEqual([...(await secrets.read()).keys()], ["token"]);
  });
});
