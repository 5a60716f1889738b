import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MusterError } from "@muster/core";
import { readServerConfig, showServerConfig } from "./config.ts";

function read(...argv: string[]) {
  return readServerConfig({ argv: ["--data-dir", "/nonexistent/muster-test", ...argv], environment: {} });
}

function mistakesOf(...argv: string[]): string[] {
  try {
    read(...argv);
  } catch (error) {
    return (error as MusterError).details.mistakes as string[];
  }
  return [];
}

describe("configuration of the gateway", () => {
  test("classic ports are two more listeners of the door, on the address of the main one", () => {
    assert.deepEqual(read().doorListeners, []);
    const { doorListeners } = read("--classic-ports", "--host", "10.0.0.1", "--listen", "dataway=127.0.0.1:7000");
    assert.deepEqual(
      doorListeners.filter(({ door }) => door === "dataway"),
      [
        { door: "dataway", host: "127.0.0.1", port: 7000 },
        { door: "dataway", host: "10.0.0.1", port: 9528 },
        { door: "dataway", host: "10.0.0.1", port: 9530 },
      ],
    );
  });

  test("a backend is a plain HTTP address, and its token is never shown", () => {
    assert.equal(read().datawayBackend, undefined);
    const config = read(
      "--dataway-backend",
      "https://kodo.example:443/base/",
      "--dataway-backend-token",
      "tkn_secret_of_it",
    );
    assert.deepEqual(config.datawayBackend, {
      url: "https://kodo.example:443/base",
      token: "tkn_secret_of_it",
      queueBytes: 64 * 1024 * 1024,
    });
    assert.ok(!showServerConfig(config).includes("tkn_secret_of_it"));
    assert.match(showServerConfig(config), /dataway-backend-queue\s+64MiB/);
    for (const url of [
      "ftp://a",
      "file:///etc/passwd",
      "https://u:p@a",
      "https://a/?token=x",
      "https://a/#x",
      "kodo",
    ]) {
      assert.equal(mistakesOf("--dataway-backend", url).length, 1, url);
    }
    assert.match(mistakesOf("--dataway-backend-token", "tkn_secret_of_it")[0] ?? "", /for which backend/);
  });
});
