/** Long work in pieces of well under a millisecond: whoever runs it may do something else between two of them. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** When others get their turn. The service's own waits for the event loop. */
export interface Turns {
  /** Whether enough was done in one go. */
  readonly isOver: boolean;
  /** Resolves when it is our turn again. */
  next(): Promise<void>;
}

/** All of it in one go. */
export function runSteps<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** As much as a turn allows, then what is left in the next ones. */
export async function runInTurns<Result>(steps: Steps<Result>, turns: Turns): Promise<Result> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (turns.isOver) await turns.next();
  }
}
