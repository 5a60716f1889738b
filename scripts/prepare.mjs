// Makes a fresh clone ready, and does nothing when it is: node scripts/prepare.mjs packages|start|bench|test
// Runs on whatever Node is there, before anything is installed: no packages, no recent syntax.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { requireNode, root } from "./node-binary.mjs";
import { installPrograms } from "./programs.mjs";

const purpose = process.argv[2] ?? "start";

/** What is built, where it lands in packages/muster/dist, and the packages that it is made from. */
const OUTPUTS = {
  console: { file: "console/index.html", packages: ["console", "sdk", "core"] },
  agent: { file: "agent.mjs", packages: ["agent", "protocols", "core"] },
  main: { file: "main.mjs", packages: ["muster", "core"] },
  server: { file: "server.mjs", packages: ["server", "protocols", "core"] },
  cli: { file: "cli.mjs", packages: ["cli", "sdk", "core"] },
};
/** Running from the sources still needs what a browser loads and what a new host downloads. */
const WANTED = { packages: [], start: ["console", "agent"], bench: Object.keys(OUTPUTS), test: Object.keys(OUTPUTS) };

if (!isInstalled()) {
  console.log("Installing packages (once, and again when package-lock.json changes) …");
  // no package that we use needs its install script, so none gets to run; the warnings are about this old Node
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
}
await buildWhatIsStale(WANTED[purpose] ?? []);
if (purpose === "test" && !installPrograms()) process.exit(1);

/** True when node_modules holds what package-lock.json asks for; packages for other platforms may be missing. */
function isInstalled() {
  const installedLock = join(root, "node_modules/.package-lock.json");
  if (!existsSync(installedLock)) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(installedLock, "utf8")).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = installed[path];
    return found ? found.version === entry.version : entry.optional === true;
  });
}

async function buildWhatIsStale(wanted) {
  const stale = [];
  for (const name of wanted) if (await isStale(OUTPUTS[name])) stale.push(name);
  if (stale.length === 0) return;
  console.log(`Building: ${stale.join(", ")} …`);
  run(requireNode(), ["scripts/build.mjs", ...stale]);
}

/** True when the output is missing or older than the newest file of the packages that it is made from. */
async function isStale({ file, packages }) {
  const path = join(root, "packages/muster/dist", file);
  if (!existsSync(path)) return true;
  const builtAt = statSync(path).mtimeMs;
  for (const name of packages) if ((await newestChange(join(root, "packages", name))) > builtAt) return true;
  return false;
}

async function newestChange(folder) {
  let newest = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name === "node_modules" || entry.name === "dist" || /\.test\.tsx?$/.test(entry.name)) continue;
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? await newestChange(path) : statSync(path).mtimeMs);
  }
  return newest;
}

function run(command, args, env = process.env) {
  const shell = process.platform === "win32" && command === "npm";
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    env,
    shell,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status === 0) return;
  console.error(`${command} ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
  process.exit(1);
}
