import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { missingNats, startNats } from "./nats.ts";
import { missingPostgres, type PostgresServer, startPostgres } from "./postgres.ts";
import { ManualScope } from "./scope.ts";
import { unlessMissing } from "./wait.ts";

describe("a private PostgreSQL", unlessMissing(missingPostgres()), () => {
  const scope = new ManualScope();
  let postgres: PostgresServer;
  before(async () => {
    postgres = await startPostgres(scope);
  });
  after(() => scope.close());

  test("each test has a database of its own", async (t) => {
    const [one, two] = [await postgres.createDatabase(t), await postgres.createDatabase(t)];
    assert.notEqual(one, two);
    await postgres.run("create table a (b int)", new URL(one).pathname.slice(1));
    assert.equal(await postgres.run("select to_regclass('a') is null", new URL(two).pathname.slice(1)), "t");
  });

  test("it keeps its port and what was committed through a stop and through a kill", async () => {
    await postgres.run("create table kept (n int)");
    await postgres.stop();
    await assert.rejects(postgres.run("select 1"));
    await postgres.start();
    await postgres.run("insert into kept values (7)");
    await postgres.kill();
    await postgres.start();
    assert.equal(await postgres.run("select n from kept"), "7");
  });
});

describe("a private nats-server", unlessMissing(missingNats()), () => {
  test("it comes back on its port after a stop and after a kill", async (t) => {
    const nats = await startNats(t, { token: "secret" });
    assert.match(await greetingOf(nats.port), /"auth_required":true/);
    await nats.stop();
    await assert.rejects(greetingOf(nats.port));
    await nats.start();
    await nats.kill();
    await nats.start();
    assert.match(await greetingOf(nats.port), /^INFO /);
  });
});

function greetingOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject).once("data", (bytes) => {
      socket.destroy();
      resolve(String(bytes));
    });
  });
}
