// Makes what ships, in packages/muster/dist: node scripts/run.mjs scripts/build.mjs [main|server|agent|cli|console …]
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { agentBundle } from "./agent-bundle.mjs";
import { root } from "./node-binary.mjs";

const dist = join(root, "packages/muster/dist");
/** `main` is the executable, which loads the program that it is asked for from the file beside it. */
const PROGRAMS = {
  main: "muster/src/main.ts",
  server: "server/src/index.ts",
  agent: "agent/src/main.ts",
  cli: "cli/src/main.ts",
};
const TARGETS = [...Object.keys(PROGRAMS), "console"];
const targets = process.argv.length > 2 ? process.argv.slice(2) : TARGETS;
const unknown = targets.filter((target) => !TARGETS.includes(target));
if (unknown.length > 0) {
  console.error(`there is no target ${unknown.join(", ")}; there are ${TARGETS.join(", ")}`);
  process.exit(2);
}

/** `@muster/server` in the executable is `./server.mjs` once it is bundled, loaded when it is wanted. */
const programsBesideIt = {
  name: "programs-beside-it",
  setup({ onResolve }) {
    onResolve({ filter: /^@muster\/(server|agent|cli)$/ }, ({ path }) => ({
      path: `./${path.slice("@muster/".length)}.mjs`,
      external: true,
    }));
  },
};

mkdirSync(dist, { recursive: true });
for (const target of targets) {
  if (target === "console") buildConsole();
  else await bundle(target);
}
printSizes();

/** One file for Node, with everything but the native password hash, which npm installs beside it. */
async function bundle(name) {
  await build({
    entryPoints: [join(root, "packages", PROGRAMS[name])],
    outfile: join(dist, `${name}.mjs`),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22.18",
    // a small agent starts faster and is what hosts download; the others stay readable in stack traces
    minify: name === "agent",
    legalComments: "none",
    external: ["@node-rs/argon2", "pg-native", "bufferutil", "utf-8-validate", "esbuild"],
    plugins: name === "main" ? [programsBesideIt] : [],
    ...(name === "agent" ? agentBundle : {}),
    // some dependencies are CommonJS and call require() for Node's own modules
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "warning",
  }).catch(() => process.exit(1)); // it has said what is wrong
}

function buildConsole() {
  const folder = join(root, "packages/console");
  const outDir = join(dist, "console");
  rmSync(outDir, { recursive: true, force: true });
  const vite = join(root, "node_modules/vite/bin/vite.js");
  const args = [vite, "build", "--logLevel", "warn", "--outDir", outDir, "--emptyOutDir"];
  execFileSync(process.execPath, args, { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
}

function printSizes() {
  for (const target of TARGETS) {
    const path = join(dist, target === "console" ? "console" : `${target}.mjs`);
    if (!existsSync(path)) continue;
    const files = target === "console" ? listFiles(path) : [path];
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
    const packed = files.reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0);
    console.log(`${target.padEnd(8)} ${kib(bytes)} KiB  ${kib(packed)} KiB gzip  ${files.length} file(s)`);
  }
}

function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function kib(bytes) {
  return (bytes / 1024).toFixed(0).padStart(6);
}
