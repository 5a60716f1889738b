import { MusterError, newApiToken, newId, type TokenId, toIso } from "@muster/core";
import type { ApiToken, Page, Principal, Role, TokenCreate, TokenCreated } from "@muster/core/resources";
import type { Insertable, Selectable } from "kysely";
import type { ApiTokensTable } from "../store/access-tables.ts";
import { isDatabaseAway } from "../store/away.ts";
import type { AccessContext, Identity } from "./access.ts";
import { KnownCallers } from "./access-known.ts";
import { lesserRole, strongestRole } from "./access-rules.ts";
import { hashSecret, hintOf, readExpiry, toPage } from "./access-secrets.ts";

const USED_EVERY_MS = 60_000;

/**
 * Programs' tokens. A token that a person created never may more than that person may now: it ends when the person is
 * disabled or removed.
 */
export class ApiTokens {
  readonly #context: AccessContext;
  readonly #known: KnownCallers;

  constructor(context: AccessContext) {
    this.#context = context;
    this.#known = new KnownCallers(context);
  }

  async list(query: { readonly limit: number; readonly cursor?: string | undefined }): Promise<Page<ApiToken>> {
    let select = this.#context.store.db.selectFrom("api_tokens").selectAll().orderBy("id");
    if (query.cursor !== undefined) select = select.where("id", ">", query.cursor);
    const rows = await select.limit(query.limit + 1).execute();
    return toPage(rows, query.limit, showToken);
  }

  async get(id: string): Promise<ApiToken> {
    const row = await this.#context.store.db
      .selectFrom("api_tokens")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    if (!row) throw new MusterError("not_found", "there is no such token", { id });
    return showToken(row);
  }

  /** The only moment at which the secret is known. */
  async create(
    token: TokenCreate,
    by: { readonly name: string; readonly ownerId: string | null },
  ): Promise<TokenCreated> {
    const now = this.#context.clock.now();
    const secret = newApiToken();
    const expiresAt = readExpiry(token.expiresAt, now);
    const row = newTokenRow({ name: token.name, scopes: token.scopes, secret, expiresAt, by, now });
    await this.#context.store.db.insertInto("api_tokens").values(row).execute();
    return { id: row.id, token: secret };
  }

  async remove(id: string): Promise<void> {
    const result = await this.#context.store.db.deleteFrom("api_tokens").where("id", "=", id).executeTakeFirst();
    if (Number(result.numDeletedRows) === 0) throw new MusterError("not_found", "there is no such token", { id });
    this.#context.revocations.publish({ kind: "token", id });
  }

  /**
   * Who a token stands for; undefined when it is unknown, has expired, or its owner is gone. While the store is away, whom
   * it vouched for a moment ago may still come in: what the server tells from memory stays readable.
   */
  async authenticate(secret: string): Promise<Identity | undefined> {
    const hash = hashSecret(secret);
    const { revision } = this.#known;
    try {
      const found = await this.#find(hash);
      this.#known.learn(hash, found, revision);
      return found?.identity;
    } catch (error) {
      const identity = isDatabaseAway(error) ? this.#known.find(hash) : undefined;
      if (identity) return identity;
      throw error;
    }
  }

  async #find(hash: string): Promise<{ identity: Identity; expiresAt: number | null } | undefined> {
    const now = this.#context.clock.now();
    const row = await this.#context.store.db
      .selectFrom("api_tokens")
      .leftJoin("users", "users.id", "api_tokens.owner_id")
      .select(["api_tokens.id", "api_tokens.name", "api_tokens.scopes", "api_tokens.expires_at as expiresAt"])
      .select(["api_tokens.last_used_at as usedAt", "api_tokens.owner_id as ownerId"])
      .select(["users.role as ownerRole", "users.disabled as ownerDisabled"])
      .where("api_tokens.secret_hash", "=", hash)
      .executeTakeFirst();
    if (!row || (row.expiresAt !== null && row.expiresAt <= now)) return undefined;
    const role = roleOf(row);
    if (role === null) return undefined;
    if (row.usedAt === null || now - row.usedAt >= USED_EVERY_MS) await this.#markUsed(row.id, now);
    const principal: Principal = { kind: "token", id: row.id, name: row.name, role };
    const identity: Identity = { principal, credential: { kind: "token", id: row.id }, ownerId: row.ownerId };
    return { identity, expiresAt: row.expiresAt };
  }

  async #markUsed(id: string, now: number): Promise<void> {
    await this.#context.store.db.updateTable("api_tokens").set({ last_used_at: now }).where("id", "=", id).execute();
  }
}

/** The row of a token that is about to be stored. */
export function newTokenRow(token: {
  readonly name: string;
  readonly scopes: readonly Role[];
  readonly secret: string;
  readonly expiresAt: number | null;
  readonly by: { readonly name: string; readonly ownerId: string | null };
  readonly now: number;
}): Insertable<ApiTokensTable> {
  return {
    id: newId<TokenId>(token.now),
    name: token.name,
    hint: hintOf(token.secret),
    secret_hash: hashSecret(token.secret),
    scopes: JSON.stringify(token.scopes),
    created_at: token.now,
    created_by: token.by.name,
    owner_id: token.by.ownerId,
    expires_at: token.expiresAt,
    last_used_at: null,
  };
}

function roleOf(row: {
  scopes: string;
  ownerId: string | null;
  ownerRole: string | null;
  ownerDisabled: number | null;
}): Role | null {
  const granted = strongestRole(JSON.parse(row.scopes) as Role[]);
  if (row.ownerId === null) return granted;
  // a missing or disabled owner means no rights, never full ones
  return row.ownerDisabled === 0 ? lesserRole(granted, row.ownerRole as Role | null) : null;
}

function showToken(row: Selectable<ApiTokensTable>): ApiToken {
  return {
    id: row.id,
    name: row.name,
    hint: row.hint,
    scopes: JSON.parse(row.scopes) as Role[],
    createdAt: toIso(row.created_at),
    createdBy: row.created_by,
    expiresAt: row.expires_at === null ? null : toIso(row.expires_at),
    lastUsedAt: row.last_used_at === null ? null : toIso(row.last_used_at),
  };
}
