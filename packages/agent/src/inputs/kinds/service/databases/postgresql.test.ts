import assert from "node:assert/strict";
import { chmod, chown, copyFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  ManualScope,
  missingPostgres,
  type PostgresServer,
  startPostgres,
  unlessMissing,
  waitUntil,
} from "@muster/testing";
import { findUndescribed, rowsOf, tryKind } from "../../shared/kinds-for-test.ts";
import { findDeadPlace, makeCertificate, serveTcp } from "../fakes-for-test.ts";
import { postgresql } from "./postgresql.ts";

describe("a real PostgreSQL", unlessMissing(missingPostgres()), () => {
  const scope = new ManualScope();
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres(scope, { isDurable: false });
  });
  after(() => scope.close());

  test("values move after queries: rows, commits, sizes, connections, tables", async (context) => {
    await server.run("create database shop");
    await server.run("create table goods (id int primary key, name text)", "shop");
    const options = { port: server.port, user: "muster", database: "shop", tables: 5 };
    const trial = await tryKind(context, postgresql, { options });
    await trial.collect();
    await server.run("insert into goods select n, repeat('x', 100) from generate_series(1, 1000) n", "shop");
    // the server's statistics come a moment later
    const inserted = (row: Record<string, unknown> | undefined) => Number(row?.tup_inserted);
    const shops = () => rowsOf(trial.points, "postgresql").filter((row) => row.db === "shop");
    const moved = () => inserted(shops().at(-1)) - inserted(shops()[0]) >= 1000;
    await waitUntil("inserted rows", async () => trial.collect().then(moved), { timeoutMs: 10_000, everyMs: 100 });
    assert.deepEqual([...new Set(trial.troubles)], [null]);
    const [first, last] = [shops()[0], shops().at(-1)];
    assert.ok(Number(last?.xact_commit) > Number(first?.xact_commit));
    assert.ok(Number(last?.database_size) > Number(first?.database_size));
    assert.equal(typeof last?.blk_read_time, "number");
    const active = rowsOf(trial.points, "postgresql_connection").find((row) => row.state === "active");
    assert.deepEqual([active?.db, active?.count], ["shop", 1n]);
    const goods = rowsOf(trial.points, "postgresql_table").at(-1);
    assert.deepEqual([goods?.db, goods?.schema, goods?.table], ["shop", "public", "goods"]);
    assert.ok(Number(goods?.table_size) > 100_000 && Number(goods?.index_size) > 8000);
    const [one] = rowsOf(trial.points, "postgresql_server");
    assert.deepEqual([one?.max_connections, one?.is_replica, one?.server], [200n, 0n, `127.0.0.1:${server.port}`]);
    assert.equal(typeof rowsOf(trial.points, "postgresql_bgwriter")[0]?.checkpoints_timed, "bigint");
    assert.ok(!rowsOf(trial.points, "postgresql").some((row) => String(row.db).startsWith("template")));
    assert.deepEqual(findUndescribed(postgresql, trial.points), []);
  });

  test("slots, and only the databases that are wanted, by a user who may only look", async (context) => {
    await server.run("select pg_create_physical_replication_slot('standby', true)");
    await server.run("create user monitor");
    await server.run("grant pg_monitor to monitor");
    const options = { port: server.port, user: "monitor", databases: ["postgres"] };
    const trial = await tryKind(context, postgresql, { options });
    await trial.collect();
    assert.deepEqual(trial.troubles, [null]);
    assert.deepEqual(
      rowsOf(trial.points, "postgresql").map((row) => row.db),
      ["postgres"],
    );
    const [slot] = rowsOf(trial.points, "postgresql_slot");
    assert.deepEqual([slot?.slot_name, slot?.slot_type, slot?.active], ["standby", "physical", 0n]);
    assert.ok(Number(slot?.retained_bytes) >= 0);
    await server.run("select pg_drop_replication_slot('standby')");
  });

  test("a user or a database that is refused is told, and the password is not", async (context) => {
    const place = `127.0.0.1:${server.port}`;
    const tell = async (options: object) => {
      const trial = await tryKind(context, postgresql, { options: { port: server.port, ...options } });
      await trial.collect();
      return trial.troubles[0];
    };
    const password = "correct-horse";
    await server.run("create user locked password 'battery-staple'");
    const rules = "values ('host all locked all scram-sha-256'), ('host all all all trust')";
    const file = await server.run("show hba_file");
    await server.run(`copy (${rules}) to '${file}'`);
    await server.run("select pg_reload_conf()");
    const isLocked = async () => (await tell({ user: "locked" })) === `${place} asks for a password`;
    await waitUntil("rules that were read again", isLocked);
    assert.equal(await tell({ user: "locked", password: "battery-staple" }), null);
    assert.equal(await tell({ user: "locked", password }), `${place} refused the user or the password`);
    assert.equal(await tell({ user: "nobody", password }), `${place} refused the user or the password`);
    assert.equal(await tell({ user: "muster", database: "nothing", password }), `${place} has no such database`);
  });

  test("TLS: the certificate is held against our authority and the name that we expect", async (context) => {
    const { keyPath, certPath } = await makeCertificate(context);
    const folder = await server.run("show data_directory");
    const { uid, gid } = await stat(folder);
    const ownKey = join(folder, "tls.key");
    await copyFile(keyPath, ownKey);
    await chmod(ownKey, 0o600);
    await chown(ownKey, uid, gid);
    await server.run(`alter system set ssl_cert_file = '${certPath}'`);
    await server.run("alter system set ssl_key_file = 'tls.key'");
    await server.run("alter system set ssl = on");
    await server.run("select pg_reload_conf()");
    const place = `127.0.0.1:${server.port}`;
    const tell = async (options: object) => {
      const trial = await tryKind(context, postgresql, { options: { port: server.port, user: "muster", ...options } });
      await trial.collect();
      return trial.troubles[0];
    };
    await waitUntil("TLS", async () => (await tell({ sslmode: "require" })) === null);
    const full = { sslmode: "verify-full" };
    assert.equal(await tell({ ...full, tls_ca: certPath, tls_server_name: "localhost" }), null);
    assert.equal(await tell({ ...full, tls_ca: certPath }), `the certificate of ${place} is for another name`);
    assert.equal(await tell(full), `the certificate of ${place} is signed by itself and not trusted`);
    await server.run("alter system set ssl = off");
  });

  test("a server that was stopped is found again", async (context) => {
    const trial = await tryKind(context, postgresql, { options: { port: server.port, user: "muster" } });
    await trial.collect();
    await server.stop();
    await trial.collect();
    await trial.collect();
    assert.equal(trial.troubles.at(-1), `connection refused at 127.0.0.1:${server.port}`);
    await server.start();
    await trial.collect();
    assert.equal(trial.troubles.at(-1), null);
  });
});

test("a wrong password is told without it, whatever the server asks for", async (context) => {
  // a server that wants a password in the clear and refuses every one
  const port = await serveTcp(context, (socket) => {
    let step = 0;
    socket.on("data", () => {
      step += 1;
      if (step === 1) socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
      else {
        const fields = 'SFATAL\0VFATAL\0C28P01\0Mpassword "correct-horse" failed for user "monitor"\0\0';
        const head = Buffer.from([0x45, 0, 0, 0, fields.length + 4]);
        socket.end(Buffer.concat([head, Buffer.from(fields)]));
      }
    });
  });
  const trial = await tryKind(context, postgresql, { options: { port, user: "monitor", password: "correct-horse" } });
  await trial.collect();
  assert.deepEqual(trial.troubles, [`127.0.0.1:${port} refused the user or the password`]);
});

test("nobody there, or somebody silent: told within the time of the options", async (context) => {
  const dead = await findDeadPlace();
  const refused = await tryKind(context, postgresql, { options: { port: Number(dead.split(":")[1]) } });
  await refused.collect();
  assert.deepEqual(refused.troubles, [`connection refused at ${dead}`]);
  const port = await serveTcp(context, () => {});
  const silent = await tryKind(context, postgresql, { options: { port, timeout: "300ms" } });
  await silent.collect();
  assert.match(silent.troubles[0] ?? "", new RegExp(`no answer from 127\\.0\\.0\\.1:${port}|timeout`));
});
