import { execFile } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { launchProcess, makeTempDir, type Scope } from "@muster/testing";
import { build } from "esbuild";
import { formatCount, formatMib, formatRatio } from "./support/numbers.ts";
import type { Suite } from "./support/suite.ts";

const PROGRAM = fileURLToPath(new URL("./programs/tail.ts", import.meta.url));
const MIB = 1024 * 1024;

interface Followed {
  readonly records: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Every tenth of a second. */
  readonly rss: readonly number[];
}

/** How fast the agent reads a long log, and whether its memory stays where it was. */
export const tail: Suite = {
  title: "Following a log file, next to wc -l",
  async run(context) {
    const folder = await makeTempDir(context.scope);
    const file = join(folder, "app.log");
    const wanted = (context.quick ? 50 : 1024) * MIB;
    context.say(`writing ${formatMib(wanted)}`);
    const lines = await writeLog(file, wanted);
    const counted = await countLines(file); // also brings the file into the page cache
    const { seconds } = await countLines(file);
    if (counted.lines !== lines) throw new Error(`wc counts ${counted.lines} lines of ${lines}`);
    context.say("following");
    const followed = await follow(context.scope, file, join(folder, "state"));
    if (followed.records !== lines) throw new Error(`${followed.records} records of ${lines}`);
    const perSecond = (bytes: number, spent: number) => `${formatMib(bytes / spent)}/s`;
    const early = followed.rss[Math.floor(followed.rss.length / 4)] ?? 0;
    const late = followed.rss.at(-1) ?? 0;
    return {
      tables: [
        {
          title: `${formatMib(followed.bytes)}, ${formatCount(lines)} lines`,
          columns: ["program", "bytes", "lines/s", "of wc", "CPU"],
          rows: [
            ["wc -l", perSecond(followed.bytes, seconds), formatCount(lines / seconds), "1.00", ""],
            [
              "logging",
              perSecond(followed.bytes, followed.seconds),
              formatCount(lines / followed.seconds),
              formatRatio(seconds / followed.seconds),
              `${followed.cpuSeconds.toFixed(1)} s`,
            ],
          ],
        },
        {
          title: "RSS of the program that follows",
          columns: ["after a quarter", "at the end", "highest", "moved by"],
          rows: [[early, late, Math.max(...followed.rss), late - early].map(formatMib)],
        },
      ],
      notes: [
        "wc only counts newlines; the collector decodes UTF-8, looks for levels, makes a point of every line and writes its position after every batch. The points are handed to a queue that forgets them.",
        "The file is in the page cache for both. Every line was handed over once.",
      ],
    };
  },
};

/** Lines as a web shop writes them, about 120 bytes each; answers how many. */
async function writeLog(file: string, bytes: number): Promise<number> {
  const out = createWriteStream(file);
  const levels = ["INFO", "INFO", "INFO", "WARN", "ERROR", "DEBUG"];
  let written = 0;
  let lines = 0;
  while (written < bytes) {
    let block = "";
    for (let line = 0; line < 5000; line++, lines++) {
      const level = levels[lines % levels.length];
      block += `2026-01-01T00:00:00.${lines % 1000}Z ${level} order ${lines} of customer ${lines % 7919} was priced in ${lines % 97} ms by worker-${lines % 16} \u20ac\n`;
    }
    written += Buffer.byteLength(block);
    if (!out.write(block)) await once(out, "drain");
  }
  out.end();
  await finished(out);
  return lines;
}

async function countLines(file: string): Promise<{ lines: number; seconds: number }> {
  const startedAt = performance.now();
  const { stdout } = await promisify(execFile)("wc", ["-l", file]);
  return { lines: Number.parseInt(stdout, 10), seconds: (performance.now() - startedAt) / 1000 };
}

/** In a process of its own, bundled as the agent ships. */
async function follow(scope: Scope, file: string, stateDir: string): Promise<Followed> {
  const outfile = join(await makeTempDir(scope), "tail.mjs");
  const banner = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
  await build({
    entryPoints: [PROGRAM],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    banner: { js: banner },
    external: ["pg", "mysql2", "mysql2/promise", "systeminformation"],
    logLevel: "error",
  });
  const launched = launchProcess(scope, { args: [outfile, file, stateDir] });
  const exit = await launched.exited;
  if (exit.code !== 0) throw new Error(launched.describe());
  return JSON.parse(launched.stdout.trim()) as Followed;
}
