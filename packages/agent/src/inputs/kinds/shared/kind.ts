import type { CollectorKind, CollectorTools } from "../../collector.ts";

/** What `create` is given beside the options. */
export type KindTools = CollectorTools & { readonly intervalMs: number };

/** Lets a kind be written with the type of its own options, and be a row of the table of all kinds. */
export function defineKind<Options>(kind: CollectorKind<Options>): CollectorKind {
  return kind;
}

export interface SampleText {
  readonly name: string;
  /** What it collects, one or more lines. */
  readonly about: string;
  /** Absent for kinds without an interval. */
  readonly interval?: string;
  /** The options with their comments, indented by two. */
  readonly body?: string;
}

/** A sample configuration with the parts that all of them share: the header, the interval and the tags. */
export function sampleOf({ name, about, interval, body = "" }: SampleText): string {
  const head = about
    .trim()
    .split("\n")
    .map((line) => `# ${line.trim()}`);
  const pace = interval === undefined ? [] : ["  # How often a reading is taken.", `  interval = "${interval}"`];
  const options = body.replace(/^\n+|\s+$/g, "");
  const tags = ["  # Tags that every point of this block gets.", `  # [inputs.${name}.tags]`, '  #   role = "web"'];
  return [...head, `[[inputs.${name}]]`, ...pace, ...(options === "" ? [] : [options]), "", ...tags, ""].join("\n");
}
