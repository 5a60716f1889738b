import type { AgentId, Clock, TokenId } from "@muster/core";
import type { Store } from "../store/store.ts";
import type { AgentState } from "./agent-state.ts";
import type { Registry } from "./registry.ts";

/** The agent whose points they are. */
export interface PointOwner {
  readonly number: number;
  readonly id: AgentId;
  readonly name: string;
  readonly hostname: string;
}

/** Who wrote, as far as the request tells. */
export interface PointSource {
  /** What the writer calls itself; one of our agents' ids where it is one of ours. */
  readonly externalId?: string | undefined;
  readonly hostname?: string | undefined;
  readonly remoteAddress: string;
  readonly tokenId: TokenId | null;
}

interface OwnersParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly registry: Registry;
}

/** Agents without a session of ours that only write: shown like others, with nothing that could be asked of them. */
const PROTOCOL = "dataway";
const WRITES = "only writes: nothing can be asked of it";
/** A host that has not written for so long is gone. */
const SILENT_MS = 180_000;
const SWEEP_MS = 30_000;
/** A renamed host is seen after this long. */
const FRESH_MS = 300_000;
const MAX_KNOWN = 50_000;
const MAX_NAME = 255;
/** Hosts that one process makes; whoever holds a token could name any number. */
const MAX_NEW_HOSTS = 10_000;

/** Finds whose points they are by what the writer says, and makes a record of hosts that nobody knows. */
export class PointOwners {
  readonly #parts: OwnersParts;
  readonly #known = new Map<string, { readonly owner: PointOwner; readonly readAt: number }>();
  /** Hosts of ours that write, by when they last did. */
  readonly #writing = new Map<AgentState, number>();
  #made = 0;
  #stop: (() => void)[] = [];

  constructor(parts: OwnersParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#stop = [this.#parts.clock.every(SWEEP_MS, () => this.#sweep())];
  }

  stop(): void {
    for (const stop of this.#stop) stop();
  }

  /** Forgets what it knows: an owner was deleted. */
  forget(): void {
    this.#known.clear();
  }

  /** What is known without asking the store. */
  peek(source: PointSource, host: string | undefined): PointOwner | undefined {
    const known = this.#known.get(keyOf(source, host));
    return known && this.#parts.clock.monotonic() - known.readAt < FRESH_MS ? known.owner : undefined;
  }

  /** Undefined when no further host may be made. Rejects when the store is away. */
  async find(source: PointSource, host: string | undefined): Promise<PointOwner | undefined> {
    const known = this.peek(source, host);
    if (known) return known;
    const owner = (await this.#findAgent(source, host)) ?? (await this.#makeHost(source, host));
    if (!owner) return undefined;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(keyOf(source, host), { owner, readAt: this.#parts.clock.monotonic() });
    return owner;
  }

  /** The owner has written: hosts that are known by nothing else count as online. */
  touch(owner: PointOwner): void {
    const state = this.#parts.registry.get(owner.id);
    if (!state || !isOnlyWriter(state)) return;
    const { clock, registry } = this.#parts;
    state.lastSeenAt = clock.now();
    this.#writing.set(state, clock.monotonic());
    registry.setStatus(state, "online", WRITES);
  }

  async #findAgent(source: PointSource, host: string | undefined): Promise<PointOwner | undefined> {
    const { externalId } = source;
    if (externalId !== undefined) {
      const found = await this.#select("id", externalId);
      return found ?? (await this.#select("external_id", externalId));
    }
    if (host === undefined) return undefined;
    return (
      (await this.#select("hostname", host)) ??
      (await this.#select("sort_name", host.toLowerCase())) ??
      (await this.#select("external_id", host))
    );
  }

  /** Of several the one that was seen last. */
  async #select(
    column: "id" | "external_id" | "hostname" | "sort_name",
    value: string,
  ): Promise<PointOwner | undefined> {
    const row = await this.#parts.store.db
      .selectFrom("agents")
      .select(["number", "id", "name", "given_name", "hostname", "last_seen_at"])
      .where(column, "=", value)
      .orderBy("connections", "desc")
      .orderBy("last_seen_at", "desc")
      .orderBy("number")
      .limit(1)
      .executeTakeFirst();
    return row && { ...row, id: row.id as AgentId, name: row.given_name ?? row.name };
  }

  async #makeHost(source: PointSource, host: string | undefined): Promise<PointOwner | undefined> {
    if (this.#made >= MAX_NEW_HOSTS) return undefined;
    const hostname = (host ?? source.hostname ?? source.remoteAddress).slice(0, MAX_NAME);
    const { state, isNew } = await this.#parts.registry.meet({
      protocol: PROTOCOL,
      externalId: (source.externalId ?? hostname).slice(0, MAX_NAME),
      capabilities: new Set(),
      facts: { hostname, addresses: [source.remoteAddress] },
      remoteAddress: source.remoteAddress,
      tokenId: source.tokenId,
    });
    if (isNew) this.#made += 1;
    return { number: state.number, id: state.id, name: hostname, hostname };
  }

  #sweep(): void {
    const now = this.#parts.clock.monotonic();
    for (const [state, at] of this.#writing) {
      if (!isOnlyWriter(state)) this.#writing.delete(state);
      else if (now - at > SILENT_MS) {
        this.#writing.delete(state);
        this.#parts.registry.setStatus(state, "offline", "has not written for three minutes");
      } else this.#parts.registry.markDirty(state);
    }
  }
}

function isOnlyWriter(state: AgentState): boolean {
  return (
    state.protocol === PROTOCOL &&
    state.capabilities.size === 0 &&
    state.sessions.length === 0 &&
    state.elsewhere === null
  );
}

function keyOf(source: PointSource, host: string | undefined): string {
  if (source.externalId !== undefined) return `id ${source.externalId}`;
  const name = host ?? source.hostname;
  return name === undefined ? `address ${source.remoteAddress}` : `host ${name}`;
}
