import { type Clock, MusterError, type TokenId } from "@muster/core";
import type { Principal } from "@muster/core/resources";
import type { Store } from "../store/store.ts";
import { EnrollmentTokens } from "./access-enrollment.ts";
import { type FirstRun, type FirstRunSecrets, prepareFirstRun } from "./access-first-run.ts";
import { Logins } from "./access-logins.ts";
import { Passwords } from "./access-passwords.ts";
import { Revocations } from "./access-revocations.ts";
import { ApiTokens } from "./access-tokens.ts";
import { Users } from "./access-users.ts";
import { Audit } from "./audit.ts";

/** What the parts of access control share. */
export interface AccessContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly revocations: Revocations;
}

/** Somebody who has proved who they are, and with what. */
export interface Identity {
  readonly principal: Principal;
  readonly credential: { readonly kind: "session" | "token" | "enrollment"; readonly id: string };
  /** The person behind it; null for tokens that no person owns. */
  readonly ownerId: string | null;
}

/** What a request may carry. A header outweighs a cookie, so that a program is never mistaken for a browser. */
export interface Credentials {
  readonly bearer?: string | undefined;
  readonly cookie?: string | undefined;
}

const AUDIT_KEPT_MS = 400 * 24 * 3_600_000;
const FLUSH_EVERY_MS = 30_000;
const SWEEP_EVERY_MS = 3_600_000;

/** Who may come in: people, programs and agents. The rights themselves are in access-rules.ts. */
export class Access {
  readonly users: Users;
  readonly logins: Logins;
  readonly tokens: ApiTokens;
  readonly enrollment: EnrollmentTokens;
  readonly audit: Audit;
  readonly revocations: Revocations;
  readonly #context: AccessContext;
  readonly #timers: (() => void)[] = [];

  private constructor(context: AccessContext) {
    this.#context = context;
    this.revocations = context.revocations;
    this.users = new Users(context);
    this.audit = new Audit(context);
    this.logins = new Logins(context, this.users, this.audit);
    this.tokens = new ApiTokens(context);
    this.enrollment = new EnrollmentTokens(context);
  }

  /** The store's tables must exist. `onFailure` is told when work in the background failed. */
  static async open(options: {
    readonly store: Store;
    readonly clock: Clock;
    readonly allowDefaultToken?: boolean;
    readonly onFailure?: (error: unknown) => void;
  }): Promise<Access> {
    const { store, clock } = options;
    const access = new Access({ store, clock, passwords: new Passwords(), revocations: new Revocations() });
    await access.enrollment.load();
    if (options.allowDefaultToken === true) access.enrollment.allowDefaultToken();
    const report = options.onFailure ?? (() => undefined);
    access.#timers.push(clock.every(FLUSH_EVERY_MS, () => void access.enrollment.flush().catch(report)));
    access.#timers.push(clock.every(SWEEP_EVERY_MS, () => void access.sweep().catch(report)));
    return access;
  }

  /** Creates the first admin and the first tokens when there is nobody yet; undefined on every later start. */
  prepareFirstRun(secrets: FirstRunSecrets): Promise<FirstRun | undefined> {
    return prepareFirstRun(this.#context, this.enrollment, secrets);
  }

  /** Who is calling; undefined for nobody. A bad header is not made good by a cookie. `touch`: the caller is active. */
  async authenticate(credentials: Credentials, touch = true): Promise<Identity | undefined> {
    if (credentials.bearer !== undefined) return this.#authenticateBearer(credentials.bearer);
    if (credentials.cookie !== undefined) return this.logins.authenticate(credentials.cookie, touch);
    return undefined;
  }

  /** The id of an enrolment token that lets an agent in now. Never waits. */
  checkEnrollment(secret: string): TokenId | undefined {
    return this.enrollment.check(secret);
  }

  /** Whether an enrolment token that was good still is. */
  isEnrollmentGood(id: TokenId): boolean {
    return this.enrollment.isGood(id);
  }

  /** Lets a person back in whose password is lost. Only the operator of the machine can call this. */
  async resetPassword(username: string, password: string): Promise<void> {
    const user = await this.users.findByName(username);
    if (!user) throw new MusterError("not_found", "there is no such user", { username });
    await this.users.update(user.id, { password, disabled: false });
    const target = `user:${user.username}`;
    await this.audit.record({ actor: "server", address: null, action: "users.reset_password", target, outcome: "ok" });
  }

  async sweep(): Promise<void> {
    await this.logins.sweep();
    await this.audit.prune(this.#context.clock.now() - AUDIT_KEPT_MS);
  }

  async close(): Promise<void> {
    for (const cancel of this.#timers.splice(0)) cancel();
    await this.audit.settle();
    await this.enrollment.flush();
  }

  async #authenticateBearer(secret: string): Promise<Identity | undefined> {
    const token = await this.tokens.authenticate(secret);
    if (token) return token;
    const enrollment = this.enrollment.find(secret);
    if (!enrollment) return undefined;
    const principal: Principal = { kind: "enrollment", id: enrollment.id, name: enrollment.name, role: null };
    return { principal, credential: { kind: "enrollment", id: enrollment.id }, ownerId: null };
  }
}
