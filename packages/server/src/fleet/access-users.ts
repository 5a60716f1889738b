import { MusterError, newId, toIso, type UserId } from "@muster/core";
import type { Page, Role, User, UserCreate, UserPatch } from "@muster/core/resources";
import type { Selectable } from "kysely";
import type { UsersTable } from "../store/access-tables.ts";
import type { Queries } from "../store/store.ts";
import type { AccessContext } from "./access.ts";
import { toPage } from "./access-secrets.ts";

/** The audit log uses them for callers that are no person. */
const RESERVED_NAMES = ["anonymous", "server"];

export type UserRow = Selectable<UsersTable>;

/** The people who may log in. There is always at least one admin who is not disabled. */
export class Users {
  readonly #context: AccessContext;

  constructor(context: AccessContext) {
    this.#context = context;
  }

  async list(query: { readonly limit: number; readonly cursor?: string | undefined }): Promise<Page<User>> {
    let select = this.#context.store.db.selectFrom("users").selectAll().orderBy("id");
    if (query.cursor !== undefined) select = select.where("id", ">", query.cursor);
    const rows = await select.limit(query.limit + 1).execute();
    return toPage(rows, query.limit, showUser);
  }

  async get(id: string): Promise<User> {
    return showUser(await getRow(this.#context.store.db, id));
  }

  findByName(username: string): Promise<UserRow | undefined> {
    return this.#context.store.db
      .selectFrom("users")
      .selectAll()
      .where("username_key", "=", usernameKey(username))
      .executeTakeFirst();
  }

  async create(user: UserCreate): Promise<User> {
    if (RESERVED_NAMES.includes(usernameKey(user.username))) {
      throw new MusterError("invalid_argument", "this name is reserved", { field: "username" });
    }
    const passwordHash = await this.#context.passwords.hash(user.password);
    return this.#context.store.transaction(async (queries) => {
      const taken = queries.selectFrom("users").select("id").where("username_key", "=", usernameKey(user.username));
      if (await taken.executeTakeFirst()) {
        throw new MusterError("already_exists", "the user name is taken", { field: "username" });
      }
      const row = newUserRow({ ...user, passwordHash, now: this.#context.clock.now() });
      await queries.insertInto("users").values(row).execute();
      return showUser(row);
    });
  }

  /** A new password ends the person's sessions but the one that is named. */
  async update(id: string, patch: UserPatch, keepSessionId?: string): Promise<User> {
    const passwordHash = patch.password === undefined ? undefined : await this.#context.passwords.hash(patch.password);
    const { user, ended, narrowed } = await this.#context.store.transaction(async (queries) => {
      const row = await getRow(queries, id);
      const changed = {
        ...row,
        role: patch.role ?? row.role,
        disabled: patch.disabled === undefined ? row.disabled : Number(patch.disabled),
        password_hash: passwordHash ?? row.password_hash,
      };
      await queries.updateTable("users").set(changed).where("id", "=", id).execute();
      await assertAdminLeft(queries);
      const narrowed = changed.role !== row.role || changed.disabled > row.disabled;
      const endsSessions = passwordHash !== undefined || changed.disabled === 1;
      const ended = endsSessions ? await endSessions(queries, id, keepSessionId) : [];
      return { user: showUser(changed), ended, narrowed };
    });
    for (const sessionId of ended) this.#context.revocations.publish({ kind: "session", id: sessionId });
    if (narrowed) this.#context.revocations.publish({ kind: "user", id });
    return user;
  }

  /** Sessions and tokens of the person go with it. */
  async remove(id: string): Promise<void> {
    await this.#context.store.transaction(async (queries) => {
      await getRow(queries, id);
      await queries.deleteFrom("users").where("id", "=", id).execute();
      await assertAdminLeft(queries);
    });
    this.#context.revocations.publish({ kind: "user", id });
  }

  async changePassword(id: string, change: { current: string; next: string }, keepSessionId: string): Promise<void> {
    const row = await getRow(this.#context.store.db, id);
    if (!(await this.#context.passwords.verify(row.password_hash, change.current))) {
      throw new MusterError("permission_denied", "the current password is wrong", { field: "current" });
    }
    await this.update(id, { password: change.next }, keepSessionId);
  }
}

/** The row of a person who is about to be stored. */
export function newUserRow(user: {
  readonly username: string;
  readonly role: Role;
  readonly passwordHash: string;
  readonly now: number;
}): UserRow {
  return {
    id: newId<UserId>(user.now),
    username: user.username,
    username_key: usernameKey(user.username),
    password_hash: user.passwordHash,
    role: user.role,
    disabled: 0,
    created_at: user.now,
    last_login_at: null,
  };
}

/** Names that differ in case only would be mistaken for each other. */
function usernameKey(username: string): string {
  return username.toLowerCase();
}

async function getRow(queries: Queries, id: string): Promise<UserRow> {
  const row = await queries.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst();
  if (!row) throw new MusterError("not_found", "there is no such user", { id });
  return row;
}

async function assertAdminLeft(queries: Queries): Promise<void> {
  const admin = queries.selectFrom("users").select("id").where("role", "=", "admin").where("disabled", "=", 0);
  if (await admin.executeTakeFirst()) return;
  throw new MusterError("failed_precondition", "the last admin must stay one", {});
}

async function endSessions(queries: Queries, userId: string, keepId: string | undefined): Promise<string[]> {
  let sessions = queries.deleteFrom("user_sessions").where("user_id", "=", userId);
  if (keepId !== undefined) sessions = sessions.where("id", "!=", keepId);
  const rows = await sessions.returning("id").execute();
  return rows.map((row) => row.id);
}

function showUser(row: UserRow): User {
  return {
    id: row.id,
    username: row.username,
    role: row.role as Role,
    disabled: row.disabled === 1,
    createdAt: toIso(row.created_at),
    lastLoginAt: row.last_login_at === null ? null : toIso(row.last_login_at),
  };
}
