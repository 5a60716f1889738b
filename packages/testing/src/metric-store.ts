import { tiedToParent } from "./ports.ts";
import { type LaunchedProcess, launchProcess } from "./process.ts";
import { makeTempDir, type Scope } from "./scope.ts";
import { waitUntil } from "./wait.ts";

/** A private store of metrics: its own folder and port, only for this machine, gone with its scope. */
export interface MetricStore {
  readonly port: number;
  /** Base of its HTTP API. */
  readonly url: string;
  /** Where it takes remote write. */
  readonly writeUrl: string;
  readonly process: LaunchedProcess;
  /** Makes what was accepted visible to queries now instead of in a few seconds. */
  settle(): Promise<void>;
  /** Ends in order, with everything on the disk; `start` brings it back on the same port with the same content. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface MetricStoreOptions {
  readonly port: number;
  readonly program: string;
  readonly healthPath: string;
  args(folder: string): string[];
  /** Asked for by `settle`, when the store needs to be asked. */
  readonly settlePath?: string;
  prepare?(folder: string): Promise<void>;
}

/** Starts one and waits until it says that it is well. Used by the launchers of each store. */
export async function startMetricStore(scope: Scope, options: MetricStoreOptions): Promise<MetricStore> {
  const folder = await makeTempDir(scope);
  await options.prepare?.(folder);
  const url = `http://127.0.0.1:${options.port}`;
  const [command = "", ...args] = [...tiedToParent("KILL"), options.program, ...options.args(folder)];
  const launch = async () => {
    const launched = launchProcess(scope, { command, args, cwd: folder });
    const isWell = async () => launched.exit !== undefined || (await fetch(url + options.healthPath)).ok;
    await waitUntil("a store of metrics that is well", isWell, {
      timeoutMs: 60_000,
      everyMs: 50,
      explain: () => launched.describe(),
    });
    if (launched.exit) throw new Error(`it exited\n${launched.describe()}`);
    return launched;
  };
  let current = await launch();
  return {
    port: options.port,
    url,
    writeUrl: `${url}/api/v1/write`,
    get process() {
      return current;
    },
    async settle() {
      if (options.settlePath !== undefined) await (await fetch(url + options.settlePath)).arrayBuffer();
    },
    async stop() {
      await current.stop("SIGTERM", 30_000);
    },
    async kill() {
      await current.stop("SIGKILL");
    },
    async start() {
      if (current.exit !== undefined) current = await launch();
    },
  };
}
