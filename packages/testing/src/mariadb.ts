import { execFile } from "node:child_process";
import { chown } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findUserId } from "./accounts.ts";
import { findFreePort, findProgram, tiedToParent } from "./ports.ts";
import { type LaunchedProcess, launchProcess } from "./process.ts";
import { makeTempDir, onEnd, type Scope } from "./scope.ts";

const runFile = promisify(execFile);

/** A private MariaDB: its own folder and port, only for this machine, gone with its scope. */
export interface MariadbServer {
  readonly port: number;
  readonly process: LaunchedProcess;
  /** Runs SQL as its root, over the socket, and answers the rows, tab-separated, without headers. */
  run(sql: string): Promise<string>;
}

export interface MariadbOptions {
  /** More words of its command line. */
  readonly flags?: readonly string[];
}

/** What is missing for `startMariadb`, in words; undefined when nothing is. */
export function missingMariadb(): string | undefined {
  if (findProgram("mariadbd") === undefined || findProgram("mariadb-install-db") === undefined)
    return "MariaDB is not installed: apt-get install mariadb-server";
  if (process.getuid?.() === 0 && findUserId("mysql") === undefined)
    return "MariaDB refuses to run as root, and there is no user `mysql`: apt-get install mariadb-server";
  return undefined;
}

/** Starts one. It takes seconds: share it among the tests of a file. */
export async function startMariadb(scope: Scope, { flags = [] }: MariadbOptions = {}): Promise<MariadbServer> {
  const missing = missingMariadb();
  if (missing !== undefined) throw new Error(missing);
  const folder = await makeTempDir(scope);
  const owner = process.getuid?.() === 0 ? findUserId("mysql") : undefined;
  if (owner !== undefined) await chown(folder, owner, owner);
  const options = { cwd: folder, ...(owner === undefined ? {} : { uid: owner }) };
  const data = `--datadir=${join(folder, "data")}`;
  const init = launchProcess(scope, {
    command: findProgram("mariadb-install-db") ?? "",
    args: ["--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db"],
    ...options,
  });
  const { code } = await init.exited;
  if (code !== 0) throw new Error(`mariadb-install-db failed\n${init.describe()}`);
  const port = await findFreePort();
  const socket = join(folder, "s");
  const [command = "", ...args] = [
    ...tiedToParent("KILL"),
    findProgram("mariadbd") ?? "",
    ...["--no-defaults", data, `--socket=${socket}`, `--port=${port}`, "--bind-address=127.0.0.1"],
    ...flags,
    ...[`--pid-file=${join(folder, "pid")}`, "--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"],
  ];
  const launched = launchProcess(scope, { command, args, ...options });
  onEnd(scope, async () => {
    if (launched.exit === undefined) await launched.stop("SIGTERM").catch(() => {});
  });
  await launched.waitForOutput(/ready for connections/, 60_000);
  return {
    port,
    process: launched,
    async run(sql) {
      const words = ["--no-defaults", `--socket=${socket}`, "--user=root", "-N", "-B", "-e", sql];
      const { stdout } = await runFile("mariadb", words, { cwd: "/", timeout: 30_000 });
      return stdout.trim();
    },
  };
}
