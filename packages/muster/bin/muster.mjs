#!/usr/bin/env node
// What npm links as `muster`. It must run far enough on any Node to say which one is needed: only old syntax here.
import { existsSync } from "node:fs";

const [major, minor] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`muster needs Node 22.18 or newer; this is ${process.version} (${process.execPath}).\n`);
  process.stderr.write("Install one from https://nodejs.org, or with your system's packages, and try again.\n");
  process.exit(1);
}

const built = new URL("../dist/main.mjs", import.meta.url);
const source = new URL("../src/main.ts", import.meta.url);
// in a clone that was never built the sources run as they are
const { main } = await import(existsSync(built) ? built.href : source.href);
process.exitCode = await main(process.argv.slice(2));
