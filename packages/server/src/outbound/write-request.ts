import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Labels } from "@muster/core";
import { HOST_NAMES, LEAST, MOST, seriesName } from "./metric-names.ts";
import { seriesLabels } from "./series-labels.ts";
import { type MeasuredAgent, STEP_MS, type Step } from "./step.ts";

const NAME = "__name__";

/** An agent's labels as bytes: those before `__name__` in the order of names, and those behind it. */
interface LabelBytes {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  readonly kinds: readonly Kind[];
}

/** Which of a step's values a series takes, and what its name ends with. */
type Kind = { readonly field: "avg" | "min" | "max"; readonly names: readonly Uint8Array[] };

/** Turns steps into the messages of remote-write.proto. Field numbers below are that file's. */
export class WriteRequests {
  readonly #extra: Labels;
  readonly #labels = new WeakMap<MeasuredAgent, LabelBytes>();
  readonly #hostKinds = makeKinds(HOST_NAMES);

  /** `extra`: labels that every series gets. */
  constructor(extra: Labels) {
    this.#extra = extra;
  }

  /** A WriteRequest: a series per agent and metric, its samples oldest first, at the middle of their steps. */
  encode(steps: readonly Step[]): Uint8Array<ArrayBuffer> {
    const writer = new BinaryWriter();
    for (const [agent, own] of groupByAgent(steps)) {
      const labels = this.#labelsOf(agent);
      for (const kind of labels.kinds)
        for (let index = 0; index < kind.names.length; index++) writeSeries(writer, own, { kind, index, labels });
    }
    return writer.finish();
  }

  #labelsOf(agent: MeasuredAgent): LabelBytes {
    const known = this.#labels.get(agent);
    if (known) return known;
    const labels = seriesLabels(agent, this.#extra);
    const bytes = {
      head: encodeLabels(labels.filter(([name]) => name < NAME)),
      tail: encodeLabels(labels.filter(([name]) => name > NAME)),
      kinds: this.#kindsOf(agent),
    };
    this.#labels.set(agent, bytes);
    return bytes;
  }

  #kindsOf({ series }: MeasuredAgent): readonly Kind[] {
    return series ? makeKinds(series.fields.map((field) => seriesName(series.measurement, field))) : this.#hostKinds;
  }
}

function writeSeries(
  writer: BinaryWriter,
  steps: readonly Step[],
  { kind, index, labels }: { kind: Kind; index: number; labels: LabelBytes },
): void {
  const told = steps.filter((step) => isTold(step, kind.field, index));
  if (told.length === 0) return;
  writer.tag(1, WireType.LengthDelimited).fork();
  writer.raw(labels.head);
  writer.raw(kind.names[index] ?? new Uint8Array());
  writer.raw(labels.tail);
  for (const step of told) {
    writer.tag(2, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.Bit64).double(step[kind.field][index] ?? Number.NaN);
    writer.tag(2, WireType.Varint).int64(sampleTime(step.at));
    writer.join();
  }
  writer.join();
}

/** The middle of a step: ranges of any store, whichever of their ends they count in, then hold whole steps. */
export function sampleTime(stepAt: number): number {
  return stepAt + STEP_MS / 2;
}

/** Least and most are told where they differ from the average: a single reading is all three. */
function isTold(step: Step, field: Kind["field"], index: number): boolean {
  const average = step.avg[index] ?? Number.NaN;
  return !Number.isNaN(average) && (field === "avg" || step.min[index] !== step.max[index]);
}

function groupByAgent(steps: readonly Step[]): Map<MeasuredAgent, Step[]> {
  const groups = new Map<MeasuredAgent, Step[]>();
  for (const step of steps) {
    const group = groups.get(step.agent);
    if (group) group.push(step);
    else groups.set(step.agent, [step]);
  }
  for (const [agent, group] of groups) groups.set(agent, inOrder(group));
  return groups;
}

/** Oldest first, and of a step that came twice the later computation. */
function inOrder(steps: readonly Step[]): Step[] {
  if (steps.every((step, index) => index === 0 || step.at > (steps[index - 1]?.at ?? 0))) return [...steps];
  const byTime = new Map(steps.map((step) => [step.at, step]));
  return [...byTime.values()].sort((a, b) => a.at - b.at);
}

function makeKinds(names: readonly string[]): Kind[] {
  const withEnd = (suffix: string) => names.map((name) => encodeLabels([[NAME, name + suffix]]));
  return [
    { field: "avg", names: withEnd("") },
    { field: "min", names: withEnd(LEAST) },
    { field: "max", names: withEnd(MOST) },
  ];
}

function encodeLabels(labels: readonly (readonly [string, string])[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [name, value] of labels) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.tag(2, WireType.LengthDelimited).string(value);
    writer.join();
  }
  return writer.finish();
}
