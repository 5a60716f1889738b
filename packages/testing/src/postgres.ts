import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chown } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findUserId } from "./accounts.ts";
import { findFreePort, findProgram, tiedToParent } from "./ports.ts";
import { type LaunchedProcess, launchProcess } from "./process.ts";
import { makeTempDir, onEnd, type Scope } from "./scope.ts";
import { waitUntil } from "./wait.ts";

const runFile = promisify(execFile);

/** Debian's place for each version; the newest first. */
const DEBIAN = "/usr/lib/postgresql";

/** Small memory, connections for several server processes. */
const SETTINGS = ["shared_buffers=16MB", "max_connections=200", "max_wal_size=256MB", "log_checkpoints=off"];

export interface PostgresOptions {
  /** Default true. False is faster, for suites that never kill it: what the machine has not written yet may be lost. */
  readonly isDurable?: boolean;
}

/** A private PostgreSQL: its own folder and port, only for this machine, gone with its scope. */
export interface PostgresServer {
  readonly port: number;
  /** Where a client finds this database; `postgres` is the one that is always there. */
  url(database?: string): string;
  /** A database of its own, empty or a copy of another one, dropped with its scope; answers its URL. */
  createDatabase(scope: Scope, template?: string): Promise<string>;
  /** Runs SQL as the owner and answers what psql prints, without headers. */
  run(sql: string, database?: string): Promise<string>;
  /** Ends connections and stops in order; `start` brings it back on the same port with the same data. */
  stop(): Promise<void>;
  /** kill -9 of the main process; its children follow by themselves. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** What is missing for `startPostgres`, in words; undefined when nothing is. */
export function missingPostgres(): string | undefined {
  if (process.platform === "win32") return "the tests start no PostgreSQL on Windows";
  if (findPostgres("initdb") === undefined || findPostgres("postgres") === undefined)
    return "PostgreSQL is not installed: apt-get install postgresql";
  if (process.getuid?.() === 0 && findUserId("postgres") === undefined)
    return "PostgreSQL refuses to run as root, and there is no user `postgres`: apt-get install postgresql";
  return undefined;
}

/** Starts one. It takes seconds: share it among the tests of a file, with a database for each. */
export async function startPostgres(scope: Scope, { isDurable = true }: PostgresOptions = {}): Promise<PostgresServer> {
  const missing = missingPostgres();
  if (missing !== undefined) throw new Error(missing);
  const folder = await makeTempDir(scope);
  const owner = process.getuid?.() === 0 ? findUserId("postgres") : undefined;
  if (owner !== undefined) await chown(folder, owner, owner);
  const options = { cwd: folder, ...(owner === undefined ? {} : { uid: owner }) };
  const init = launchProcess(scope, {
    command: programOf("initdb"),
    args: ["-D", join(folder, "data"), "-U", "muster", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
    ...options,
  });
  const { code } = await init.exited;
  if (code !== 0) throw new Error(`initdb failed\n${init.describe()}`);
  const settings = [...SETTINGS, `fsync=${isDurable ? "on" : "off"}`];
  const server = new PrivatePostgres(scope, { ...options, settings, port: await findFreePort() });
  await server.start();
  return server;
}

interface Private {
  readonly cwd: string;
  readonly uid?: number;
  readonly port: number;
  readonly settings: readonly string[];
}

class PrivatePostgres implements PostgresServer {
  readonly port: number;
  readonly #scope: Scope;
  readonly #options: Private;
  #process: LaunchedProcess | undefined;
  #databases = 0;

  constructor(scope: Scope, options: Private) {
    this.#scope = scope;
    this.port = options.port;
    this.#options = options;
  }

  url(database = "postgres"): string {
    return `postgres://muster@127.0.0.1:${this.port}/${database}`;
  }

  async createDatabase(scope: Scope, template = "template1"): Promise<string> {
    this.#databases += 1;
    const name = `test_${this.#databases}`;
    await this.run(`create database ${name} template ${template}`);
    onEnd(scope, async () => {
      if (this.#process?.exit === undefined) await this.run(`drop database if exists ${name} with (force)`);
    });
    return this.url(name);
  }

  async run(sql: string, database = "postgres"): Promise<string> {
    const args = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", this.url(database), "-c", sql];
    const { stdout } = await runFile(programOf("psql"), args, { cwd: "/", timeout: 30_000 });
    return stdout.trim();
  }

  async start(): Promise<void> {
    if (this.#process !== undefined && this.#process.exit === undefined) return;
    // after a kill its children may hold the shared memory for a moment
    await waitUntil("a start of PostgreSQL", () => this.#tryStart(), { timeoutMs: 60_000, everyMs: 200 });
  }

  async stop(): Promise<void> {
    await this.#process?.stop("SIGINT", 30_000);
  }

  async kill(): Promise<void> {
    await this.#process?.stop("SIGKILL");
  }

  async #tryStart(): Promise<boolean> {
    const [command = "", ...words] = [...tiedToParent("QUIT"), programOf("postgres")];
    const { cwd, uid, settings } = this.#options;
    const launched = launchProcess(this.#scope, {
      command,
      args: [
        ...words,
        ...["-D", join(cwd, "data"), "-k", cwd, "-h", "127.0.0.1", "-p", String(this.port)],
        ...settings.flatMap((setting) => ["-c", setting]),
      ],
      cwd,
      ...(uid === undefined ? {} : { uid }),
    });
    // SIGQUIT ends the children as well; the scope's SIGKILL would leave them for a moment
    onEnd(this.#scope, async () => {
      if (launched.exit === undefined) await launched.stop("SIGQUIT").catch(() => {});
    });
    this.#process = launched;
    await launched.waitForOutput(/ready to accept connections/, 60_000);
    return true;
  }
}

function programOf(name: string): string {
  const found = findPostgres(name);
  if (found === undefined) throw new Error(`${name} is missing: apt-get install postgresql`);
  return found;
}

function findPostgres(name: string): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return findProgram(
    name,
    versions.map((version) => join(DEBIAN, version, "bin")),
  );
}
