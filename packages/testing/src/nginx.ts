import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findFreePort, findProgram, tiedToParent } from "./ports.ts";
import { type LaunchedProcess, launchProcess } from "./process.ts";
import { makeTempDir, type Scope } from "./scope.ts";
import { waitUntil } from "./wait.ts";

/** A private nginx: one process, its own folder and port, only for this machine, gone with its scope. */
export interface NginxServer {
  readonly port: number;
  readonly url: string;
  readonly process: LaunchedProcess;
}

/** What is missing for `startNginx`, in words; undefined when nothing is. */
export function missingNginx(): string | undefined {
  return findProgram("nginx") === undefined ? "nginx is not installed: apt-get install nginx-light" : undefined;
}

/** Starts one whose single server has the given directives, such as `location = /status { stub_status; }`. */
export async function startNginx(scope: Scope, directives: string): Promise<NginxServer> {
  const missing = missingNginx();
  if (missing !== undefined) throw new Error(missing);
  const folder = await makeTempDir(scope);
  const port = await findFreePort();
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const file = join(folder, "nginx.conf");
  await writeFile(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
events { worker_connections 64; }
http { access_log off; ${paths.join(" ")}
  server { listen 127.0.0.1:${port}; ${directives} }
}
`,
  );
  const [command = "", ...args] = [...tiedToParent("KILL"), findProgram("nginx") ?? "", "-p", folder, "-c", file];
  const launched = launchProcess(scope, { command, args, cwd: folder });
  const url = `http://127.0.0.1:${port}`;
  const isThere = async () => launched.exit !== undefined || (await fetch(`${url}/`)).status > 0;
  await waitUntil("an nginx that answers", isThere, { timeoutMs: 30_000, explain: () => launched.describe() });
  if (launched.exit) throw new Error(`it exited\n${launched.describe()}`);
  return { port, url, process: launched };
}
