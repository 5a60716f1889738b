// What `check` and `test` are made of.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { findChromium } from "./chromium.mjs";
import { root } from "./node-binary.mjs";

const STATIC_CHECKS = {
  "lint and format": ["@biomejs/biome/bin/biome", "ci", "--error-on-warnings", "--max-diagnostics=50"],
  types: ["typescript/bin/tsc", "-b"],
};

const SUITES = {
  unit: ["packages/*/src/**/*.test.ts", "test/*.test.ts", "scripts/*.test.mjs", "bench/**/*.test.ts"],
  e2e: ["test/stories/*.test.ts", "test/chaos/*.test.ts"],
};

/** Lint, format and types: one row per check. */
export function runStaticChecks() {
  return Object.entries(STATIC_CHECKS).map(([name, [script, ...args]]) =>
    measure(name, () => runNode([`node_modules/${script}`, ...args])),
  );
}

/** One suite, or `all` of them in one run of Node's test runner: one row. */
export function runTests(suite, flags = []) {
  const patterns = suite === "all" ? Object.values(SUITES).flat() : SUITES[suite];
  const limits = ["--test-timeout=180000", "--test-concurrency=2"];
  const args = ["--test", "--test-reporter=spec", ...limits, ...flags, ...patterns];
  return measure(`tests (${suite})`, () => runNode(args, suite === "unit" ? {} : findPrograms()));
}

/** What stories play with: a browser, and the bundle that `npm test` has just built. */
function findPrograms() {
  const chromium = findChromium();
  return {
    MUSTER_TEST_PROGRAM: join(root, "packages/muster/dist/main.mjs"),
    ...(chromium && { MUSTER_CHROMIUM: chromium }),
  };
}

/** One line per row: how it went, what it was, how long it took. */
export function printSummary(rows) {
  console.log("");
  for (const { name, passed, seconds } of rows) {
    console.log(`${passed ? "ok    " : "FAILED"}  ${name.padEnd(20)} ${seconds.toFixed(1).padStart(6)} s`);
  }
}

function measure(name, task) {
  const startedAt = performance.now();
  const passed = task();
  return { name, passed, seconds: (performance.now() - startedAt) / 1000 };
}

function runNode(args, more = {}) {
  const env = { ...process.env, ...more };
  return spawnSync(process.execPath, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] }).status === 0;
}
