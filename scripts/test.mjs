// Lint, types, then every test; the runner's own summary comes last: node scripts/run.mjs scripts/test.mjs all
// Only the tests of one kind, with any flag of the runner: … scripts/test.mjs unit|e2e [--test-name-pattern=…]
import { printSummary, runStaticChecks, runTests } from "./suites.mjs";

const [suite = "all", ...flags] = process.argv.slice(2);
if (!["all", "unit", "e2e"].includes(suite)) {
  console.error("usage: test.mjs all|unit|e2e [FLAG OF THE RUNNER…]");
  process.exit(2);
}
const rows = suite === "all" ? runStaticChecks() : [];
if (rows.length > 0) printSummary(rows);
rows.push(runTests(suite, flags));
const failed = rows.filter((row) => !row.passed);
if (failed.length > 0) console.error(`\nfailed: ${failed.map((row) => row.name).join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
