import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Point, PointCategory } from "@muster/core";
import type { InputAnswer, InputCall, InputReport } from "@muster/core/resources";
import { ManualClock, makeTempDir, onEnd, type Scope, settle } from "@muster/testing";
import * as z from "zod/mini";
import { createLogger } from "../log.ts";
import { DEFAULT_POLICY, type Policy } from "../policy.ts";
import type { Collector, CollectorKind, CollectorTools } from "./collector.ts";
import { HostInputs } from "./host-inputs.ts";

/** How the fake collectors behave, by the option `as` of their block. */
export type Behaviour = (tools: CollectorTools & { readonly intervalMs: number }) => Collector;

/** What happened, in order: `start a`, `collect a`, `stop a`. */
export type Events = string[];

export const ID = "dkinput_bt6um9bksvvesmk79370";
export const OTHER_ID = "dkinput_btk0mm18d3b2j62nh4o0";
export const THIRD_ID = "dkinput_9m4e2mr0ui3e8a215n4g";

export function pointOf(value: number, tags: Record<string, string> = {}): Point {
  return { measurement: "fake", tags, fields: { value }, timeNs: BigInt(value) };
}

/** A kind whose blocks do what `behaviours` says under their option `as`; by default one point per collection. */
export function fakeKind(
  events: Events,
  behaviours: Readonly<Record<string, Behaviour>> = {},
  more: Partial<CollectorKind> = {},
): CollectorKind {
  const kind: CollectorKind<{ as: string }> = {
    name: "fake",
    catalog: "test",
    summary: "Collects what a test wants.",
    sample: '[[inputs.fake]]\n  as = "a"\n',
    measurements: [],
    options: z.strictObject({ as: z.string(), size: z.optional(z.number()) }) as never,
    defaultIntervalMs: 10_000,
    ...(more as object),
    create({ as }, tools) {
      const own = behaviours[as]?.(tools) ?? {
        collect: async () => tools.emit("metric", [pointOf(1, { as })]),
      };
      return {
        async start() {
          events.push(`start ${as}`);
          await own.start?.();
        },
        ...(own.collect
          ? {
              async collect(signal: AbortSignal) {
                events.push(`collect ${as}`);
                await own.collect?.(signal);
              },
            }
          : {}),
        async stop() {
          events.push(`stop ${as}`);
          await own.stop?.();
        },
      };
    },
  };
  return kind as CollectorKind;
}

export interface Emitted extends Point {
  readonly category: PointCategory;
}

export interface TestHost {
  readonly inputs: HostInputs;
  readonly clock: ManualClock;
  readonly confDir: string;
  readonly folder: string;
  readonly points: Emitted[];
  /** How often the inventory was said to have changed. */
  readonly told: { count: number };
  policy: Policy;
  put(name: string, text: string): void;
  /** Asks and lets time pass until the answer is there. */
  ask(call: InputCall): Promise<InputAnswer>;
  /** The newest reports by id. */
  report(id: string): InputReport | undefined;
}

export interface TestHostOptions {
  readonly kinds: readonly CollectorKind[];
  readonly files?: Readonly<Record<string, string>>;
  /** A folder of an earlier host, as after a restart. */
  readonly root?: string;
  readonly random?: () => number;
  /** Default: that of a host without a file. */
  readonly policy?: Policy;
}

/** Inputs over a folder of their own and a clock that stands still. */
export async function startHost(scope: Scope, options: TestHostOptions): Promise<TestHost> {
  const root = options.root ?? (await makeTempDir(scope));
  const confDir = join(root, "conf.d");
  mkdirSync(confDir, { recursive: true });
  const put = (name: string, text: string) => writeFileSync(join(confDir, name), text);
  for (const [name, text] of Object.entries(options.files ?? {})) put(name, text);
  const clock = new ManualClock();
  const points: Emitted[] = [];
  const told = { count: 0 };
  const host: { policy: Policy } = { policy: options.policy ?? DEFAULT_POLICY };
  const inputs = new HostInputs({
    kinds: options.kinds,
    available: [],
    confDir,
    folder: join(root, "agent"),
    facts: { id: "agent-1", hostname: "host-1", address: () => "10.0.0.1" },
    labels: { role: "web", site: "north" },
    async emit(category, added) {
      points.push(...added.map((point) => ({ category, ...point })));
    },
    loadPolicy: async () => host.policy,
    onChange: () => {
      told.count += 1;
    },
    clock,
    log: createLogger({ level: "error", clock, write: () => {} }),
    random: options.random ?? (() => 0),
  });
  const passTime = async <Result>(promise: Promise<Result>): Promise<Result> => {
    let isDone = false;
    const done = promise.finally(() => {
      isDone = true;
    });
    for (let turn = 0; turn < 400 && !isDone; turn++) {
      await settle();
      // what is not done by now waits for this machine's disk, and the clock must not run away from it
      if (turn > 40) await delay(10);
      if (!isDone && turn > 3) await clock.advanceAndSettle(50);
    }
    return done;
  };
  await passTime(inputs.start());
  await clock.advanceAndSettle(10);
  onEnd(scope, () => passTime(inputs.stop(0)));
  return Object.assign(host, {
    inputs,
    clock,
    confDir,
    folder: join(root, "agent"),
    points,
    told,
    put,
    ask: (call: InputCall) => passTime(inputs.answer(call)),
    report: (id: string) => inputs.inventory().inputs.find((report) => report.id === id),
  });
}

/** The text of a block that behaves as named. */
export function textOf(as: string, more = ""): string {
  return `[[inputs.fake]]\n  as = "${as}"\n${more}`;
}

/** `code status` of a refusal, with its place; `ok` otherwise. */
export function outcomeOf(answer: InputAnswer): string {
  if (answer.ok) return "ok";
  const { code, status, line, column } = answer.failure;
  return [code, status, ...(line === undefined ? [] : [line]), ...(column === undefined ? [] : [column])].join(" ");
}

export function setCall(id: string, toml: string, more: { input?: string; inputType?: string } = {}): InputCall {
  return { method: "inputs.set", id, input: "fake", inputType: "datakit", toml, ...more };
}
