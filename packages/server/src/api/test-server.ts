import { type Clock, systemClock } from "@muster/core";
import type { Scope } from "@muster/testing";
import { makeTempDir } from "@muster/testing";
import { pino } from "pino";
import { localBus } from "../bus/local.ts";
import { readServerConfig } from "../config.ts";
import { createEdges, type Edges } from "../edges.ts";
import { Access } from "../fleet/access.ts";
import type { FirstRun } from "../fleet/access-first-run.ts";
import { Fleet } from "../fleet/fleet.ts";
import type { Door } from "../listeners/door.ts";
import { sqliteDialect } from "../store/sqlite.ts";
import { Store } from "../store/store.ts";

export const PASSWORD = "correct horse battery";

/** A whole server on a real port, with its store in memory. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly edges: Edges;
  readonly store: Store;
  readonly fleet: Fleet;
  readonly access: Access;
  readonly firstRun: FirstRun;
  /** Lines of the log, parsed. */
  readonly log: Record<string, unknown>[];
  request(method: string, path: string, options?: RequestOptions): Promise<Response>;
  /** The cookie of a new login. */
  login(username: string, password: string): Promise<string>;
}

export interface RequestOptions {
  readonly token?: string | undefined;
  readonly cookie?: string | undefined;
  readonly origin?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export async function startTestServer(
  scope: Scope,
  options: {
    readonly argv?: readonly string[];
    readonly doors?: readonly Door[];
    readonly clock?: Clock;
    readonly consoleDir?: string;
  } = {},
): Promise<TestServer> {
  const clock = options.clock ?? systemClock;
  const dataDir = await makeTempDir(scope);
  const argv = ["--port", "0", "--data-dir", dataDir, "--admin-password", PASSWORD, ...(options.argv ?? [])];
  const config = readServerConfig({ argv, environment: {} });
  const store = new Store(sqliteDialect(":memory:"));
  await store.migrate();
  const access = await Access.open({ store, clock, allowDefaultToken: config.allowDefaultToken });
  const firstRun = await access.prepareFirstRun(config);
  if (!firstRun) throw new Error("the store was not empty");
  const fleet = new Fleet({ store, bus: localBus(), clock, outputLimitBytes: 1024 * 1024 });
  await fleet.start();
  const log: Record<string, unknown>[] = [];
  const edges = await createEdges({
    config,
    clock,
    log: pino({ level: "debug" }, { write: (line: string) => void log.push(JSON.parse(line)) }),
    version: "0.0.0-test",
    startedAt: clock.now(),
    access,
    fleet,
    doors: options.doors ?? [],
    consoleDir: options.consoleDir,
    isBusConnected: () => true,
    pingStore: () => store.ping(),
    readings: () => [],
  });
  scope.after(async () => {
    await edges.close(0);
    await fleet.stop();
    await access.close();
    await store.close();
  });
  const url = edges.urls[0] ?? "";
  const request = (method: string, path: string, sent: RequestOptions = {}) => send(url, method, path, sent);
  return {
    url,
    port: Number(new URL(url).port),
    edges,
    store,
    fleet,
    access,
    firstRun,
    log,
    request,
    async login(username, password) {
      const response = await request("POST", "/fleet/v1/login", { body: { username, password } });
      const cookie = response.headers.get("set-cookie")?.split(";")[0];
      if (response.status !== 200 || cookie === undefined) throw new Error(`no login: ${await response.text()}`);
      return cookie;
    },
  };
}

function send(url: string, method: string, path: string, options: RequestOptions): Promise<Response> {
  const headers = new Headers(options.headers);
  if (options.token !== undefined) headers.set("authorization", `Bearer ${options.token}`);
  if (options.cookie !== undefined) headers.set("cookie", options.cookie);
  if (options.origin !== undefined) headers.set("origin", options.origin);
  const hasBody = options.body !== undefined;
  if (hasBody) headers.set("content-type", "application/json");
  const body = hasBody ? JSON.stringify(options.body) : null;
  return fetch(`${url}${path}`, { method, headers, body, redirect: "manual" });
}
