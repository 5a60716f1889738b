import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What outlives a call and is cleaned up when a test ends: `node:test`'s context is one. */
export interface Scope {
  after(cleanup: () => void | Promise<void>): void;
}

/** A scope of its own, for `before`/`after` pairs and for programs that are no tests (benchmarks). */
export class ManualScope implements Scope {
  readonly #cleanups: (() => void | Promise<void>)[] = [];

  after(cleanup: () => void | Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  /** Runs the clean-ups, newest first; every one runs even when another fails. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let cleanup = this.#cleanups.pop(); cleanup; cleanup = this.#cleanups.pop()) {
      try {
        await cleanup();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "cleaning up failed");
  }
}

/** Per test the clean-ups that `onEnd` collected; entries go with their tests. */
const stacks = new WeakMap<Scope, ManualScope>();

/**
 * Adds a clean-up that runs before those that were added earlier, since what came later uses what came first. Node's own
 * `after` runs them in the order in which they were added, which would remove a server's folder under the server.
 */
export function onEnd(scope: Scope, cleanup: () => void | Promise<void>): void {
  (scope instanceof ManualScope ? scope : stackOf(scope)).after(cleanup);
}

function stackOf(scope: Scope): ManualScope {
  const known = stacks.get(scope);
  if (known) return known;
  const created = new ManualScope();
  scope.after(() => created.close());
  stacks.set(scope, created);
  return created;
}

/** An empty folder that is removed when the scope ends. */
export async function makeTempDir(scope: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "muster-test-"));
  onEnd(scope, () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return folder;
}
