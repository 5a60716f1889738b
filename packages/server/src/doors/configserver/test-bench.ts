import assert from "node:assert/strict";
import { Agent } from "node:http";
import { join } from "node:path";
import { systemClock } from "@muster/core";
import type { Role } from "@muster/core/resources";
import {
  type ConfigServerClient,
  createConfigServerClient,
  G0,
  G1,
  G2,
  ManualClock,
  makeTempDir,
  onEnd,
  type Scope,
  settle,
} from "@muster/testing";
import { localBus } from "../../bus/local.ts";
import { Access } from "../../fleet/access.ts";
import { Fleet } from "../../fleet/fleet.ts";
import { Listeners } from "../../listeners/listeners.ts";
import { OwnOrigins } from "../../listeners/origins.ts";
import { sqliteDialect } from "../../store/sqlite.ts";
import { Store } from "../../store/store.ts";
import { type ConfigServerDoors, createConfigServerDoors } from "./configserver-doors.ts";
import type { ConfigServerOptions } from "./parts.ts";

/** The real doors on real ports, before a real fleet on a real store; only time is the test's. */
export interface ConfigServerBench {
  readonly clock: ManualClock;
  readonly fleet: Fleet;
  readonly access: Access;
  readonly doors: ConfigServerDoors;
  /** The main port, without a prefix. */
  readonly url: string;
  /** A generation's prefix on the main port, and its listener. */
  prefix(generation: "g0" | "g1" | "g2"): string;
  listener(generation: "g0" | "g1" | "g2"): string;
  readonly g0: ConfigServerClient;
  readonly g1: ConfigServerClient;
  readonly g2: ConfigServerClient;
  /** The decoded body of a call that must have been accepted. */
  createApiToken(role: Role): Promise<string>;
  /** Lets time pass for the server. */
  pass(ms: number): Promise<void>;
}

export async function openConfigServerBench(
  scope: Scope,
  options: Partial<Pick<ConfigServerOptions, "generation" | "trustsUsersAt" | "limits">> = {},
): Promise<ConfigServerBench> {
  const clock = new ManualClock();
  const store = new Store(sqliteDialect(join(await makeTempDir(scope), "muster.db")));
  await store.migrate();
  const fleet = new Fleet({ store, bus: localBus(), clock, outputLimitBytes: 1024 });
  await fleet.start();
  const access = await Access.open({ store, clock });
  const quiet = { debug() {}, warn() {} };
  const parts = { fleet, access, clock, log: quiet };
  const doors = createConfigServerDoors({ ...parts, generation: "g0", trustsUsersAt: () => true, ...options });
  const names = ["configserver-g0", "configserver-g1", "configserver-g2"];
  const failures: unknown[] = [];
  const listeners = new Listeners({
    host: "127.0.0.1",
    port: 0,
    doorListeners: names.map((door) => ({ door, host: "127.0.0.1", port: 0 })),
    doors: doors.all.map((door) => ({ door, policy: { kind: "loopback" } })),
    origins: new OwnOrigins({ monotonic: () => systemClock.monotonic() }),
    trustedProxies: ["127.0.0.1"],
    doorOrigins: [],
    admitRate: 500,
    clock: systemClock,
    events: { onFailure: (error) => failures.push(error) },
  });
  await listeners.open({
    handle: (_request, response) => response.writeHead(404).end(),
    upgrade: async () => ({ refuse: { status: 404 } }),
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  onEnd(scope, async () => {
    agent.destroy();
    await listeners.close(0);
    doors.close();
    await fleet.stop();
    await access.close();
    await store.close();
    assert.deepEqual(failures, []);
  });
  const [url = "", ...own] = listeners.urls;
  const listener = (generation: string) => own[Number(generation.slice(1))] ?? "";
  return {
    clock,
    fleet,
    access,
    doors,
    url,
    prefix: (generation) => `${url}/configserver/${generation}`,
    listener,
    g0: createConfigServerClient(listener("g0"), G0, { agent }),
    g1: createConfigServerClient(listener("g1"), G1, { agent }),
    g2: createConfigServerClient(listener("g2"), G2, { agent }),
    createApiToken: async (role) =>
      (await access.tokens.create({ name: role, scopes: [role] }, { name: "tests", ownerId: null })).token,
    async pass(ms) {
      const step = Math.max(500, Math.ceil(ms / 100));
      for (let passed = 0; passed < ms; passed += step) {
        clock.advance(Math.min(step, ms - passed));
        await settle();
      }
    },
  };
}
