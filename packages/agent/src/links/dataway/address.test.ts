import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTempDir } from "@muster/testing";
import { loadAgentConfig } from "../../config.ts";
import { buildPointServer } from "../../inputs/point-server.ts";
import { buildGatewayUrl } from "./address.ts";

const query = {
  id: "agent-1",
  version: "1.0.0",
  os: "linux",
  arch: "amd64",
  token: "tkn_1",
  heartbeatMs: 30_000,
  hostname: "h 1",
  ip: "10.0.0.5",
};

test("sockets and points go to one host: to one port, or to the two of the originals", () => {
  const pairs = [
    ["ws://gw:9530", "ws://gw:9530/v1/ws/datakit", "http://gw:9528"],
    ["http://gw:9528", "ws://gw:9530/v1/ws/datakit", "http://gw:9528"],
    ["ws://gw:9530/own/path", "ws://gw:9530/own/path", "http://gw:9528"],
    ["wss://gw/prefix/v1/ws/datakit", "wss://gw/prefix/v1/ws/datakit", "https://gw/prefix"],
    ["wss://gw/v1/ws/datakit", "wss://gw/v1/ws/datakit", "https://gw"],
    ["http://127.0.0.1:9999", "ws://127.0.0.1:9999/v1/ws/datakit", "http://127.0.0.1:9999"],
  ] as const;
  for (const [server, socket, points] of pairs) {
    const url = buildGatewayUrl(server, query);
    assert.equal(url.split("?")[0], socket);
    assert.equal(buildPointServer(server, { token: "tkn_1", protocol: "dataway" }).url, points);
  }
  assert.match(
    buildGatewayUrl("ws://gw:9530", query),
    /\?id=agent-1&version=1\.0\.0&os=linux&arch=amd64&token=tkn_1&heartbeatconf=30s&hostname=h%201&ip=10\.0\.0\.5$/,
  );
});

test("a server of ours gets points where it gets everything, also behind a prefix", () => {
  const urlOf = (server: string) => buildPointServer(server, { token: "tkn_1", protocol: "native" }).url;
  assert.equal(urlOf("wss://muster.example/prefix/"), "https://muster.example/prefix");
  assert.equal(urlOf("ws://10.0.0.1:9999/api/v1/ws"), "http://10.0.0.1:9999");
  assert.equal(urlOf("http://10.0.0.1:9530"), "http://10.0.0.1:9530");
});

test("a token in the address is taken out of it, and --token goes before it", async (scope) => {
  const folder = await makeTempDir(scope);
  const load = async (...flags: string[]) => {
    const argv = ["--data-dir", folder, "--protocol", "dataway", ...flags];
    return (await loadAgentConfig({ argv, environment: {} })).config;
  };
  const alone = await load("--server", "http://gw:9528?token=tkn_url");
  assert.deepEqual([alone.token, alone.servers], ["tkn_url", ["http://gw:9528/"]]);
  const both = await load("--server", "http://gw:9528?token=tkn_url", "--token", "tkn_flag");
  assert.deepEqual([both.token, both.servers], ["tkn_flag", ["http://gw:9528/"]]);
});
