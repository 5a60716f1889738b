// Everything that can be known without a browser, in about a minute: node scripts/run.mjs scripts/check.mjs
import { printSummary, runStaticChecks, runTests } from "./suites.mjs";

const rows = [...runStaticChecks(), runTests("unit")];
printSummary(rows);
process.exit(rows.every((row) => row.passed) ? 0 : 1);
