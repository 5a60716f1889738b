import type { Point } from "@muster/core";
import type { MetricType, Sample } from "./exposition.ts";
import { type NamingRules, nameMetric } from "./names.ts";

/** What of an exposition is kept, and how it is called. */
export interface PromRules extends NamingRules {
  readonly metric_types: readonly MetricType[];
  /** Empty keeps all. */
  readonly metric_name_filter: readonly RegExp[];
  readonly metric_name_filter_ignore: readonly RegExp[];
  readonly tags_ignore: readonly string[];
  /** Label → expressions: a series whose label matches one is left out. */
  readonly ignore_tag_kv: Readonly<Record<string, readonly RegExp[]>>;
  /** Old name of a label → the tag's name. */
  readonly tags_rename: Readonly<Record<string, string>>;
  readonly honor_timestamps: boolean;
}

/** Gathers samples into points: those of one measurement, with the same tags and time, become fields of one point. */
export class PromPoints {
  readonly #rules: PromRules;
  readonly #nowNs: bigint;
  readonly #extraTags: Readonly<Record<string, string>>;
  readonly #points = new Map<string, Point & { readonly fields: Record<string, number> }>();

  constructor(rules: PromRules, nowNs: bigint, extraTags: Readonly<Record<string, string>> = {}) {
    this.#rules = rules;
    this.#nowNs = nowNs;
    this.#extraTags = extraTags;
  }

  add(sample: Sample): void {
    // neither protocol carries what is no number; the moments when families were created are no measurement
    if (!Number.isFinite(sample.value) || !this.#isWanted(sample)) return;
    const { measurement, field } = nameMetric(sample.name, this.#rules);
    if (field === "__proto__") return;
    const tags = this.#tagsOf(sample.labels);
    const timeNs = (this.#rules.honor_timestamps ? sample.timeNs : undefined) ?? this.#nowNs;
    const key = `${keyOf(tags)}${timeNs} ${measurement}`;
    const known = this.#points.get(key);
    if (known) known.fields[field] = sample.value;
    else this.#points.set(key, { measurement, tags, fields: { [field]: sample.value }, timeNs });
  }

  get points(): Point[] {
    return [...this.#points.values()];
  }

  #isWanted({ name, type, labels }: Sample): boolean {
    const { metric_types, metric_name_filter, metric_name_filter_ignore, ignore_tag_kv } = this.#rules;
    if (name.endsWith("_created") && ["counter", "histogram", "summary"].includes(type)) return false;
    if (!metric_types.includes(type)) return false;
    if (metric_name_filter.length > 0 && !metric_name_filter.some((wanted) => wanted.test(name))) return false;
    if (metric_name_filter_ignore.some((unwanted) => unwanted.test(name))) return false;
    return !Object.entries(ignore_tag_kv).some(([label, unwanted]) => {
      const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
      return value !== undefined && unwanted.some((expression) => expression.test(value));
    });
  }

  #tagsOf(labels: Readonly<Record<string, string>>): Record<string, string> {
    const tags: Record<string, string> = { ...this.#extraTags };
    const { tags_ignore, tags_rename } = this.#rules;
    for (const [label, value] of Object.entries(labels)) {
      if (value === "" || tags_ignore.includes(label)) continue;
      tags[Object.hasOwn(tags_rename, label) ? (tags_rename[label] ?? label) : label] = value;
    }
    return tags;
  }
}

/** The same for the same tags in the same order, in which exporters write them; lengths keep them apart. */
function keyOf(tags: Readonly<Record<string, string>>): string {
  let key = "";
  for (const [name, value] of Object.entries(tags)) key += `${name.length} ${name} ${value.length} ${value} `;
  return key;
}
