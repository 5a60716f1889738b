import type { Point, PointCategory } from "@muster/core";

/**
 * Carries points on to another system. `take` resolves when they survive the death of this process, or were counted as
 * dropped; it never rejects.
 */
export interface PointForwarder {
  take(category: PointCategory, points: readonly Point[]): Promise<void>;
}
