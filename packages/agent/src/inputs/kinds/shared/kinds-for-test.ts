import { join } from "node:path";
import { type Clock, type Point, type PointCategory, systemClock } from "@muster/core";
import { parseInputConfig } from "@muster/protocols/dataway";
import { makeTempDir, onEnd, type Scope } from "@muster/testing";
import * as z from "zod/mini";
import type { Collector, CollectorKind, CollectorTools } from "../../collector.ts";

export interface EmittedPoint extends Point {
  readonly category: PointCategory;
}

/** A collector under test: what it was made from its sample or options, and everything that it said. */
export interface Trial {
  readonly collector: Collector;
  readonly points: EmittedPoint[];
  readonly troubles: (string | null)[];
  readonly stateDir: string;
  collect(): Promise<void>;
}

export interface TrialOptions extends Partial<Pick<CollectorTools, "emit" | "clock" | "listInputs">> {
  /** Raw options as TOML would give them; absent for those of the kind's own sample. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly stateDir?: string;
  readonly intervalMs?: number;
}

/** The first block of a text, without what the runtime reads itself; fails when it does not parse. */
export function readOptions(kind: CollectorKind, toml: string): Record<string, unknown> {
  const parsed = parseInputConfig(toml);
  if (!parsed.ok) throw new Error(`${kind.name}: ${parsed.message}`);
  const [block] = parsed.blocks;
  if (block?.input !== kind.name) throw new Error(`${kind.name}: the text is of ${block?.input ?? "no input"}`);
  const { interval: _interval, tags: _tags, ...rest } = block.options;
  return rest;
}

/** Starts a kind as the runtime would. It is stopped when the scope ends. */
export async function tryKind(scope: Scope, kind: CollectorKind, trial: TrialOptions = {}): Promise<Trial> {
  const stateDir = trial.stateDir ?? join(await makeTempDir(scope), "state");
  const points: EmittedPoint[] = [];
  const troubles: (string | null)[] = [];
  const quiet = () => {};
  const clock: Clock = trial.clock ?? systemClock;
  const tools: CollectorTools & { readonly intervalMs: number } = {
    clock,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    hostname: "host-1",
    intervalMs: trial.intervalMs ?? kind.defaultIntervalMs ?? 10_000,
    stateDir: () => stateDir,
    async emit(category, added, batch) {
      await trial.emit?.(category, added, batch);
      for (const point of added) points.push({ category, ...point });
    },
    reportTrouble: (message) => void troubles.push(message),
    listInputs: trial.listInputs ?? (() => []),
  };
  const given = trial.options ?? readOptions(kind, kind.sample);
  const collector = kind.create(z.parse(kind.options, given), tools);
  onEnd(scope, async () => collector.stop?.());
  await collector.start?.();
  const collect = async () => collector.collect?.(new AbortController().signal);
  return { collector, points, troubles, stateDir, collect };
}

/** Points of a measurement as plain rows: tags and fields together. */
export function rowsOf(points: readonly Point[], measurement: string): Record<string, unknown>[] {
  return points
    .filter((point) => point.measurement === measurement)
    .map(({ tags, fields }) => ({ ...tags, ...fields }));
}

/** What points carry that their kind does not describe; empty when the documentation is whole. */
export function findUndescribed(kind: CollectorKind, points: readonly EmittedPoint[]): string[] {
  const problems = new Set<string>();
  for (const point of points) {
    const doc = kind.measurements.find(
      ({ name, category }) => name === point.measurement && category === point.category,
    );
    if (!doc) problems.add(`${point.category} ${point.measurement}`);
    for (const tag of Object.keys(point.tags))
      if (doc && !Object.hasOwn(doc.tags, tag)) problems.add(`tag ${doc.name} ${tag}`);
    for (const field of Object.keys(point.fields)) {
      if (doc && !Object.hasOwn(doc.fields, field)) problems.add(`field ${doc.name} ${field}`);
    }
  }
  return [...problems];
}
