import type { Scope } from "@muster/testing";

/** Rows of text under headings; numbers come formatted, since only the suite knows how many digits mean something. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a suite found out. */
export interface Report {
  readonly tables: readonly Table[];
  /** What a reader must know to judge the numbers: counts, durations, what was left out. */
  readonly notes: readonly string[];
}

export interface BenchContext {
  /** Everything a suite starts or creates ends with it. */
  readonly scope: Scope;
  /** `--quick`: smaller and shorter, to see that the suite works; its numbers are not written down. */
  readonly quick: boolean;
  /** Progress for whoever waits. */
  say(text: string): void;
}

/** A benchmark; `bench/main.ts` lists them. */
export interface Suite {
  readonly title: string;
  run(context: BenchContext): Promise<Report>;
}
