import { type LaunchedProcess, launchProcess, type RunningServer, type Scope, startServer } from "@muster/testing";
import { Generator } from "./generator.ts";
import { readCpuSeconds, readMemory } from "./proc.ts";
import { MEASURED } from "./servers.ts";

/** Where the processes of one installation meet. */
export interface Engines {
  readonly database: string;
  readonly bus: string;
}

/** Per server: a fleet that is switched on does not come in single file. */
const AT_ONCE = 500;

/** One server process of several. Again on the same port when it takes the place of another. */
export function startOne(scope: Scope, engines: Engines, again?: RunningServer): Promise<RunningServer> {
  return startServer(scope, {
    flags: ["--log-level", "warn", "--admit-rate", "1000000", "--database", engines.database, "--bus", engines.bus],
    program: [MEASURED, "server"],
    ...(again ? { dataDir: again.dataDir, port: again.port } : {}),
  });
}

/** Connects `each` agents to each server, from a process and an address of its own for each, and registers them where it is Muster. */
export async function connectFleet(
  scope: Scope,
  servers: readonly { readonly port: number; readonly enrollmentToken?: string }[],
  each: number,
) {
  const generators = servers.map(() => new Generator(scope));
  const startedAt = performance.now();
  await Promise.all(
    generators.map((generator, index) => {
      const server = servers[index];
      if (!server) throw new Error("there is no such server");
      return generator.connect({
        host: "127.0.0.1",
        port: server.port,
        echo: server.enrollmentToken === undefined,
        token: server.enrollmentToken ?? "none",
        kind: "native",
        count: each,
        first: index * each,
        atOnce: AT_ONCE,
        localAddress: `127.0.0.${index + 2}`,
      });
    }),
  );
  return { generators, seconds: (performance.now() - startedAt) / 1000 };
}

/** Resident memory of all, and CPU seconds of each. */
export function readServers(servers: readonly RunningServer[]) {
  return {
    rss: servers.reduce((sum, server) => sum + readMemory(server.process.pid).total, 0),
    cpu: servers.map((server) => readCpuSeconds(server.process.pid)),
  };
}

export async function killAll(servers: readonly RunningServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.process.stop("SIGKILL")));
}

/** A real agent that may carry out commands. */
export function startRealAgent(scope: Scope, server: RunningServer, dataDir: string): LaunchedProcess {
  const flags = ["--server", server.url, "--token", server.enrollmentToken, "--data-dir", dataDir];
  const quick = ["--id", "operated", "--name", "operated", "--reconnect-min", "1s", "--reconnect-max", "10s"];
  return launchProcess(scope, { args: [MEASURED, "agent", ...flags, ...quick], cwd: dataDir });
}
