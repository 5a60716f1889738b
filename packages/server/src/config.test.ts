import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { MusterError } from "@muster/core";
import { makeTempDir } from "@muster/testing";
import {
  describeServerSettings,
  isConfigMistake,
  readServerConfig,
  SERVER_SETTINGS,
  showServerConfig,
} from "./config.ts";

const DIR = "/nonexistent/muster-test";

function read(argv: readonly string[] = [], environment: Record<string, string> = {}) {
  return readServerConfig({ argv: ["--data-dir", DIR, ...argv], environment });
}

function mistakesOf(argv: readonly string[], environment: Record<string, string> = {}): string[] {
  try {
    read(argv, environment);
  } catch (error) {
    assert.ok(isConfigMistake(error));
    return (error as MusterError).details.mistakes as string[];
  }
  return [];
}

describe("server configuration", () => {
  test("has the defaults of the contract", () => {
    const config = read();
    assert.equal(config.host, "127.0.0.1");
    assert.equal(config.port, 9999);
    assert.deepEqual(config.database, { kind: "sqlite", path: join(DIR, "muster.db") });
    assert.deepEqual(config.bus, { kind: "local" });
    assert.deepEqual(config.doorPolicies, {
      ...{ node: { kind: "token" }, dataway: { kind: "token" } },
      ...{ configserver: { kind: "loopback" }, "configserver-g0": { kind: "loopback" } },
      ...{ "configserver-g1": { kind: "loopback" }, "configserver-g2": { kind: "loopback" } },
    });
    assert.equal(config.allowDefaultToken, false);
    assert.deepEqual(config.metricsRetentionMs, { "10s": 86_400_000, "1m": 604_800_000, "10m": 7_776_000_000 });
    assert.equal(config.outputLimitBytes, 1_048_576);
    assert.equal(config.tls, undefined);
  });

  test("a flag outweighs a variable, a variable the file, the file the default", async (context) => {
    const dir = await makeTempDir(context);
    await writeFile(join(dir, "muster.yaml"), "port: 1\nhost: 10.0.0.1\nlog-level: warn\ndoor:\n  node: loopback\n");
    const argv = ["--data-dir", dir, "--port", "3"];
    const config = readServerConfig({ argv, environment: { MUSTER_PORT: "2", MUSTER_HOST: "10.0.0.2" } });
    assert.equal(config.port, 3);
    assert.equal(config.host, "10.0.0.2");
    assert.equal(config.logLevel, "warn");
    assert.deepEqual(config.doorPolicies.node, { kind: "loopback" });
  });

  test("a file that was named must be there and be readable", async (context) => {
    const dir = await makeTempDir(context);
    assert.equal(mistakesOf(["--config", join(dir, "none.yaml")]).length, 1);
    await writeFile(join(dir, "bad.yaml"), "port: [1\n");
    assert.equal(mistakesOf(["--config", join(dir, "bad.yaml")]).length, 1);
    await writeFile(join(dir, "unknown.yaml"), "prot: 1\n");
    assert.match(mistakesOf(["--config", join(dir, "unknown.yaml")])[0] ?? "", /prot/);
  });

  test("all mistakes are listed at once", () => {
    const mistakes = mistakesOf(
      [
        "--port",
        "x",
        "--nope",
        "--door",
        "none=off",
        "--door",
        "node=10.0.0.0/99",
        "--tls-cert",
        "a.pem",
        "--host",
        "a b",
      ],
      { MUSTER_LOG_LEVEL: "loud" },
    );
    assert.equal(mistakes.length, 7, mistakes.join("\n"));
  });

  test("secrets that everybody knows are refused, and no message or listing shows one", () => {
    for (const [flag, value] of [
      ["--admin-password", "password"],
      ["--admin-password", "short"],
      ["--enrollment-token", "default-token"],
      ["--enrollment-token", "with spaces in it"],
      ["--api-token", "0123456789abcdef0123"],
    ] as const) {
      const [mistake] = mistakesOf([flag, value]);
      assert.ok(mistake, `${flag} ${value}`);
      if (value !== "default-token" && value !== "password") assert.ok(!mistake.includes(value), mistake);
    }
    const secrets = ["--admin-password", "a long password", "--enrollment-token", "tkn_0123456789abcdef"];
    const shown = showServerConfig(read([...secrets, "--api-token", "mst_0123456789abcdef"]));
    for (const secret of ["a long password", "tkn_0123456789abcdef", "mst_0123456789abcdef"]) {
      assert.ok(!shown.includes(secret));
    }
    assert.match(shown, /admin-password\s+\*{8}\s+flag/);
    assert.match(shown, /port\s+9999\s+default/);
  });

  test("a public URL holds nothing that a shell or a page would take for more", () => {
    for (const url of [
      "https://muster.example",
      "http://10.0.0.1:9999",
      "https://[2001:db8::1]:8443",
      "https://a.b/muster",
    ]) {
      assert.equal(read(["--public-url", url]).publicUrl, url);
    }
    for (const url of [
      "https://a'b",
      "https://a;b",
      "https://u:p@a",
      "https://a/?x",
      "https://a/#x",
      "ftp://a",
      "a.b",
      "https://a/$(id)",
    ]) {
      assert.equal(mistakesOf(["--public-url", url]).length, 1, url);
    }
  });

  test("doors, listeners, origins and proxies are read as they are written", () => {
    const config = read(
      [
        "--door",
        "node=10.0.0.0/8,::1",
        "--listen",
        "node=[::1]:8080",
        "--door-origins",
        "https://a.example,http://b:81",
      ],
      { MUSTER_TRUSTED_PROXIES: "10.0.0.1, 192.168.0.0/16" },
    );
    const { node } = config.doorPolicies;
    assert.ok(node.kind === "ranges" && node.ranges.has("10.1.1.1") && node.ranges.has("::1"));
    assert.deepEqual(config.doorListeners, [{ door: "node", host: "::1", port: 8080 }]);
    assert.deepEqual(config.doorOrigins, ["https://a.example", "http://b:81"]);
    assert.deepEqual(config.trustedProxies, ["10.0.0.1", "192.168.0.0/16"]);
    for (const argv of [
      ["--listen", "gse=127.0.0.1:1"],
      ["--listen", "node=127.0.0.1"],
      ["--listen", "node=127.0.0.1:70000"],
      ["--door-origins", "https://a.example/"],
      ["--door-origins", "a.example"],
      ["--trusted-proxies", "proxy.example"],
      ["--door", "node="],
    ]) {
      assert.equal(mistakesOf(argv).length, 1, argv.join(" "));
    }
  });

  test("finer history cannot outlive coarser history", () => {
    assert.equal(mistakesOf(["--metrics-retention-10s", "8d"]).length, 1);
    assert.equal(read(["--metrics-retention-10s", "2d"]).metricsRetentionMs["10s"], 172_800_000);
  });

  test("help names every flag", () => {
    const help = describeServerSettings();
    for (const name of Object.keys(SERVER_SETTINGS)) assert.ok(help.includes(`--${name} `), name);
  });
});
