import type { Clock, Point, PointCategory } from "@muster/core";
import type { InputReport } from "@muster/core/resources";
import type { z } from "zod/mini";
import type { Logger } from "../log.ts";

/** What a kind of collector measures; the page of documentation is made from it. */
export interface MeasurementDoc {
  readonly name: string;
  readonly category: PointCategory;
  readonly about: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Name → what it is, with its unit. */
  readonly fields: Readonly<Record<string, string>>;
}

/** What a running collector is given. */
export interface CollectorTools {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hostname: string;
  /** A folder of its own that outlives restarts, made on first use; for positions of tailed files and the like. */
  stateDir(): string;
  /**
   * Hands points over; tags of the configuration and `host` are added on the way. Resolves when they are safely queued: a
   * collector that can wait (a tailed file) waits before it moves its position, others need not. `batch` names these
   * points for good: whoever was killed between the queue's writing and its own gives them again under the same name,
   * and a queue that finds the name among what it holds takes them no second time.
   */
  emit(category: PointCategory, points: readonly Point[], batch?: string): Promise<void>;
  /** A lasting trouble that is no crash: shown with the input until `emit` succeeds again or it is cleared with null. */
  reportTrouble(message: string | null): void;
  /** What runs on this host, as the next inventory will tell it. */
  listInputs?(): readonly InputReport[];
}

/** One running `[[inputs.<name>]]` block. Whatever throws is caught, reported and restarted with back-off. */
export interface Collector {
  /** Opens what it needs. Resolves when it runs; a failure here refuses the configuration. */
  start?(): Promise<void>;
  /** One reading, every interval; absent for collectors that work by themselves. Never called while the one before still runs; `signal` aborts when its time is over or it must stop. */
  collect?(signal: AbortSignal): Promise<void>;
  /** Lets everything go; whatever was emitted before stays. Must resolve even when `start` failed half-way. */
  stop?(): Promise<void>;
}

/** One kind of collector: a row of the table of what an agent can collect. */
export interface CollectorKind<Options = unknown> {
  /** The name in `[[inputs.<name>]]`. */
  readonly name: string;
  /** Other names of the same: DataKit's or Telegraf's. */
  readonly aliases?: readonly string[];
  readonly catalog: string;
  readonly summary: string;
  /** The commented TOML that an operator starts from; it parses and runs as it is. ASCII only. */
  readonly sample: string;
  readonly measurements: readonly MeasurementDoc[];
  /** Refuses unknown options; messages name the option. `interval` and `tags` are read by the runtime and absent here. */
  readonly options: z.core.$ZodType<Options>;
  /** The default of the option `interval`; absent for collectors without one. */
  readonly defaultIntervalMs?: number;
  /** Only the first block runs, since two would measure the same. */
  readonly singleton?: boolean;
  /** Two of the same configuration cannot run side by side (a port, positions in files): a change stops the old one first. */
  readonly exclusive?: boolean;
  /** Starts programs that its options name: the host's policy must allow `exec` before a server may set one. */
  readonly runsPrograms?: boolean;
  /** The program that the options name; the policy may deny its place, or the user that it would run as. */
  programOf?(options: Options): { readonly argv: readonly string[]; readonly cwd: string; readonly searchPath: string };
  create(options: Options, tools: CollectorTools & { readonly intervalMs: number }): Collector;
}
