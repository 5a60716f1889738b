import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  launchProcess,
  ManualScope,
  MUSTER,
  makeTempDir,
  missingPostgres,
  type PostgresServer,
  type Scope,
  startPostgres,
  startServer,
  unlessMissing,
} from "@muster/testing";
import { sql } from "kysely";
import { runDatabase } from "./db-command.ts";
import { openStore } from "./store/open.ts";
import type { Store } from "./store/store.ts";
import { openMigratedStore } from "./store/stores-for-test.ts";

const RUNS = 30_000;

async function run(...argv: readonly string[]) {
  const text: string[] = [];
  const log: string[] = [];
  const out = { text: (line: string) => void text.push(line), log: (line: string) => void log.push(line) };
  const code = await runDatabase({ argv, environment: {}, out });
  return { code, text: text.join(""), log: log.join("") };
}

/** A database with rows in tables of every kind, among them what the other database takes only in another form. */
async function makeSource(scope: Scope, runs = 50): Promise<string> {
  const path = join(await makeTempDir(scope), "muster.db");
  const store = await openMigratedStore({ kind: "sqlite", path });
  await fill(store, runs);
  await store.close();
  return path;
}

async function fill(store: Store, runs: number): Promise<void> {
  const count = (to: number) =>
    sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${sql.lit(to)})`;
  const statements = [
    sql`insert into groups (id, name, description, created_at) values ('g', ${"zero \0 and é"}, 'x', 5)`,
    sql`${count(40)} insert into agents (id, protocol, external_id, name, hostname, addresses, reported_labels,
      label_overrides, capabilities, status, status_reason, status_at, first_seen_at, search, sort_name, clock_skew_ms)
      select 'a' || i, 'node', 'x' || i, 'n', 'h', '[]', '{}', '{}', '[]', 'offline', '', 1, 1, '', 'n', 1.5 from n`,
    sql`delete from agents where number = 40`,
    sql`insert into group_members (group_id, agent_number) select 'g', number from agents`,
    sql`insert into commands (id, status, env, env_names, targets, timeout_ms, expires_at, created_at, created_by, total)
      values ('c', 'completed', '{}', '[]', '{}', 1, 1, 1, 'me', 1)`,
    sql`${count(runs)} insert into runs (id, command_number, agent_number, status, queued_at, expires_at, exit_code)
      select 'r' || i, 1, i % 39 + 1, 'succeeded', 1750000000000 + i, 1, 4294967295 from n`,
    sql`insert into run_output (run_number, seq, stream, at, bytes)
      select number, 0, 1, 1, randomblob(200) from runs where number % 10 = 0`,
    sql`insert into metric_sets (agent_number, name, labels, fields) select number, 'host', '{}', '[]' from agents`,
    sql`insert into metric_10s (set_number, at, packed) select number, 1750000000000, x'00ff' from metric_sets`,
  ];
  for (const statement of statements) await statement.execute(store.db);
}

describe("muster db", unlessMissing(missingPostgres()), () => {
  const scope = new ManualScope();
  let postgres: PostgresServer;
  before(async () => {
    postgres = await startPostgres(scope);
  });
  after(() => scope.close());

  const count = async (url: string, table: string) =>
    Number(await postgres.run(`select count(*) from ${table}`, new URL(url).pathname.slice(1)));

  test("migrates an empty database, and says what is in one", async () => {
    const url = await postgres.createDatabase(scope);
    const before = await run("status", "--database", url);
    assert.match(before.text, /version +empty/);
    assert.match((await run("migrate", "--database", url)).text, /applied 0001-agents/);
    assert.equal((await run("migrate", "--database", url)).text, "nothing to do\n");
    const after = await run("status", "--database", url.replace("muster@", "muster:s3cret@"));
    assert.equal(after.code, 0);
    assert.match(after.text, /pending +nothing/);
    assert.match(after.text, /^runs +0$/m);
    assert.ok(!after.text.includes("s3cret"));
  });

  test("copies everything, compares it, and counts on where the source stopped", async (t) => {
    const [path, url] = [await makeSource(t), await postgres.createDatabase(scope)];
    const done = await run("copy", "--from", `sqlite:${path}`, "--to", url);
    assert.equal(done.code, 0, done.log);
    assert.match(done.text, /runs: 50 rows are the same on both/);
    assert.deepEqual([await count(url, "agents"), await count(url, "run_output")], [39, 5]);
    const store = openStore({ database: { kind: "postgres", url } });
    t.after(() => store.close());
    assert.deepEqual(await store.migrate(), []);
    const { number } = await store.db
      .insertInto("metric_sets")
      .values({ agent_number: 1, name: "more", labels: "{}", fields: "[]" })
      .returning("number")
      .executeTakeFirstOrThrow();
    assert.equal(number, 40);
    const [agent] = (
      await sql<{ next: number }>`select nextval(pg_get_serial_sequence('agents', 'number')) as next`.execute(store.db)
    ).rows;
    assert.equal(agent?.next, 41, "the number of the deleted agent is not given again");
    const [row] = await store.db.selectFrom("groups").selectAll().execute();
    assert.equal(row?.name, "zero \ufffd and é");
  });

  test("goes on after kill -9, and a server refuses the target until it is whole", async (t) => {
    const [path, url] = [await makeSource(t, RUNS), await postgres.createDatabase(scope)];
    const argv = ["db", "copy", "--from", `sqlite:${path}`, "--to", url];
    const first = launchProcess(t, { args: [MUSTER, ...argv] });
    await first.waitForOutput(/^ {2}runs: [1-9]/m, 30_000);
    await first.stop("SIGKILL");
    const copied = await count(url, "runs");
    assert.ok(copied > 0 && copied < RUNS, `${copied} rows were copied`);

    assert.match((await run("status", "--database", url)).text, /copy +unfinished/);
    const store = openStore({ database: { kind: "postgres", url } });
    await assert.rejects(store.migrate(), /unfinished/);
    await store.close();

    const other = await makeSource(t);
    const strange = await run("copy", "--from", `sqlite:${other}`, "--to", url);
    assert.match(strange.log, /unfinished copy of another installation/);

    const change = (status: string) =>
      postgres.run(`update runs set status = '${status}' where id = 'r1'`, new URL(url).pathname.slice(1));
    await change("failed");
    const differs = await run(...argv.slice(1));
    assert.deepEqual([differs.code, /runs differs/.test(differs.log)], [1, true]);
    await change("succeeded");

    const second = launchProcess(t, { args: [MUSTER, ...argv] });
    assert.equal((await second.exited).code, 0, second.describe());
    assert.match(second.stdout, /going on with an unfinished copy/);
    assert.equal(await count(url, "runs"), RUNS);
    assert.equal((await run("status", "--database", url)).code, 0);
  });

  test("refuses a target that is not empty, and a source that is in use", async (t) => {
    const [path, url] = [await makeSource(t), await postgres.createDatabase(scope)];
    const copy = () => run("copy", "--from", `sqlite:${path}`, "--to", url);
    const store = await openMigratedStore({ kind: "postgres", url });
    await store.db.insertInto("groups").values({ id: "1", name: "mine", description: "", created_at: 1 }).execute();
    assert.match((await copy()).log, /not empty: there are rows in groups/);
    await store.db.deleteFrom("groups").execute();

    const open = openStore({ database: { kind: "sqlite", path } });
    await open.ping();
    assert.match((await copy()).log, /is in use: stop its server first/);
    await open.close();
    assert.equal((await copy()).code, 0);
    assert.match((await copy()).log, /not empty/);
    await store.close();

    const wrong = await run("copy", "--from", url, "--to", url);
    assert.deepEqual([wrong.code, /SQLite to PostgreSQL only/.test(wrong.log)], [2, true]);
    assert.equal((await run("copy", "--from", "sqlite:/nonexistent/a.db", "--to", url)).code, 1);
    assert.equal((await run("nonsense")).code, 2);
  });

  test("a running server keeps its database, and a copied one serves the same people", async (t) => {
    const url = await postgres.createDatabase(scope);
    const server = await startServer(t);
    await server.call("POST", "groups", { name: "kept", description: "" });
    const argv = ["copy", "--from", `sqlite:${join(server.dataDir, "muster.db")}`, "--to", url];
    const early = await run(...argv);
    assert.deepEqual([early.code, /stop its server first/.test(early.log)], [1, true]);
    await server.process.stop();
    const done = await run(...argv);
    assert.equal(done.code, 0, done.log);
    const next = await startServer(t, { dataDir: server.dataDir, flags: ["--database", url] });
    const { items } = await next.call<{ items: { name: string }[] }>("GET", "groups");
    assert.deepEqual(
      items.map((group) => group.name),
      ["default", "kept"],
    );
  });
});
