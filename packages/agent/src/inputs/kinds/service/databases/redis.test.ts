import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findFreePort, missingRedis, startRedis, unlessMissing } from "@muster/testing";
import { findUndescribed, rowsOf, tryKind } from "../../shared/kinds-for-test.ts";
import { findDeadPlace, makeCertificate, serveTcp } from "../fakes-for-test.ts";
import { parseInfo, readInfo, redis } from "./redis.ts";

describe("a real Redis", unlessMissing(missingRedis()), () => {
  test("counters move after writes: commands, keys, hits, slow ones", async (context) => {
    const server = await startRedis(context);
    await server.run("config", "set", "slowlog-log-slower-than", "0");
    const trial = await tryKind(context, redis, { options: { port: server.port } });
    await trial.collect();
    for (let key = 0; key < 5; key++) await server.run("set", `key${key}`, "x", "ex", "100");
    await server.run("get", "key1");
    await server.run("get", "no such key");
    await server.run("incr", "key1");
    await trial.collect();
    assert.deepEqual(trial.troubles, [null, null]);
    const [before, after] = rowsOf(trial.points, "redis_info");
    const moved = (field: string) => Number(after?.[field]) - Number(before?.[field]);
    assert.deepEqual(["keyspace_hits", "keyspace_misses"].map(moved), [1, 1]);
    assert.ok(moved("total_commands_processed") >= 8);
    assert.ok(moved("slowlog_total") >= 8);
    assert.ok(Number(after?.used_memory) > 100_000);
    assert.deepEqual([after?.role, after?.server], ["master", `127.0.0.1:${server.port}`]);
    const [db] = rowsOf(trial.points, "redis_db");
    assert.deepEqual([db?.db, db?.keys, db?.expires], ["0", 5n, 5n]);
    assert.ok(Number(db?.avg_ttl) > 1 && Number(db?.avg_ttl) <= 100);
    const set = rowsOf(trial.points, "redis_command_stat").findLast((row) => row.command === "set");
    assert.deepEqual([set?.calls, set?.failed_calls], [5n, 0n]);
    assert.ok(rowsOf(trial.points, "redis_error_stat").some((row) => row.error === "ERR" && row.count === 1n));
    assert.deepEqual(findUndescribed(redis, trial.points), []);
  });

  test("a password: the right one, a wrong one and none, and it is never told", async (context) => {
    const server = await startRedis(context, { password: "correct-horse" });
    const place = `127.0.0.1:${server.port}`;
    const tell = async (options: object) => {
      const trial = await tryKind(context, redis, { options: { port: server.port, ...options } });
      await trial.collect();
      return trial.troubles[0];
    };
    assert.equal(await tell({ password: "correct-horse" }), null);
    assert.equal(await tell({ password: "wrong-horse" }), `${place} refused the user or the password`);
    assert.equal(
      await tell({ username: "nobody", password: "wrong-horse" }),
      `${place} refused the user or the password`,
    );
    assert.equal(await tell({}), `${place} asks for a password`);
  });

  test("TLS: the certificate is held against our authority and the name that we expect", async (context) => {
    const { keyPath, certPath } = await makeCertificate(context);
    const port = await findFreePort();
    const files = { "tls-cert-file": certPath, "tls-key-file": keyPath, "tls-auth-clients": "no" };
    await startRedis(context, { settings: { ...files, "tls-port": String(port) } });
    const tell = async (options: object) => {
      const trial = await tryKind(context, redis, { options: { port, tls: true, ...options } });
      await trial.collect();
      return trial.troubles[0];
    };
    assert.equal(await tell({ tls_ca: certPath, tls_server_name: "localhost" }), null);
    assert.equal(await tell({ insecure_skip_verify: true }), null);
    assert.equal(await tell({}), `the certificate of 127.0.0.1:${port} is signed by itself and not trusted`);
    assert.equal(await tell({ tls_ca: certPath }), `the certificate of 127.0.0.1:${port} is for another name`);
  });

  test("a server that dies is a trouble, and is found again when it is back", async (context) => {
    const server = await startRedis(context);
    const trial = await tryKind(context, redis, { options: { port: server.port } });
    await trial.collect();
    await server.process.stop("SIGKILL");
    await trial.collect();
    await trial.collect();
    assert.equal(trial.troubles[2], `connection refused at 127.0.0.1:${server.port}`);
    assert.equal(trial.troubles[0], null);
    assert.notEqual(trial.troubles[1], null);
  });
});

test("nobody there, or somebody silent: told within the time of the options", async (context) => {
  const dead = await findDeadPlace();
  const refused = await tryKind(context, redis, { options: { port: Number(dead.split(":")[1]) } });
  await refused.collect();
  assert.deepEqual(refused.troubles, [`connection refused at ${dead}`]);
  const port = await serveTcp(context, () => {});
  const silent = await tryKind(context, redis, { options: { port, timeout: "300ms", password: "correct-horse" } });
  await silent.collect();
  assert.deepEqual(silent.troubles, [`no answer from 127.0.0.1:${port} within 0.3 s`]);
});

test("replicas, and what a replica says of its master", () => {
  const info = parseInfo(
    "# Replication\r\nrole:slave\r\nmaster_link_status:down\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=123,lag=1\r\nbad\r\n",
  );
  const wanted = { command_stats: true, keyspace: true };
  const points = readInfo(info, { tags: { server: "x" }, timeNs: 1n, wanted, more: {} });
  assert.deepEqual(rowsOf(points, "redis_info"), [{ server: "x", role: "slave", master_link_up: 0n }]);
  assert.deepEqual(rowsOf(points, "redis_replica"), [
    { server: "x", replica: "10.0.0.2:6379", state: "online", offset: 123n, lag: 1n },
  ]);
});
