// Runs a script with a Node that can run it, whatever Node this is: node scripts/run.mjs SCRIPT [ARGUMENT…]
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { requireNode } from "./node-binary.mjs";

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  console.error("usage: node scripts/run.mjs SCRIPT [ARGUMENT…]");
  process.exit(2);
}

const child = spawn(requireNode(), [script, ...args], { stdio: "inherit" });

for (const signal of ["SIGTERM", "SIGHUP", "SIGQUIT"]) process.on(signal, () => child.kill(signal));
process.on("SIGINT", () => {
  // a terminal sends Ctrl-C to the whole group: the child has it already
  if (!process.stdin.isTTY) child.kill("SIGINT");
});

// npm hands SIGTERM to the shell between it and us, which dies of it and tells nobody
const parent = process.ppid;
if (process.env.npm_lifecycle_event !== undefined) {
  setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), 500).unref();
}

child.on("error", (error) => {
  console.error(`cannot run ${script}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(code ?? 128 + constants.signals[signal ?? "SIGTERM"]);
});
