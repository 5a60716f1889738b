import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Point } from "@muster/core";
import { ManualClock, makeTempDir, type Scope, settle, waitUntil } from "@muster/testing";
import { type Trial, type TrialOptions, tryKind } from "../../shared/kinds-for-test.ts";
import { logging } from "./kind.ts";

/** A followed folder: what was handed over in all runs, and time that moves as fast as files can be read. */
export interface Followed {
  readonly folder: string;
  readonly clock: ManualClock;
  readonly messages: string[];
  /** What `emit` does; a test may refuse or hold up. */
  emit: (points: readonly Point[], batch: string) => Promise<void>;
  /** Starts a run over the same positions. */
  start(options?: Readonly<Record<string, unknown>>): Promise<Trial>;
  /** Lets time go on until so many messages came in all, and a little longer to see that no more come. */
  expect(count: number): Promise<string[]>;
  /** Lets so much time pass, reading as it goes. */
  pass(ms: number): Promise<void>;
}

export async function followFolder(scope: Scope): Promise<Followed> {
  const folder = await makeTempDir(scope);
  const clock = new ManualClock(Date.now());
  const messages: string[] = [];
  const step = async () => {
    clock.advance(250);
    await settle(20);
  };
  const followed: Followed = {
    folder,
    clock,
    messages,
    async emit() {},
    start: (options = {}) => {
      const trial: TrialOptions = {
        clock,
        stateDir: join(folder, "state"),
        options: { logfiles: [join(folder, "app.log")], from_beginning: true, ...options },
        async emit(_category, points, batch) {
          await followed.emit(points, batch ?? "");
          messages.push(...points.map(({ fields }) => String(fields.message)));
        },
      };
      return tryKind(scope, logging, trial);
    },
    async expect(count) {
      await waitUntil(
        `${count} messages`,
        async () => {
          await step();
          return messages.length >= count;
        },
        { explain: () => `got ${messages.length}: ${messages.slice(0, 20).join(" | ")}` },
      );
      await followed.pass(2500);
      return messages;
    },
    async pass(ms) {
      for (let passed = 0; passed < ms; passed += 250) {
        await step();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
  };
  return followed;
}

/** The text of a file with these lines. */
export const lines = (...words: readonly string[]) => words.map((word) => `${word}\n`).join("");

/** A followed folder whose `app.log` had these lines, and they came. */
export async function followLines(scope: Scope, words: readonly string[], pattern = "app.log") {
  const followed = await followFolder(scope);
  const path = join(followed.folder, "app.log");
  await writeFile(path, lines(...words));
  const first = await followed.start({ logfiles: [join(followed.folder, pattern)] });
  await followed.expect(words.length);
  return { followed, path, first };
}
