import assert from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "@muster/core";
import type { Role } from "@muster/core/resources";
import {
  type AnyMessage,
  type DatawayBackendStub,
  ManualClock,
  makeTempDir,
  onEnd,
  type Scope,
  settle,
  waitUntil,
} from "@muster/testing";
import { localBus } from "../../bus/local.ts";
import { Access } from "../../fleet/access.ts";
import { Fleet } from "../../fleet/fleet.ts";
import { Listeners } from "../../listeners/listeners.ts";
import { OwnOrigins } from "../../listeners/origins.ts";
import { DatawayBackend } from "../../outbound/dataway-backend.ts";
import { sqliteDialect } from "../../store/sqlite.ts";
import { Store } from "../../store/store.ts";
import { createDatawayDoor, type DatawayDoor } from "./dataway-door.ts";
import { BackendChecks, enrollmentChecks } from "./token-checks.ts";

export interface Answer {
  readonly status: number;
  readonly body: AnyMessage;
}

/** The real door on real ports, before a real fleet on a real store; only time is the test's. */
export interface DatawayBench {
  readonly clock: ManualClock;
  readonly fleet: Fleet;
  readonly access: Access;
  readonly door: DatawayDoor;
  /** The main port and a listener of the door's own. */
  readonly wsUrl: string;
  readonly ownWsUrl: string;
  readonly url: string;
  /** An enrolment token. */
  readonly token: string;
  /** An API token of an operator. */
  readonly operator: string;
  /** Calls `/v1/datakits<path>` as the operator. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  createApiToken(role: Role): Promise<string>;
  /** Lets time pass for the server. */
  pass(ms: number): Promise<void>;
  /** Waits until the DataKit has this status. */
  waitFor(id: string, status: string): Promise<AnyMessage>;
}

export async function openDatawayBench(
  scope: Scope,
  options: { readonly backend?: DatawayBackendStub; readonly isOpen?: boolean; readonly admitRate?: number } = {},
): Promise<DatawayBench> {
  const clock = new ManualClock();
  const store = new Store(sqliteDialect(join(await makeTempDir(scope), "muster.db")));
  await store.migrate();
  const fleet = new Fleet({ store, bus: localBus(), clock, outputLimitBytes: 1024 });
  await fleet.start();
  const access = await Access.open({ store, clock });
  const version = "0.0.0-test";
  const gatewayId = "agnt_bt6um9bksvvesmk79370";
  const backend =
    options.backend &&
    new DatawayBackend({ url: options.backend.url, token: "tkn_backend", gatewayId, version, clock: systemClock });
  const quiet = { debug() {}, info() {}, warn() {} };
  const door = createDatawayDoor({
    fleet,
    access,
    clock,
    log: quiet,
    tokens: backend ? new BackendChecks((token) => backend.checkToken(token), clock) : enrollmentChecks(access, clock),
    checkWeb: backend && ((request) => backend.checkWeb(request)),
    isOpen: options.isOpen ?? false,
    intake: { fleet, access, clock, log: quiet },
  });
  const failures: unknown[] = [];
  const listeners = new Listeners({
    host: "127.0.0.1",
    port: 0,
    doorListeners: [{ door: "dataway", host: "127.0.0.1", port: 0 }],
    doors: [{ door, policy: { kind: options.isOpen ? "loopback" : "token" } }],
    origins: new OwnOrigins({ monotonic: () => systemClock.monotonic() }),
    trustedProxies: [],
    doorOrigins: [],
    admitRate: options.admitRate ?? 500,
    clock: systemClock,
    events: { onFailure: (error) => failures.push(error) },
  });
  await listeners.open({
    handle: (_request, response) => response.writeHead(404).end(),
    upgrade: async () => ({ refuse: { status: 404 } }),
  });
  const stopEvictions = access.revocations.subscribe((revocation) => {
    if (revocation.kind === "enrollment") fleet.sessions.evictToken(revocation.id as never);
  });
  onEnd(scope, async () => {
    stopEvictions();
    await listeners.close(0);
    door.close();
    backend?.close();
    await fleet.stop();
    await access.close();
    await store.close();
    assert.deepEqual(failures, []);
  });
  const createApiToken = async (role: Role) =>
    (await access.tokens.create({ name: role, scopes: [role] }, { name: "tests", ownerId: null })).token;
  const { token } = await access.enrollment.create({ name: "tests" }, "tests");
  const operator = await createApiToken("operator");
  const [url = "", own = ""] = listeners.urls;
  const call: DatawayBench["call"] = async (method, path, body, headers) => {
    const response = await fetch(`${url}/v1/datakits${path}`, {
      method,
      headers: headers ?? { authorization: `Bearer ${operator}` },
      body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
  return {
    clock,
    fleet,
    access,
    door,
    url,
    wsUrl: url.replace("http", "ws"),
    ownWsUrl: own.replace("http", "ws"),
    token,
    operator,
    call,
    createApiToken,
    async pass(ms) {
      const step = Math.max(500, Math.ceil(ms / 100));
      for (let passed = 0; passed < ms; passed += step) {
        clock.advance(Math.min(step, ms - passed));
        await settle();
      }
    },
    waitFor: (id, status) =>
      waitUntil(`${id} to be ${status}`, async () => {
        const { body } = await call("GET", `/${id}`);
        return body.content?.status === status && body.content;
      }),
  };
}

/** The whole text of a configuration in a body. */
export function cpu(more = "percpu = true"): {
  readonly input: string;
  readonly input_type: string;
  readonly toml: string;
} {
  return { input: "cpu", input_type: "datakit", toml: `[[inputs.cpu]]\n  ${more}\n` };
}
