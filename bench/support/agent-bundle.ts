import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The agent as it ships: one minified file. */
export function buildAgent(): string {
  execFileSync(process.execPath, ["scripts/build.mjs", "agent"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  return `${root}packages/muster/dist/agent.mjs`;
}
