import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findFreePort, findProgram, tiedToParent } from "./ports.ts";
import { type LaunchedProcess, launchProcess } from "./process.ts";
import { makeTempDir, onEnd, type Scope } from "./scope.ts";

/** Who may connect; everybody on this machine when nothing is given. */
export interface NatsOptions {
  readonly token?: string;
  readonly user?: { readonly name: string; readonly password: string };
  /** The public key of an NKey user. */
  readonly nkey?: string;
  readonly tls?: { readonly certPath: string; readonly keyPath: string };
}

/** A private nats-server: its own folder and port, only for this machine, gone with its scope. */
export interface NatsServer {
  readonly port: number;
  readonly url: string;
  readonly process: LaunchedProcess;
  /** Ends in order; `start` brings it back on the same port. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** What is missing for `startNats`, in words; undefined when nothing is. */
export function missingNats(): string | undefined {
  return findProgram("nats-server") === undefined
    ? "nats-server is not installed: apt-get install nats-server"
    : undefined;
}

export async function startNats(scope: Scope, options: NatsOptions = {}): Promise<NatsServer> {
  const program = findProgram("nats-server");
  if (program === undefined) throw new Error(missingNats());
  const folder = await makeTempDir(scope);
  const port = await findFreePort();
  const path = join(folder, "nats.conf");
  await writeFile(path, configOf(port, options), { mode: 0o600 });
  const [command = "", ...words] = [...tiedToParent("KILL"), program, "-c", path];
  const launch = async () => {
    const launched = launchProcess(scope, { command, args: words, cwd: folder });
    onEnd(scope, () => void launched.child.kill("SIGKILL"));
    await launched.waitForOutput(/Server is ready/, 30_000);
    return launched;
  };
  let current = await launch();
  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    get process() {
      return current;
    },
    async stop() {
      await current.stop("SIGTERM");
    },
    async kill() {
      await current.stop("SIGKILL");
    },
    async start() {
      if (current.exit !== undefined) current = await launch();
    },
  };
}

function configOf(port: number, { token, user, nkey, tls }: NatsOptions): string {
  const lines = [`listen: "127.0.0.1:${port}"`];
  if (token !== undefined) lines.push(`authorization { token: ${JSON.stringify(token)} }`);
  if (user !== undefined)
    lines.push(`authorization { user: ${JSON.stringify(user.name)}, password: ${JSON.stringify(user.password)} }`);
  if (nkey !== undefined) lines.push(`authorization { users: [{ nkey: ${nkey} }] }`);
  if (tls !== undefined)
    lines.push(`tls { cert_file: ${JSON.stringify(tls.certPath)}, key_file: ${JSON.stringify(tls.keyPath)} }`);
  return `${lines.join("\n")}\n`;
}
