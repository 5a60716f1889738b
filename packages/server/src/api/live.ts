import { MusterError } from "@muster/core";
import type { Credentials, Identity } from "../fleet/access.ts";
import { authorize } from "../fleet/access-rules.ts";
import type { PlainRequest, UpgradeDecision } from "../listeners/door.ts";
import { actorOf, findCaller, readCredentials } from "./callers.ts";
import type { ApiContext } from "./context.ts";
import { toProblem } from "./errors.ts";
import { LiveHub } from "./live-hub.ts";
import { LiveSocket } from "./live-socket.ts";
import type { Visit } from "./mount.ts";
import { concerns } from "./output-stream.ts";

/** Close codes of our own: the right to watch has ended; too many requests. */
export const LIVE_CLOSE = { signedOut: 4401, tooMany: 4429 } as const;

const PATH = "/fleet/v1/live";
const MAX_SOCKETS = 5000;
const MAX_PER_PRINCIPAL = 20;
/** A subscription names a thousand agents at most. */
const MAX_FRAME_BYTES = 128 * 1024;
/** How often a right is looked up again that may have expired by itself. */
const RECHECK_MS = 60_000;

interface Watcher {
  readonly socket: LiveSocket;
  readonly identity: Identity;
  readonly credentials: Credentials;
}

/** The live stream of `/fleet/v1/live`: who may open it, and when it ends. */
export class Live {
  readonly #context: ApiContext;
  readonly #hub: LiveHub;
  readonly #watchers = new Set<Watcher>();
  readonly #ends: (() => void)[];
  #closing = false;

  constructor(context: ApiContext) {
    this.#context = context;
    this.#hub = new LiveHub(context);
    this.#ends = [
      context.access.revocations.subscribe((revocation) => {
        for (const watcher of this.#watchers) if (concerns(revocation, watcher.identity)) signOut(watcher);
      }),
      context.clock.every(RECHECK_MS, () => void this.#recheck()),
    ];
  }

  get openCount(): number {
    return this.#watchers.size;
  }

  async upgrade(request: PlainRequest, visit: Visit): Promise<UpgradeDecision> {
    try {
      if (request.path !== PATH) throw new MusterError("not_found", "there is no socket at this path");
      return { accept: await this.#admit(request, visit), maxFrameBytes: MAX_FRAME_BYTES };
    } catch (error) {
      const { problem, headers } = toProblem(error);
      const type = { "content-type": "application/problem+json" };
      return { refuse: { status: problem.status, headers: { ...type, ...headers }, body: JSON.stringify(problem) } };
    }
  }

  /** Sends everybody away; they come back to whoever answers then. */
  close(): void {
    this.#closing = true;
    for (const end of this.#ends.splice(0)) end();
    for (const watcher of this.#watchers) watcher.socket.close(1001, "the server is stopping");
    this.#hub.close();
  }

  async #admit(request: PlainRequest, visit: Visit): Promise<LiveSocket> {
    const asked = { headers: request.headers, needsOrigin: true };
    let identity: Identity | undefined;
    try {
      identity = await findCaller(asked, this.#context);
      authorize(identity?.principal, "live.open");
    } catch (error) {
      await this.#recordRefusal(error, identity, visit);
      throw error;
    }
    if (!identity) throw new MusterError("internal", "a watcher without an identity");
    this.#assertRoom(identity);
    return this.#watch(identity, readCredentials(request.headers));
  }

  #watch(identity: Identity, credentials: Credentials): LiveSocket {
    const { facts, clock } = this.#context;
    const socket = new LiveSocket({ hub: this.#hub, clock, identity, version: facts.version });
    const watcher = { socket, identity, credentials };
    // counted from the handshake on: one that never ends must not take a place
    socket.onStart = () => {
      if (this.#hasRoom(identity)) this.#watchers.add(watcher);
      else socket.close(LIVE_CLOSE.tooMany, "too many live streams");
    };
    socket.onEnd = () => this.#watchers.delete(watcher);
    return socket;
  }

  #assertRoom(identity: Identity): void {
    if (this.#closing) throw new MusterError("unavailable", "the server is stopping", { retryAfterMs: 2000 });
    if (this.#hasRoom(identity)) return;
    throw new MusterError("resource_exhausted", `at most ${MAX_PER_PRINCIPAL} live streams at a time`, {
      retryAfterMs: 10_000,
    });
  }

  #hasRoom(identity: Identity): boolean {
    if (this.#watchers.size >= MAX_SOCKETS) return false;
    let own = 0;
    for (const watcher of this.#watchers) if (watcher.identity.principal.id === identity.principal.id) own += 1;
    return own < MAX_PER_PRINCIPAL;
  }

  async #recordRefusal(error: unknown, identity: Identity | undefined, visit: Visit): Promise<void> {
    const reason = error instanceof MusterError ? error.code : "internal";
    await this.#context.access.audit.record({
      actor: actorOf(identity?.principal),
      address: visit.source.address,
      action: "live.open",
      outcome: "refused",
      details: { reason },
    });
  }

  async #recheck(): Promise<void> {
    for (const watcher of [...this.#watchers]) {
      // a store that is away for a moment signs nobody out
      const identity = await this.#context.access
        .authenticate(watcher.credentials, false)
        .catch(() => watcher.identity);
      if (identity?.principal.role !== watcher.identity.principal.role) signOut(watcher);
    }
  }
}

function signOut(watcher: Watcher): void {
  watcher.socket.close(LIVE_CLOSE.signedOut, "the session or token has ended");
}
