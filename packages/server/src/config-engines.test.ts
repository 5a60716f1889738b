import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MusterError } from "@muster/core";
import { isConfigMistake, readServerConfig, showServerConfig } from "./config.ts";

const POSTGRES = "postgres://muster:s3cret@db.example:5432/muster?sslmode=require";

function read(...argv: readonly string[]) {
  return readServerConfig({ argv: ["--data-dir", "/nonexistent/muster-test", ...argv], environment: {} });
}

function mistakesOf(...argv: readonly string[]): string[] {
  try {
    read(...argv);
  } catch (error) {
    assert.ok(isConfigMistake(error));
    return (error as MusterError).details.mistakes as string[];
  }
  return [];
}

describe("engines of the server", () => {
  test("SQLite takes a file, PostgreSQL a URL and a number of connections", () => {
    assert.deepEqual(read("--database", "sqlite:/tmp/a.db").database, { kind: "sqlite", path: "/tmp/a.db" });
    assert.deepEqual(read("--database", POSTGRES).database, { kind: "postgres", url: POSTGRES, connections: 10 });
    const config = read("--database", POSTGRES, "--database-connections", "40");
    assert.deepEqual(config.database, { kind: "postgres", url: POSTGRES, connections: 40 });
    for (const wrong of ["mysql://a/b", "sqlite:", "postgres://db", "/tmp/a.db", "postgres:///"])
      assert.equal(mistakesOf("--database", wrong).length, 1, wrong);
  });

  test("NATS takes several servers, and one way to log in", () => {
    const nats = (...more: readonly string[]) =>
      read("--database", POSTGRES, "--bus", "nats://a:4222, tls://b", ...more).bus;
    const plain = nats();
    assert.ok(plain.kind === "nats");
    assert.deepEqual(plain.servers, ["nats://a:4222", "tls://b"]);
    assert.deepEqual([plain.prefix, plain.user, plain.token], ["muster", undefined, undefined]);
    assert.deepEqual(plain.tls, { caFile: undefined, certFile: undefined, keyFile: undefined });
    const user = nats("--nats-user", "m", "--nats-password", "p", "--nats-prefix", "east");
    assert.ok(user.kind === "nats");
    assert.deepEqual([user.prefix, user.user, user.password], ["east", "m", "p"]);
    const inUrl = read("--database", POSTGRES, "--bus", "nats://m:p%40q@a").bus;
    assert.ok(inUrl.kind === "nats");
    assert.deepEqual([inUrl.servers, inUrl.user, inUrl.password, inUrl.tls], [["nats://a"], "m", "p@q", undefined]);
  });

  test("what cannot work together is refused with the reason", () => {
    const nats = ["--database", POSTGRES, "--bus", "nats://a"];
    assert.match(mistakesOf("--bus", "nats://a")[0] ?? "", /SQLite is for one/);
    assert.match(mistakesOf("--bus", "nats://a", "--database", "sqlite:/a")[0] ?? "", /SQLite is for one/);
    assert.match(mistakesOf("--database-connections", "5")[0] ?? "", /SQLite has no connections/);
    assert.match(mistakesOf("--nats-user", "a")[0] ?? "", /there is no NATS/);
    assert.match(mistakesOf(...nats, "--nats-user", "a", "--nats-token", "b")[0] ?? "", /one way to log in/);
    assert.match(mistakesOf(...nats, "--nats-password", "a")[0] ?? "", /whose/);
    assert.match(mistakesOf(...nats, "--nats-tls-cert", "a.pem")[0] ?? "", /both or neither/);
    assert.match(mistakesOf("--database", POSTGRES, "--bus", "nats://a:4222,http://b")[0] ?? "", /expected local or/);
    // one process needs nobody to talk to; a second one is refused when it registers
    assert.deepEqual(read("--database", POSTGRES).bus, { kind: "local" });
  });

  test("no listing and no message shows a password", () => {
    const shown = showServerConfig(
      read("--database", POSTGRES, "--bus", "nats://a:4222,nats://m:s3cret@b", "--nats-prefix", "x"),
    );
    assert.ok(!shown.includes("s3cret"), shown);
    assert.match(shown, /postgres:\/\/muster:\*{8}@db\.example:5432\/muster\?sslmode=require/);
    assert.match(shown, /nats:\/\/a:4222,nats:\/\/m:\*{8}@b/);
    const token = showServerConfig(read("--database", POSTGRES, "--bus", "nats://b", "--nats-token", "s3cret"));
    assert.ok(!token.includes("s3cret"));
    for (const wrong of ["postgres://u:s3cret@", "mysql://u:s3cr@et@h/db", "postgres://h?password=s3cret"]) {
      const [mistake = ""] = mistakesOf("--database", wrong);
      assert.ok(mistake !== "" && !/s3cr|et@/.test(mistake), mistake);
    }
    assert.ok(!mistakesOf("--database", POSTGRES, "--bus", "nats://u:s3,cret@h").join().includes("cret@"));
  });
});
