import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findFreePort, findProgram, tiedToParent } from "./ports.ts";
import { type LaunchedProcess, launchProcess } from "./process.ts";
import { makeTempDir, type Scope } from "./scope.ts";

const runFile = promisify(execFile);

/** A private Redis that keeps nothing on the disk: its own folder and port, only for this machine, gone with its scope. */
export interface RedisServer {
  readonly port: number;
  readonly process: LaunchedProcess;
  /** Runs one command and answers what redis-cli prints. */
  run(...command: string[]): Promise<string>;
}

export interface RedisOptions {
  /** Of the default user; default: none is asked for. */
  readonly password?: string;
  /** More lines of its configuration. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** What is missing for `startRedis`, in words; undefined when nothing is. */
export function missingRedis(): string | undefined {
  return findProgram("redis-server") === undefined
    ? "redis-server is not installed: apt-get install redis-server"
    : undefined;
}

export async function startRedis(scope: Scope, options: RedisOptions = {}): Promise<RedisServer> {
  const missing = missingRedis();
  if (missing !== undefined) throw new Error(missing);
  const { password = "" } = options;
  const folder = await makeTempDir(scope);
  const port = await findFreePort();
  const settings = {
    port: String(port),
    bind: "127.0.0.1",
    dir: folder,
    save: "",
    appendonly: "no",
    requirepass: password,
    ...options.settings,
  };
  const [command = "", ...args] = [
    ...tiedToParent("KILL"),
    findProgram("redis-server") ?? "",
    ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
  ];
  const launched = launchProcess(scope, { command, args, cwd: folder });
  await launched.waitForOutput(/Ready to accept connections/, 30_000);
  const secret: Record<string, string> = password === "" ? {} : { REDISCLI_AUTH: password };
  return {
    port,
    process: launched,
    async run(...words) {
      const env = { PATH: "/usr/bin:/bin", ...secret };
      const { stdout } = await runFile("redis-cli", ["-p", String(port), ...words], { env, timeout: 30_000 });
      return stdout.trim();
    },
  };
}
