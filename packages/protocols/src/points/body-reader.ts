import type { Point } from "@muster/core";
import { BodyError, type DecodedPoints, PointError, type PointProblem, refuseBody } from "./decoded.ts";
import { POINT_LIMITS } from "./limits.ts";
import type { Steps } from "./steps.ts";

/** Reads the points of a body one by one and gathers what is wrong with them. */
export class BodyReader {
  readonly #points: Point[] = [];
  readonly #problems: PointProblem[] = [];
  #problemCount = 0;

  /** `list` may throw a PointError for the whole body, `read` for one item, and a BodyError for what comes after it too. */
  *readAll<Item>(list: () => Iterable<Item>, read: (item: Item) => Point): Steps<DecodedPoints> {
    let number = 0;
    try {
      for (const item of list()) {
        number += 1;
        if (number > POINT_LIMITS.points) return refuseBody(`more than ${POINT_LIMITS.points} points`);
        this.#readOne(number, () => read(item));
        yield;
      }
    } catch (error) {
      if (error instanceof PointError) return refuseBody(error.message);
      throw error;
    }
    if (this.#problemCount > 0) return { problems: this.#problems, problemCount: this.#problemCount };
    return { points: this.#points };
  }

  #readOne(number: number, read: () => Point): void {
    try {
      this.#points.push(read());
    } catch (error) {
      if (!(error instanceof PointError) || error instanceof BodyError) throw error;
      this.#problemCount += 1;
      if (this.#problems.length < POINT_LIMITS.problems)
        this.#problems.push({ where: `point ${number}`, message: error.message });
    }
  }
}
