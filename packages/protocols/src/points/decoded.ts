import type { Point } from "@muster/core";
import { POINT_LIMITS } from "./limits.ts";

/** One place of a body that is no point. */
export interface PointProblem {
  /** "line 3, column 14", or "point 2" where the wire has no lines. */
  readonly where: string;
  readonly message: string;
}

/** Why a body is refused. */
export interface Refusal {
  readonly points?: undefined;
  readonly readings?: undefined;
  readonly problems: readonly PointProblem[];
  readonly problemCount: number;
}

/** All points of a body, or what is wrong with it: one bad point refuses the others with it. Decoders never throw. */
export type DecodedPoints = { readonly points: Point[]; readonly problems?: undefined } | Refusal;

/** Thrown where a point cannot be read and caught by its decoder. `at` is a place in the text, where there is one. */
export class PointError extends Error {
  readonly at: number;

  constructor(message: string, at = -1) {
    super(message);
    this.at = at;
  }
}

/** Thrown where it shows that the whole body is to be refused. */
export class BodyError extends PointError {}

/** Counts the values of one body, so that reading it ends soon whatever is in it. */
export class ValueBudget {
  #left: number;

  constructor(values: number = POINT_LIMITS.values) {
    this.#left = values;
  }

  /** Throws a BodyError when there are too many. */
  spend(count: number): void {
    this.#left -= count;
    if (this.#left < 0) throw new BodyError(`more than ${POINT_LIMITS.values} fields, tags and items`);
  }
}

/** What is wrong with a body as a whole. */
export function refuseBody(message: string): Refusal {
  return { problems: [{ where: "the body", message }], problemCount: 1 };
}

/** A sentence for whoever sent the body: every place that is told of, and how many more there are. */
export function describeProblems(failure: { problems: readonly PointProblem[]; problemCount: number }): string {
  const told = failure.problems.map(({ where, message }) => `${where}: ${message}`).join("; ");
  const more = failure.problemCount - failure.problems.length;
  return more > 0 ? `${told}; and ${more} more` : told;
}

/** Keys that an object takes for something else. */
export function isReservedKey(key: string): boolean {
  return key === "__proto__";
}
