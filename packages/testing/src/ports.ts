import { once } from "node:events";
import { existsSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { delimiter, join } from "node:path";

/** A port of 127.0.0.1 that was free a moment ago; for programs that cannot be asked to pick one and tell. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Where a program is: in one of `folders`, else on the PATH; undefined when nowhere. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...folders, ...path, "/usr/sbin", "/usr/local/sbin"]
    .map((folder) => join(folder, name))
    .find((candidate) => existsSync(candidate));
}

/**
 * Words before a command that tie its life to the process that starts it, so that not even a test that is killed leaves
 * an engine behind. Only Linux can; elsewhere there are none.
 */
export function tiedToParent(signal: string): string[] {
  const setpriv = process.platform === "linux" ? findProgram("setpriv") : undefined;
  return setpriv === undefined ? [] : [setpriv, "--pdeathsig", signal];
}
