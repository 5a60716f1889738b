import { fileURLToPath } from "node:url";
import { type LaunchedProcess, launchProcess } from "./process.ts";
import { makeTempDir, type Scope } from "./scope.ts";
import { waitUntil } from "./wait.ts";

const SOURCES = fileURLToPath(new URL("../../muster/src/main.ts", import.meta.url));

/** What tests start: the bundle that `npm test` has just built, since that is what ships; else the sources. */
export const MUSTER = process.env.MUSTER_TEST_PROGRAM ?? SOURCES;

/** Known secrets, so that a test needs no browser to get in. */
const ADMIN_PASSWORD = "correct horse battery staple";
const API_TOKEN = `mst_${"ab".repeat(32)}`;
const ENROLLMENT_TOKEN = `tkn_${"cd".repeat(16)}`;

/** A test that kills a server does not want to wait five seconds for its agents. */
const QUICK_RECONNECT = ["--reconnect-min", "100ms", "--reconnect-max", "500ms"];

export interface ServerOptions {
  /** Default: a new one. The same folder again means a restart. */
  readonly dataDir?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** More flags of `muster server`. */
  readonly flags?: readonly string[];
  /** What Node runs instead of the sources: a bundle and its first words. */
  readonly program?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How many files it may have open; default: what the test may. */
  readonly descriptorLimit?: number;
}

/** A `muster server` process and what one needs to talk to it. */
export interface RunningServer {
  readonly process: LaunchedProcess;
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly adminPassword: string;
  readonly apiToken: string;
  readonly enrollmentToken: string;
  /** Calls `/fleet/v1/<path>` as admin and answers the parsed body; throws on a status of 400 and above. */
  call<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
}

/** Starts a server and waits until it answers that it is ready. */
export async function startServer(scope: Scope, options: ServerOptions = {}): Promise<RunningServer> {
  const dataDir = options.dataDir ?? (await makeTempDir(scope));
  const limit = options.descriptorLimit;
  const launched = launchProcess(scope, {
    ...(limit === undefined ? {} : { command: "/bin/sh" }),
    args: [
      ...(limit === undefined ? [] : ["-c", `ulimit -n ${limit} && exec "$0" "$@"`, process.execPath]),
      ...(options.program ?? [MUSTER, "server"]),
      ...["--port", String(options.port ?? 0), "--data-dir", dataDir],
      ...["--admin-password", ADMIN_PASSWORD, "--api-token", API_TOKEN, "--enrollment-token", ENROLLMENT_TOKEN],
      ...(options.flags ?? []),
    ],
    cwd: dataDir,
    ...(options.env ? { env: options.env } : {}),
  });
  const [, url = "", port = ""] = await launched.waitForOutput(/(https?:\/\/127\.0\.0\.1:(\d+))/, 60_000);
  await waitUntil("a ready server", async () => (await fetch(`${url}/readyz`)).ok, {
    timeoutMs: 30_000,
    explain: () => launched.describe(),
  });
  return {
    process: launched,
    url,
    port: Number(port),
    dataDir,
    adminPassword: ADMIN_PASSWORD,
    apiToken: API_TOKEN,
    enrollmentToken: ENROLLMENT_TOKEN,
    call: (method, path, body) => callApi(url, { method, path, body }),
  };
}

export interface AgentOptions {
  readonly id: string;
  /** Default: a new one. The same folder again means a restart. */
  readonly dataDir?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  readonly program?: readonly string[];
}

/** A `muster agent` process. */
export interface RunningAgent {
  readonly process: LaunchedProcess;
  readonly id: string;
  readonly dataDir: string;
}

/** Starts an agent; does not wait for it to be online. */
export async function startAgent(scope: Scope, server: RunningServer, options: AgentOptions): Promise<RunningAgent> {
  const dataDir = options.dataDir ?? (await makeTempDir(scope));
  const labels = Object.entries(options.labels ?? {}).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
  const launched = launchProcess(scope, {
    args: [
      ...(options.program ?? [MUSTER, "agent"]),
      ...["--server", server.url, "--token", server.enrollmentToken, "--data-dir", dataDir],
      ...["--id", options.id, "--name", options.id, ...QUICK_RECONNECT, ...labels, ...(options.flags ?? [])],
    ],
    cwd: dataDir,
  });
  return { process: launched, id: options.id, dataDir };
}

interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

async function callApi<Answer>(url: string, { method, path, body }: ApiCall): Promise<Answer> {
  const response = await fetch(`${url}/fleet/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${API_TOKEN}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as Answer;
}

export interface CliOptions {
  /** Where its credentials are; default: a new folder, so that nothing of the developer's is touched. */
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Runs a client command against a server, as its admin. */
export async function startCli(
  scope: Scope,
  server: RunningServer,
  args: readonly string[],
  options: CliOptions = {},
): Promise<LaunchedProcess> {
  const home = options.home ?? (await makeTempDir(scope));
  const env = { HOME: home, MUSTER_SERVER: server.url, MUSTER_API_TOKEN: server.apiToken, ...options.env };
  const input = options.input === undefined ? {} : { input: options.input };
  return launchProcess(scope, { args: [MUSTER, ...args], cwd: home, env, ...input });
}
