import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync, renameSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeTempDir, onEnd, waitUntil } from "@muster/testing";
import { readPieces } from "../../../point-pieces.ts";

const PROGRAM = fileURLToPath(new URL("./test-tail-program.ts", import.meta.url));
const ROUNDS = 5;
const LINES_PER_ROUND = 4000;

/** The numbers of the lines in the queue; what was cut off by a kill is not in it. */
function readNumbers(folder: string): number[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".points")) : [];
  const texts = names.map((name) => readPieces(readFileSync(join(folder, name))).lines.toString());
  return texts.flatMap((text) => [...text.matchAll(/message="(\d+) /g)].map((match) => Number(match[1])));
}

test("kill -9 again and again, with rotations of both kinds: every line comes, and comes once", async (scope) => {
  const folder = await makeTempDir(scope);
  const path = join(folder, "app.log");
  const queue = join(folder, "queue");
  let child: ChildProcess | undefined;
  const start = () => {
    const args = [PROGRAM, path, join(folder, "state"), queue];
    child = spawn(process.execPath, [...process.execArgv.filter((arg) => !arg.startsWith("--test")), ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    return once(child.stdout ?? child, "data");
  };
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  onEnd(scope, kill);

  let written = 0;
  const write = (count: number) => {
    const lines = Array.from({ length: count }, () => `${++written} ${"x".repeat(100)}\n`);
    appendFileSync(path, lines.join(""));
  };
  const rotate = (round: number) => {
    if (round % 4 === 1) renameSync(path, `${path}.${round}`);
    if (round % 4 === 3) {
      copyFileSync(path, `${path}.${round}`);
      truncateSync(path);
    }
  };

  const waitForLines = (count: number) =>
    waitUntil(`${count} lines`, () => readNumbers(queue).length >= count, { timeoutMs: 60_000 });

  write(LINES_PER_ROUND);
  for (let round = 0; round < ROUNDS; round++) {
    const before = readNumbers(queue).length;
    await start();
    write(LINES_PER_ROUND / 2);
    // somewhere between the first batch and the last, in each round elsewhere
    await waitForLines(before + round * 300);
    rotate(round);
    write(LINES_PER_ROUND / 2);
    await waitForLines(before + round * 300 + ((round * 2) % ROUNDS) * 200);
    await kill();
  }
  await start();
  await waitUntil("every line", () => new Set(readNumbers(queue)).size >= written, { timeoutMs: 60_000, everyMs: 50 });
  await kill();
  const numbers = readNumbers(queue);
  assert.equal(numbers.length, written, `${numbers.length - written} came twice`);
  assert.equal(new Set(numbers).size, written);
});
