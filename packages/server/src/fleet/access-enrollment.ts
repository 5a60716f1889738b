import { MusterError, newEnrollmentToken, newId, type Timestamp, type TokenId, toIso } from "@muster/core";
import type { EnrollmentToken, EnrollmentTokenCreate, Page } from "@muster/core/resources";
import type { Insertable, Selectable } from "kysely";
import type { EnrollmentTokensTable } from "../store/access-tables.ts";
import type { AccessContext } from "./access.ts";
import { hashSecret, hintOf, readExpiry, toPage } from "./access-secrets.ts";

/** The seed's published secret; it opens nothing unless the operator says so in so many words. */
export const DEFAULT_TOKEN = "default-token";

interface Known {
  readonly id: TokenId;
  readonly name: string;
  readonly expiresAt: Timestamp | null;
  /** False for tokens that live in this process only. */
  readonly stored: boolean;
}

/**
 * The secrets that let an agent in. All are held in memory by hash, so that a reconnect storm never asks the database;
 * when they were last used is written by `flush`.
 */
export class EnrollmentTokens {
  readonly #context: AccessContext;
  readonly #known = new Map<string, Known>();
  /** The same by id. */
  readonly #byId = new Map<TokenId, Known>();
  readonly #used = new Map<TokenId, Timestamp>();

  constructor(context: AccessContext) {
    this.#context = context;
  }

  /** Reads the stored tokens; called once before the first check. */
  async load(): Promise<void> {
    const rows = await this.#context.store.db.selectFrom("enrollment_tokens").selectAll().execute();
    for (const row of rows) this.remember(row);
  }

  /** Reads the stored tokens again, since another process may have made or removed some. */
  async refresh(): Promise<void> {
    const rows = await this.#context.store.db.selectFrom("enrollment_tokens").selectAll().execute();
    const stored = new Set(rows.map((row) => row.secret_hash));
    for (const row of rows) if (!this.#known.has(row.secret_hash)) this.remember(row);
    for (const [hash, known] of this.#known) {
      if (!known.stored || stored.has(hash)) continue;
      this.#forget(hash);
      this.#context.revocations.publish({ kind: "enrollment", id: known.id });
    }
  }

  remember(row: Insertable<EnrollmentTokensTable>): void {
    const known = { id: row.id as TokenId, name: row.name, expiresAt: row.expires_at ?? null, stored: true };
    this.#add(row.secret_hash, known);
  }

  /** Lets the seed's published token in. */
  allowDefaultToken(): void {
    this.#rememberLocally(DEFAULT_TOKEN, DEFAULT_TOKEN);
  }

  /** A token that this process alone knows and forgets when it ends: for the agent that runs beside it. */
  createLocal(): string {
    const secret = newEnrollmentToken();
    this.#rememberLocally(secret, "this process");
    return secret;
  }

  /** The token's id when it lets an agent in now. Synchronous: it is asked for every connection. */
  check(secret: string): TokenId | undefined {
    return this.find(secret)?.id;
  }

  /** Whether a token still lets agents in: for connections that came with it and do not keep its secret. */
  isGood(id: TokenId): boolean {
    return this.#isUsable(this.#byId.get(id));
  }

  find(secret: string): { readonly id: TokenId; readonly name: string } | undefined {
    const known = this.#known.get(hashSecret(secret));
    if (!this.#isUsable(known)) return undefined;
    if (known.stored) this.#used.set(known.id, this.#context.clock.now());
    return known;
  }

  async list(query: { readonly limit: number; readonly cursor?: string | undefined }): Promise<Page<EnrollmentToken>> {
    let select = this.#select().orderBy("enrollment_tokens.id");
    if (query.cursor !== undefined) select = select.where("enrollment_tokens.id", ">", query.cursor);
    const rows = await select.limit(query.limit + 1).execute();
    return toPage(rows, query.limit, (row) => this.#show(row));
  }

  async get(id: string): Promise<EnrollmentToken> {
    const row = await this.#select().where("enrollment_tokens.id", "=", id).executeTakeFirst();
    if (!row) throw notFound(id);
    return this.#show(row);
  }

  /** The only moment at which the secret is known. */
  async create(token: EnrollmentTokenCreate, createdBy: string): Promise<{ id: string; token: string }> {
    const now = this.#context.clock.now();
    const secret = newEnrollmentToken();
    const expiresAt = readExpiry(token.expiresAt, now);
    const row = newEnrollmentRow({ name: token.name, secret, expiresAt, createdBy, now });
    await this.#context.store.db.insertInto("enrollment_tokens").values(row).execute();
    this.remember(row);
    return { id: row.id, token: secret };
  }

  /** Agents that are connected with it are sent away by whoever listens to revocations. */
  async remove(id: string): Promise<void> {
    const rows = await this.#context.store.db
      .deleteFrom("enrollment_tokens")
      .where("id", "=", id)
      .returning("secret_hash")
      .execute();
    if (rows.length === 0) throw notFound(id);
    for (const row of rows) this.#forget(row.secret_hash);
    this.#used.delete(id as TokenId);
    this.#context.revocations.publish({ kind: "enrollment", id });
  }

  /** Writes when tokens were last used. */
  async flush(): Promise<void> {
    const used = [...this.#used];
    this.#used.clear();
    for (const [id, at] of used) {
      await this.#context.store.db
        .updateTable("enrollment_tokens")
        .set({ last_used_at: at })
        .where("id", "=", id)
        .execute();
    }
  }

  #rememberLocally(secret: string, name: string): void {
    const id = newId<TokenId>(this.#context.clock.now());
    this.#add(hashSecret(secret), { id, name, expiresAt: null, stored: false });
  }

  #add(hash: string, known: Known): void {
    this.#known.set(hash, known);
    this.#byId.set(known.id, known);
  }

  #forget(hash: string): void {
    const known = this.#known.get(hash);
    this.#known.delete(hash);
    if (known) this.#byId.delete(known.id);
  }

  #isUsable(known: Known | undefined): known is Known {
    return known !== undefined && (known.expiresAt === null || known.expiresAt > this.#context.clock.now());
  }

  #select() {
    return this.#context.store.db
      .selectFrom("enrollment_tokens")
      .selectAll("enrollment_tokens")
      .select((query) =>
        query
          .selectFrom("agents")
          .whereRef("agents.token_id", "=", "enrollment_tokens.id")
          .select((count) => count.fn.countAll<number>().as("count"))
          .as("agents"),
      );
  }

  #show(row: Selectable<EnrollmentTokensTable> & { agents: number | null }): EnrollmentToken {
    const usedAt = this.#used.get(row.id as TokenId) ?? row.last_used_at;
    return {
      id: row.id,
      name: row.name,
      hint: row.hint,
      createdAt: toIso(row.created_at),
      createdBy: row.created_by,
      expiresAt: row.expires_at === null ? null : toIso(row.expires_at),
      lastUsedAt: usedAt === null ? null : toIso(usedAt),
      agents: Number(row.agents ?? 0),
    };
  }
}

/** The row of an enrolment token that is about to be stored. */
export function newEnrollmentRow(token: {
  readonly name: string;
  readonly secret: string;
  readonly expiresAt: number | null;
  readonly createdBy: string;
  readonly now: number;
}): Insertable<EnrollmentTokensTable> & { id: string } {
  return {
    id: newId<TokenId>(token.now),
    name: token.name,
    hint: hintOf(token.secret),
    secret_hash: hashSecret(token.secret),
    created_at: token.now,
    created_by: token.createdBy,
    expires_at: token.expiresAt,
    last_used_at: null,
  };
}

function notFound(id: string): MusterError {
  return new MusterError("not_found", "there is no such enrolment token", { id });
}
