import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launchProcess, MUSTER, type Scope, startServer } from "@muster/testing";

/** A server under measurement, in a process of its own. */
export interface MeasuredServer {
  readonly pid: number;
  readonly port: number;
  readonly echo: boolean;
  readonly token: string;
}

const BARE = fileURLToPath(new URL("../programs/bare-ws.ts", import.meta.url));
const BUNDLE = fileURLToPath(new URL("../../packages/muster/dist/main.mjs", import.meta.url));

/** The executable that is measured. */
export const MEASURED = existsSync(BUNDLE) ? BUNDLE : MUSTER;

/** What `npm run build` made, since that is what ships; the sources where it was not run. */
export function describeServerProgram(): string {
  return existsSync(BUNDLE) ? "the bundle (npm run build)" : "the sources (npm run build was not run)";
}

export async function startMusterServer(scope: Scope, flags: readonly string[] = []) {
  const server = await startServer(scope, {
    // a generator has no patience: admission is measured by the suite that is about it
    flags: ["--log-level", "warn", ...(flags.includes("--admit-rate") ? [] : ["--admit-rate", "1000000"]), ...flags],
    program: [MEASURED, "server"],
  });
  return { ...server, pid: server.process.pid, echo: false, token: server.enrollmentToken };
}

export async function startBareServer(scope: Scope): Promise<MeasuredServer> {
  const launched = launchProcess(scope, { args: [BARE] });
  const [, port = ""] = await launched.waitForOutput(/http:\/\/127\.0\.0\.1:(\d+)/);
  return { pid: launched.pid, port: Number(port), echo: true, token: "none" };
}
