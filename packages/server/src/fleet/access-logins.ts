import { MusterError, newId } from "@muster/core";
import type { Principal, Role } from "@muster/core/resources";
import type { AccessContext, Identity } from "./access.ts";
import { LoginLimiter } from "./access-limiter.ts";
import { hashSecret, newSessionSecret } from "./access-secrets.ts";
import type { UserRow, Users } from "./access-users.ts";
import type { Audit } from "./audit.ts";

/** A session ends after this long without a request, and this long after the login in any case. */
export const SESSION_LIMITS = { idleMs: 12 * 3_600_000, absoluteMs: 7 * 24 * 3_600_000, perUser: 50 } as const;
const TOUCH_EVERY_MS = 60_000;

/** What the browser gets. */
export interface LoginResult {
  readonly principal: Principal;
  readonly secret: string;
  readonly expiresAt: number;
}

/** People's logins: passwords in, sessions out. */
export class Logins {
  readonly #context: AccessContext;
  readonly #users: Users;
  readonly #audit: Audit;
  readonly #limiter: LoginLimiter;

  constructor(context: AccessContext, users: Users, audit: Audit) {
    this.#context = context;
    this.#users = users;
    this.#audit = audit;
    this.#limiter = new LoginLimiter(context.clock);
  }

  /**
   * The same answer, after the same time, for a wrong name, a wrong password and a disabled person. The log keeps the
   * name only when there is such a person: people type passwords into the wrong field.
   */
  login(credentials: { username: string; password: string }, address: string): Promise<LoginResult> {
    return this.#limiter.inTurn(address, () => this.#login(credentials, address));
  }

  async #login(credentials: { username: string; password: string }, address: string): Promise<LoginResult> {
    const username = credentials.username.toLowerCase();
    const user = await this.#users.findByName(username);
    const record = { actor: user?.username ?? "anonymous", address, action: "login" } as const;
    try {
      this.#limiter.check(username, address);
      const matches = await this.#context.passwords.verify(user?.password_hash, credentials.password);
      if (!user || !matches || user.disabled === 1) {
        this.#limiter.reportFailure(username, address);
        throw new MusterError("unauthenticated", "the user name or the password is wrong");
      }
      this.#limiter.reportSuccess(username, address);
      const result = await this.#open(user);
      await this.#audit.record({ ...record, outcome: "ok" });
      return result;
    } catch (error) {
      const reason = error instanceof MusterError ? error.code : "internal";
      await this.#audit.record({
        ...record,
        actor: "anonymous",
        target: user?.username ?? null,
        outcome: "refused",
        details: { reason },
      });
      throw error;
    }
  }

  /** Checks a password once more for something that needs it, with the same brake on guessing. */
  guard<Result>(username: string, address: string, work: () => Promise<Result>): Promise<Result> {
    return this.#limiter.inTurn(address, () => this.#guard(username, address, work));
  }

  async #guard<Result>(username: string, address: string, work: () => Promise<Result>): Promise<Result> {
    const key = username.toLowerCase();
    this.#limiter.check(key, address);
    try {
      return await work();
    } catch (error) {
      if (error instanceof MusterError && error.code === "permission_denied") {
        this.#limiter.reportFailure(key, address);
      }
      throw error;
    }
  }

  /** Who a cookie's secret stands for; undefined when it is unknown or has expired. `touch` keeps it from idling out. */
  async authenticate(secret: string, touch: boolean): Promise<Identity | undefined> {
    const now = this.#context.clock.now();
    const row = await this.#context.store.db
      .selectFrom("user_sessions")
      .innerJoin("users", "users.id", "user_sessions.user_id")
      .select(["user_sessions.id as sessionId", "users.id as userId", "users.username", "users.role"])
      .select(["user_sessions.used_at as usedAt", "user_sessions.expires_at as expiresAt"])
      .where("user_sessions.secret_hash", "=", hashSecret(secret))
      .where("users.disabled", "=", 0)
      .executeTakeFirst();
    if (!row || row.expiresAt <= now || row.usedAt + SESSION_LIMITS.idleMs <= now) return undefined;
    if (touch && now - row.usedAt >= TOUCH_EVERY_MS) await this.#touch(row.sessionId, now);
    const principal: Principal = { kind: "user", id: row.userId, name: row.username, role: row.role as Role };
    return { principal, credential: { kind: "session", id: row.sessionId }, ownerId: row.userId };
  }

  async logout(sessionId: string): Promise<void> {
    await this.#context.store.db.deleteFrom("user_sessions").where("id", "=", sessionId).execute();
    this.#context.revocations.publish({ kind: "session", id: sessionId });
  }

  /** Forgets sessions that have ended by themselves. */
  async sweep(): Promise<void> {
    const now = this.#context.clock.now();
    await this.#context.store.db
      .deleteFrom("user_sessions")
      .where((where) => where.or([where("expires_at", "<=", now), where("used_at", "<=", now - SESSION_LIMITS.idleMs)]))
      .execute();
  }

  async #open(user: UserRow): Promise<LoginResult> {
    const now = this.#context.clock.now();
    const secret = newSessionSecret();
    const expiresAt = now + SESSION_LIMITS.absoluteMs;
    await this.#context.store.transaction(async (queries) => {
      await queries.updateTable("users").set({ last_login_at: now }).where("id", "=", user.id).execute();
      const kept = queries
        .selectFrom("user_sessions")
        .select("id")
        .where("user_id", "=", user.id)
        .orderBy("id", "desc")
        .limit(SESSION_LIMITS.perUser - 1);
      await queries.deleteFrom("user_sessions").where("user_id", "=", user.id).where("id", "not in", kept).execute();
      const session = { secret_hash: hashSecret(secret), id: newId<string>(now), user_id: user.id };
      await queries
        .insertInto("user_sessions")
        .values({ ...session, created_at: now, used_at: now, expires_at: expiresAt })
        .execute();
    });
    return {
      principal: { kind: "user", id: user.id, name: user.username, role: user.role as Role },
      secret,
      expiresAt,
    };
  }

  async #touch(sessionId: string, now: number): Promise<void> {
    await this.#context.store.db
      .updateTable("user_sessions")
      .set({ used_at: now })
      .where("id", "=", sessionId)
      .execute();
  }
}
