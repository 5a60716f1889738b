import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Point, PointCategory } from "@muster/core";
import type { InputReport } from "@muster/core/resources";
import type { Logger } from "../log.ts";
import type { BlockPlan } from "./block-run.ts";
import { FaultCatcher } from "./fault-catcher.ts";
import { InputRun, type InputRunListener } from "./input-run.ts";
import { keyOf } from "./last-good.ts";
import { addTags } from "./point-tags.ts";

export interface RuntimeOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly hostname: string;
  /** Of every point, unless it or its configuration say otherwise; `host` is among them. */
  readonly globalTags: Readonly<Record<string, string>>;
  /** The collectors' own folders are made below it. */
  readonly stateFolder: string;
  /** Resolves when the points are safe. Those of a `batch` that is known already are not taken again. */
  readonly emit: (category: PointCategory, points: readonly Point[], batch?: string) => Promise<void>;
  readonly listInputs: () => readonly InputReport[];
}

/** Makes configurations run: what all collectors of an agent share. */
export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #faults = new FaultCatcher();
  #release: (() => void) | undefined;

  constructor(options: RuntimeOptions) {
    this.#options = options;
  }

  /** A run of a text that belongs to an input. It does nothing before it is opened or launched. */
  create(id: string, what: { text: string; blocks: readonly BlockPlan[]; listener: InputRunListener }): InputRun {
    this.#release ??= this.#faults.hold();
    const { clock, log, random, hostname, globalTags, emit, listInputs } = this.#options;
    return new InputRun({
      ...what,
      clock,
      random,
      hostOf: (plan, ordinal) => ({
        clock,
        log,
        hostname,
        faults: this.#faults,
        listInputs,
        stateDir: () => {
          const folder = join(this.#stateOf(id), `${plan.kind.name}-${ordinal + 1}`);
          mkdirSync(folder, { recursive: true, mode: 0o700 });
          return folder;
        },
        emit: (category, points, batch) => {
          const tagged = addTags(points, { configured: plan.tags, global: globalTags });
          const name = batch === undefined ? undefined : `${id} ${plan.kind.name} ${ordinal} ${batch}`;
          return emit(category, tagged, name);
        },
      }),
    });
  }

  /** Deletes what the collectors of an input had kept. */
  forget(id: string): void {
    rmSync(this.#stateOf(id), { recursive: true, force: true });
  }

  /** Nothing runs any more: strays are no longer caught. */
  close(): void {
    this.#release?.();
    this.#release = undefined;
  }

  #stateOf(id: string): string {
    return join(this.#options.stateFolder, keyOf(id));
  }
}
