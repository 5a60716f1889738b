import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { makeTempDir } from "@muster/testing";
import { loadAgentConfig } from "./config.ts";
import { runAgent } from "./main.ts";

test("flags win over the environment, the environment over the file, the file over defaults", async (scope) => {
  const folder = await makeTempDir(scope);
  await writeFile(
    join(folder, "muster.yaml"),
    "agent:\n  server: [http://file:1, http://file:2]\n  name: from-file\n  label: {role: web}\n",
  );
  const { config, mistakes } = await loadAgentConfig({
    argv: ["--data-dir", folder, "--id", "by-flag"],
    environment: { MUSTER_TOKEN: "tkn_x", MUSTER_ID: "by-variable", MUSTER_CLOUD_ID: "7" },
  });
  assert.deepEqual(mistakes, []);
  assert.equal(config.id, "by-flag");
  assert.equal(config.cloudId, 7);
  assert.equal(config.name, "from-file");
  assert.deepEqual(config.servers, ["http://file:1", "http://file:2"]);
  assert.deepEqual(config.labels, { role: "web" });
  assert.equal(config.policyPath, join(folder, "policy.yaml"));
});

test("several servers and labels may be given, in order", async (scope) => {
  const folder = await makeTempDir(scope);
  const argv = ["--server", "ws://a:1", "--server=https://b", "--label", "a=1", "--label", "b=x=y", "--token", "t"];
  const { config, mistakes } = await loadAgentConfig({ argv: [...argv, "--data-dir", folder], environment: {} });
  assert.deepEqual(mistakes, []);
  assert.deepEqual(config.servers, ["ws://a:1", "https://b"]);
  assert.deepEqual(config.labels, { a: "1", b: "x=y" });
});

test("all mistakes are listed at once with exit code 2, and no secret among them", async (scope) => {
  const folder = await makeTempDir(scope);
  await writeFile(join(folder, "policy.pem"), "");
  const lines: string[] = [];
  const code = await runAgent({
    argv: [
      "--server",
      "ftp://x",
      "--label",
      "=v",
      "--id",
      "has space",
      "--tls-ca",
      "/nowhere",
      "--nonsense",
      "--data-dir",
      folder,
    ],
    environment: { MUSTER_CLOUD_ID: "-1", MUSTER_TOKEN: "" },
    out: { text: (line) => lines.push(line), log: (line) => lines.push(line) },
  });
  const text = lines.join("");
  assert.equal(code, 2);
  for (const name of ["server", "label", "id", "cloud-id", "tls-ca", "--nonsense", "token"]) {
    assert.match(text, new RegExp(`^ {2}${name}`, "m"));
  }
});

test("a configuration file that was asked for must be there and be YAML", async (scope) => {
  const folder = await makeTempDir(scope);
  const bad = join(folder, "bad.yaml");
  await writeFile(bad, "server: [unclosed");
  for (const path of [join(folder, "missing.yaml"), bad]) {
    const argv = ["--config", path, "--data-dir", folder, "--server", "http://a", "--token", "t"];
    const { mistakes } = await loadAgentConfig({ argv, environment: {} });
    assert.equal(mistakes.length, 1);
    assert.match(mistakes[0] ?? "", /^config: /);
  }
});

test("the configuration is shown with sources and a masked token", async (scope) => {
  const folder = await makeTempDir(scope);
  const lines: string[] = [];
  const code = await runAgent({
    argv: ["config", "--server", "http://a:9", "--data-dir", folder],
    environment: { MUSTER_TOKEN: "tkn_secret" },
    out: { text: (line) => lines.push(line), log: (line) => lines.push(line) },
  });
  assert.equal(code, 0);
  assert.match(lines.join(""), /server\s+http:\/\/a:9\s+flag/);
  assert.match(lines.join(""), /token\s+\*{8}\s+environment/);
  assert.doesNotMatch(lines.join(""), /tkn_secret/);
});

test("a ConfigServer is joined without a token, and the hook's path does not hang on a working directory", async (scope) => {
  const folder = await makeTempDir(scope);
  const argv = ["--data-dir", folder, "--server", "http://a:8899", "--config-hook", "bin/check"];
  const load = (protocol: string) =>
    loadAgentConfig({ argv: [...argv, "--protocol", protocol, "--configserver-interval", "30s"], environment: {} });
  const { config, mistakes } = await load("configserver-g1");
  assert.deepEqual(mistakes, []);
  assert.deepEqual([config.protocol, config.configserverIntervalMs], ["configserver-g1", 30_000]);
  assert.deepEqual(config.configHook, { program: resolve("bin/check"), timeoutMs: 30_000 });
  assert.match((await load("native")).mistakes.join(), /token/);
});
