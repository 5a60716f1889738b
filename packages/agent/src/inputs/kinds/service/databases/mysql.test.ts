import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ManualScope, type MariadbServer, missingMariadb, startMariadb, unlessMissing } from "@muster/testing";
import { findUndescribed, rowsOf, tryKind } from "../../shared/kinds-for-test.ts";
import { findDeadPlace, makeCertificate, serveTcp } from "../fakes-for-test.ts";
import { mysql } from "./mysql.ts";

describe("a real MariaDB", unlessMissing(missingMariadb()), () => {
  const scope = new ManualScope();
  let server: MariadbServer;
  let authority = "";
  const login = { user: "monitor", password: "correct-horse" };
  before(async () => {
    const { keyPath, certPath } = await makeCertificate(scope);
    authority = certPath;
    server = await startMariadb(scope, { flags: [`--ssl-cert=${certPath}`, `--ssl-key=${keyPath}`] });
    await server.run(`create user monitor@'%' identified by 'correct-horse';
      grant process, slave monitor on *.* to monitor@'%';
      create database shop; create table shop.goods (id int primary key, name varchar(100)) engine=innodb;
      grant select on shop.* to monitor@'%';`);
  });
  after(() => scope.close());

  test("values move after queries: statements, rows, connections, sizes", async (context) => {
    const trial = await tryKind(context, mysql, { options: { port: server.port, ...login, schema_sizes: true } });
    await trial.collect();
    await server.run("insert into shop.goods values (1, 'a'), (2, 'b'), (3, 'c'); select * from shop.goods");
    await trial.collect();
    assert.deepEqual(trial.troubles, [null, null]);
    const between = (measurement: string, field: string) => {
      const [first, last] = rowsOf(trial.points, measurement);
      return Number(last?.[field]) - Number(first?.[field]);
    };
    assert.equal(between("mysql", "com_insert"), 1);
    assert.ok(between("mysql", "com_select") >= 1);
    assert.ok(between("mysql", "handler_write") >= 3 && between("mysql_innodb", "buffer_pool_write_requests") > 0);
    assert.ok(between("mysql", "bytes_sent") > 0);
    const [row] = rowsOf(trial.points, "mysql");
    assert.match(String(row?.server_version), /MariaDB/);
    assert.ok(Number(row?.max_connections) > 0 && Number(row?.innodb_buffer_pool_size) >= 5 * 1024 * 1024);
    const busy = rowsOf(trial.points, "mysql_process").find(({ command }) => command === "Query");
    assert.ok(Number(busy?.count) >= 1);
    const shop = rowsOf(trial.points, "mysql_schema").find(({ db }) => db === "shop");
    assert.deepEqual([shop?.tables, shop?.server], [1n, `127.0.0.1:${server.port}`]);
    assert.deepEqual(findUndescribed(mysql, trial.points), []);
  });

  test("what a replica says of its source", async (context) => {
    await server.run("change master to master_host='127.0.0.1', master_port=1, master_user='x'");
    const trial = await tryKind(context, mysql, { options: { port: server.port, ...login } });
    await trial.collect();
    const [row] = rowsOf(trial.points, "mysql_replication");
    assert.deepEqual([row?.source, row?.io_running, row?.sql_running], ["127.0.0.1:1", 0n, 0n]);
    assert.deepEqual(findUndescribed(mysql, trial.points), []);
    await server.run("reset slave all");
  });

  test("a wrong password is told without it, and a user without rights still sees the status", async (context) => {
    await server.run("create user poor@'%' identified by 'battery'");
    const wrong = await tryKind(context, mysql, {
      options: { port: server.port, user: "monitor", password: "wrong-horse" },
    });
    await wrong.collect();
    assert.deepEqual(wrong.troubles, [`127.0.0.1:${server.port} refused the user or the password`]);
    const poor = await tryKind(context, mysql, { options: { port: server.port, user: "poor", password: "battery" } });
    await poor.collect();
    assert.deepEqual(poor.troubles, [null]);
    assert.equal(rowsOf(poor.points, "mysql").length, 1);
  });

  test("TLS: the certificate is held against our authority", async (context) => {
    const tell = async (options: object) => {
      const trial = await tryKind(context, mysql, { options: { port: server.port, ...login, tls: true, ...options } });
      await trial.collect();
      return trial.troubles[0];
    };
    assert.equal(await tell({ host: "localhost", tls_ca: authority }), null);
    assert.equal(await tell({ insecure_skip_verify: true }), null);
    assert.match((await tell({})) ?? "", /^the certificate of 127\.0\.0\.1:\d+ is not trusted$/);
  });

  test("a server that dies is a trouble", async (context) => {
    const trial = await tryKind(context, mysql, { options: { port: server.port, ...login } });
    await trial.collect();
    await server.process.stop("SIGKILL");
    await trial.collect();
    await trial.collect();
    assert.notEqual(trial.troubles[1], null);
    assert.equal(trial.troubles[2], `connection refused at 127.0.0.1:${server.port}`);
  });
});

test("nobody there, or somebody silent: told within the time of the options", async (context) => {
  const dead = await findDeadPlace();
  const refused = await tryKind(context, mysql, { options: { port: Number(dead.split(":")[1]) } });
  await refused.collect();
  assert.deepEqual(refused.troubles, [`connection refused at ${dead}`]);
  const port = await serveTcp(context, () => {});
  const silent = await tryKind(context, mysql, { options: { port, timeout: "300ms" } });
  await silent.collect();
  assert.match(silent.troubles[0] ?? "", new RegExp(`no answer from 127\\.0\\.0\\.1:${port}`));
});
