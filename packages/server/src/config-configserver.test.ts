import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readServerConfig, showServerConfig } from "./config.ts";

function read(...argv: string[]) {
  return readServerConfig({ argv: ["--data-dir", "/nonexistent/muster-test", ...argv], environment: {} });
}

describe("configuration of ConfigServer", () => {
  test("the classic port is the seed's generation, and each generation may have listeners", () => {
    const { doorListeners } = read("--classic-ports", "--listen", "configserver-g2=127.0.0.1:7000");
    assert.deepEqual(
      doorListeners.filter(({ door }) => door.startsWith("configserver")),
      [
        { door: "configserver-g2", host: "127.0.0.1", port: 7000 },
        { door: "configserver-g0", host: "127.0.0.1", port: 8899 },
      ],
    );
  });

  test("what is said of the door holds for all generations of which nothing else is said", () => {
    const { doorPolicies } = read("--door", "configserver-g2=off", "--door", "configserver=10.0.0.0/8");
    assert.equal(doorPolicies["configserver-g2"].kind, "off");
    for (const name of ["configserver", "configserver-g0", "configserver-g1"] as const)
      assert.equal(doorPolicies[name].kind, "ranges", name);
    assert.throws(() => read("--door", "configserver=token"), /cannot send a token/);
  });

  test("bare paths are the seed's, users need no token on this machine, and no agent is forgotten unless it is said", () => {
    const { trustsUsersAt, ...others } = read().configServer;
    assert.deepEqual(others, { generation: "g0", agentExpiryMs: undefined });
    assert.deepEqual(["127.0.0.1", "::1", "10.0.0.1"].map(trustsUsersAt), [true, true, false]);
    const config = read("--configserver-generation", "g1", "--configserver-agent-expiry", "12h");
    assert.equal(config.configServer.generation, "g1");
    assert.equal(config.configServer.agentExpiryMs, 43_200_000);
    assert.match(showServerConfig(config), /configserver-agent-expiry.*12h/);
    assert.throws(() => read("--configserver-generation", "g3"));
  });

  test("an address that agents may come from is none that users need no token from", () => {
    const trusted = (...flags: string[]) =>
      ["127.0.0.1", "10.0.0.1", "10.1.0.5"].map(
        read("--door", "configserver=10.0.0.0/8", ...flags).configServer.trustsUsersAt,
      );
    assert.deepEqual(trusted(), [true, false, false]);
    assert.deepEqual(trusted("--configserver-users", "token"), [false, false, false]);
    assert.deepEqual(trusted("--configserver-users", "10.1.0.0/16"), [false, false, true]);
    assert.throws(() => read("--configserver-users", "off"));
  });
});
