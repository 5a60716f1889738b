import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchProcess, makeTempDir, type Scope } from "@muster/testing";
import { build } from "esbuild";
import { formatMib } from "./support/numbers.ts";
import type { Suite } from "./support/suite.ts";

const PROGRAM = fileURLToPath(new URL("./programs/offline-agent.ts", import.meta.url));
const ROWS = 6;

interface Reading {
  readonly hour: number;
  readonly rss: number;
  readonly anonymous: number;
  readonly heapUsed: number;
  readonly onDisk: number;
  readonly lines: number;
}

/** Two days with the server unreachable: does the agent's memory stay where it was? */
export const agentOffline: Suite = {
  title: "The agent's memory while its server is away",
  async run(context) {
    const hours = context.quick ? 6 : 48;
    const folder = await makeTempDir(context.scope);
    const launched = launchProcess(context.scope, {
      args: [await bundleProgram(context.scope), folder, String(hours), String(ROWS)],
    });
    const exit = await launched.exited;
    if (exit.code !== 0) throw new Error(launched.describe());
    const readings = launched.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Reading);
    const [first, settled] = readings;
    const last = readings.at(-1);
    const growth = formatMib((last?.rss ?? 0) - (settled?.rss ?? 0));
    const rows = readings.map((reading) => [
      `${reading.hour} h`,
      formatMib(reading.rss),
      formatMib(reading.rss - (first?.rss ?? 0)),
      formatMib(reading.anonymous),
      formatMib(reading.heapUsed),
      formatMib(reading.onDisk),
    ]);
    return {
      tables: [
        {
          title: "Server unreachable",
          columns: ["after", "RSS", "since the first hour", "anonymous", "heap", "on disk"],
          rows,
        },
      ],
      notes: [
        `The agent, bundled with a manual clock, in a process of its own: a sample in 10 s into the ring on disk, two unreachable servers tried in turn with backoff, ${last?.lines ?? 0} log lines. Attempts to connect are real.`,
        `Two days pass in half a minute, so each hour is followed by a collection of garbage, for which V8 has idle time in a real one. From hour ${settled?.hour} to hour ${last?.hour} RSS moved by ${growth}.`,
      ],
    };
  },
};

/** Run from its sources the program would carry the compiler that strips types. */
async function bundleProgram(scope: Scope): Promise<string> {
  const outfile = join(await makeTempDir(scope), "offline-agent.mjs");
  await build({
    entryPoints: [PROGRAM],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22.18",
    external: ["bufferutil", "utf-8-validate", "systeminformation"],
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "warning",
  });
  return outfile;
}
