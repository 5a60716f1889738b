import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MusterError, type TokenId } from "@muster/core";
import { ManualClock, type Scope } from "@muster/testing";
import { databaseAway } from "../store/away.ts";
import { describeStores, type TestStores } from "../store/stores-for-test.ts";
import { Access } from "./access.ts";
import { LoginLimiter } from "./access-limiter.ts";
import type { Revocation } from "./access-revocations.ts";
import { ACCESS_RULES, authorize, includesRole, lesserRole, strongestRole } from "./access-rules.ts";

const PASSWORD = "correct horse battery";
const HOUR_MS = 3_600_000;

async function openAccessOf(stores: TestStores, scope: Scope, options: { allowDefaultToken?: boolean }) {
  const clock = new ManualClock();
  const store = await stores.open();
  const access = await Access.open({ store, clock, ...options });
  scope.after(async () => {
    await access.close();
    await store.close();
  });
  return { access, clock, store };
}

function hasStatus(code: string) {
  return (error: unknown) => error instanceof MusterError && error.code === code;
}

describeStores("access", (stores) => {
  const openAccess = (scope: Scope, options: { allowDefaultToken?: boolean } = {}) =>
    openAccessOf(stores, scope, options);

  describe("first start", () => {
    test("creates an admin and two tokens once, with what the operator chose", async (context) => {
      const { access } = await openAccess(context);
      const chosen = { adminPassword: PASSWORD, apiToken: `mst_${"a".repeat(64)}` };
      const first = await access.prepareFirstRun(chosen);
      assert.equal(first?.username, "admin");
      assert.equal(first?.password, PASSWORD);
      assert.match(first?.enrollmentToken ?? "", /^tkn_[0-9a-f]{32}$/);
      assert.deepEqual(first?.generated, ["enrollmentToken"]);
      assert.equal(await access.prepareFirstRun({ adminPassword: "something else" }), undefined);
      const program = await access.authenticate({ bearer: chosen.apiToken });
      assert.equal(program?.principal.role, "admin");
      assert.equal(
        (await access.logins.login({ username: "Admin", password: PASSWORD }, "::1")).principal.role,
        "admin",
      );
    });

    test("everything is random when nothing was chosen", async (context) => {
      const { access } = await openAccess(context);
      const first = await access.prepareFirstRun({});
      assert.deepEqual(first?.generated, ["password", "enrollmentToken", "apiToken"]);
      assert.equal(first?.password.length, 20);
    });
  });

  test("while the store is away its last word on a token counts for minutes, unless the token is revoked", async (context) => {
    const { access, clock, store } = await openAccess(context);
    const by = { name: "admin", ownerId: null };
    const create = async (name: string, expiresAt?: string) => {
      const more = expiresAt === undefined ? {} : { expiresAt };
      const { id, token } = await access.tokens.create({ name, scopes: ["viewer"], ...more }, by);
      assert.equal((await access.authenticate({ bearer: token }))?.principal.id, id);
      return { id, token };
    };
    const [kept, revoked] = [await create("kept"), await create("revoked")];
    const short = await create("short", new Date(clock.now() + 30_000).toISOString());
    const isAway = hasStatus("unavailable");
    const away = context.mock.method(store.db, "selectFrom", () => {
      throw databaseAway(undefined);
    });
    // what another process says over the bus
    access.revocations.publish({ kind: "token", id: revoked.id });
    clock.advance(60_000);
    assert.equal((await access.authenticate({ bearer: kept.token }))?.principal.id, kept.id);
    await assert.rejects(access.authenticate({ bearer: revoked.token }), isAway);
    await assert.rejects(access.authenticate({ bearer: short.token }), isAway, "it has expired meanwhile");
    clock.advance(5 * 60_000);
    await assert.rejects(access.authenticate({ bearer: kept.token }), isAway, "that was long ago");
    away.mock.restore();
    assert.equal((await access.authenticate({ bearer: kept.token }))?.principal.id, kept.id);
  });

  describe("sessions", () => {
    test("end when they idle, and in any case after a week", async (context) => {
      const { access, clock } = await openAccess(context);
      await access.prepareFirstRun({ adminPassword: PASSWORD });
      const login = () => access.logins.login({ username: "admin", password: PASSWORD }, "127.0.0.1");
      const lives = async (secret: string) => (await access.authenticate({ cookie: secret })) !== undefined;
      const idle = await login();
      clock.advance(12 * HOUR_MS);
      assert.equal(await lives(idle.secret), false);
      const busy = await login();
      for (let hour = 0; hour < 7 * 24; hour += 6) {
        assert.equal(await lives(busy.secret), true, `after ${hour} hours`);
        clock.advance(6 * HOUR_MS);
      }
      assert.equal(await lives(busy.secret), false);
      await access.sweep();
    });

    test("looking without being active does not keep one alive", async (context) => {
      const { access, clock } = await openAccess(context);
      await access.prepareFirstRun({ adminPassword: PASSWORD });
      const { secret } = await access.logins.login({ username: "admin", password: PASSWORD }, "127.0.0.1");
      for (let hour = 0; hour < 12; hour += 6) {
        assert.ok(await access.authenticate({ cookie: secret }, false));
        clock.advance(6 * HOUR_MS);
      }
      assert.equal(await access.authenticate({ cookie: secret }, false), undefined);
    });

    test("a wrong header is not made good by a cookie", async (context) => {
      const { access } = await openAccess(context);
      await access.prepareFirstRun({ adminPassword: PASSWORD });
      const { secret } = await access.logins.login({ username: "admin", password: PASSWORD }, "127.0.0.1");
      assert.equal(await access.authenticate({ bearer: "mst_wrong", cookie: secret }), undefined);
      assert.equal(await access.authenticate({ bearer: "", cookie: secret }), undefined);
    });
  });

  describe("tokens", () => {
    test("end at their expiry, which cannot lie in the past", async (context) => {
      const { access, clock } = await openAccess(context);
      const by = { name: "test", ownerId: null };
      const expiresAt = new Date(clock.now() + HOUR_MS).toISOString();
      const { token } = await access.tokens.create({ name: "ci", scopes: ["operator"], expiresAt }, by);
      assert.equal((await access.authenticate({ bearer: token }))?.principal.role, "operator");
      clock.advance(HOUR_MS);
      assert.equal(await access.authenticate({ bearer: token }), undefined);
      await assert.rejects(access.tokens.create({ name: "ci", scopes: ["viewer"], expiresAt }, by));
    });

    test("show when they were last used, written at most once a minute", async (context) => {
      const { access, clock } = await openAccess(context);
      const { id, token } = await access.tokens.create(
        { name: "ci", scopes: ["viewer"] },
        { name: "t", ownerId: null },
      );
      const firstUse = clock.now();
      await access.authenticate({ bearer: token });
      clock.advance(59_000);
      await access.authenticate({ bearer: token });
      assert.equal(Date.parse((await access.tokens.get(id)).lastUsedAt ?? ""), firstUse);
      clock.advance(1000);
      await access.authenticate({ bearer: token });
      assert.equal(Date.parse((await access.tokens.get(id)).lastUsedAt ?? ""), firstUse + 60_000);
    });

    test("enrolment is checked in memory, ends at its expiry and when it is revoked", async (context) => {
      const { access, clock } = await openAccess(context);
      const told: Revocation[] = [];
      access.revocations.subscribe((revocation) => told.push(revocation));
      const expiresAt = new Date(clock.now() + HOUR_MS).toISOString();
      const brief = await access.enrollment.create({ name: "brief", expiresAt }, "test");
      const lasting = await access.enrollment.create({ name: "lasting" }, "test");
      assert.equal(access.checkEnrollment(brief.token), brief.id);
      assert.equal(access.checkEnrollment(`${brief.token}0`), undefined);
      clock.advance(HOUR_MS);
      assert.equal(access.checkEnrollment(brief.token), undefined);
      assert.equal(access.checkEnrollment(lasting.token), lasting.id);
      const isGood = (id: string) => access.isEnrollmentGood(id as TokenId);
      assert.deepEqual([isGood(brief.id), isGood(lasting.id)], [false, true]);
      await access.enrollment.flush();
      assert.notEqual((await access.enrollment.get(lasting.id)).lastUsedAt, null);
      await access.enrollment.remove(lasting.id);
      assert.equal(access.checkEnrollment(lasting.token), undefined);
      assert.equal(isGood(lasting.id), false);
      assert.deepEqual(told, [{ kind: "enrollment", id: lasting.id }]);
    });

    test("are still good in the next process, but a local one is not", async (context) => {
      const { access, clock, store } = await openAccess(context);
      const { id, token } = await access.enrollment.create({ name: "kept" }, "test");
      const local = access.enrollment.createLocal();
      assert.ok(access.checkEnrollment(local));
      const next = await Access.open({ store, clock });
      assert.equal(next.checkEnrollment(token), id);
      assert.equal(next.checkEnrollment(local), undefined);
      await next.close();
    });

    test("the published default-token lets nobody in unless the operator says so", async (context) => {
      const strict = await openAccess(context);
      assert.equal(strict.access.checkEnrollment("default-token"), undefined);
      const lax = await openAccess(context, { allowDefaultToken: true });
      assert.ok(lax.access.checkEnrollment("default-token"));
    });
  });

  describe("audit", () => {
    test("what is recorded at once is stored together, and what cannot be stored fails alone", async (context) => {
      const { access, store } = await openAccess(context);
      const { mock } = context.mock.method(store.db, "insertInto");
      const record = (action: string) =>
        access.audit.record({ actor: "adam", address: null, action, outcome: "ok", details: { action } });
      await record("alone");
      await Promise.all(Array.from({ length: 100 }, (_, index) => record(`do.${index}`)));
      assert.ok(mock.callCount() <= 3, `${mock.callCount()} statements`);
      const listed = (await access.audit.list({ limit: 1000 })).items.map(({ action }) => action);
      assert.deepEqual(
        new Set(listed),
        new Set(["alone", ...Array.from({ length: 100 }, (_, index) => `do.${index}`)]),
      );
      const nothing = null as unknown as string; // the column takes no such value
      const ends = await Promise.allSettled(["one", nothing, "three"].map(record));
      assert.deepEqual(
        ends.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled"],
      );
      assert.equal((await access.audit.list({ limit: 1000 })).items.length, 103);
    });

    test("a flood of refusals is cut short and counted", async (context) => {
      const { access, clock } = await openAccess(context);
      const refuse = () => access.audit.record({ actor: "anonymous", address: null, action: "x", outcome: "refused" });
      for (let count = 0; count < 150; count++) await refuse();
      assert.equal((await access.audit.list({ limit: 1000 })).items.length, 120);
      clock.advance(60_000);
      await refuse();
      const [suppressed] = (await access.audit.list({ limit: 10, action: "audit.suppressed" })).items;
      assert.deepEqual(suppressed?.details, { suppressed: 30 });
    });

    test("pages go back in time, by actor and by action", async (context) => {
      const { access, clock } = await openAccess(context);
      for (let count = 0; count < 5; count++) {
        clock.advance(1000);
        const actor = count % 2 === 0 ? "eve" : "adam";
        await access.audit.record({ actor, address: "::1", action: `do.${count}`, outcome: "ok", details: { count } });
      }
      const first = await access.audit.list({ limit: 3 });
      assert.deepEqual(
        first.items.map((entry) => entry.action),
        ["do.4", "do.3", "do.2"],
      );
      const second = await access.audit.list({ limit: 3, cursor: first.nextCursor ?? "" });
      assert.deepEqual(
        second.items.map((entry) => entry.action),
        ["do.1", "do.0"],
      );
      assert.equal(second.nextCursor, null);
      assert.equal((await access.audit.list({ limit: 10, actor: "adam" })).items.length, 2);
      assert.equal(await access.audit.prune(clock.now()), 4);
    });
  });
});

describe("rights", () => {
  test("nobody may do anything, and an enrolment token only fetches the installer", () => {
    const enrollment = { kind: "enrollment", id: "e", name: "e", role: null } as const;
    for (const action of Object.keys(ACCESS_RULES) as (keyof typeof ACCESS_RULES)[]) {
      assert.throws(() => authorize(undefined, action), hasStatus("unauthenticated"));
      if (action !== "install.read") assert.throws(() => authorize(enrollment, action), hasStatus("permission_denied"));
    }
    assert.equal(authorize(enrollment, "install.read"), enrollment);
  });

  test("no role is less than any role, and no scopes give no role", () => {
    assert.equal(includesRole(null, "viewer"), false);
    assert.equal(strongestRole([]), null);
    assert.equal(strongestRole(["viewer", "admin", "operator"]), "admin");
    assert.equal(lesserRole("admin", null), null);
    assert.equal(lesserRole("admin", "viewer"), "viewer");
  });

  test("a program cannot change a password", () => {
    const token = { kind: "token", id: "t", name: "t", role: "admin" } as const;
    assert.throws(() => authorize(token, "self.password"), hasStatus("permission_denied"));
  });
});

describe("login limiter", () => {
  test("pauses grow with every failure and are forgotten after a success", () => {
    const clock = new ManualClock();
    const limiter = new LoginLimiter(clock);
    const waitOf = (username: string, address: string): number => {
      try {
        limiter.check(username, address);
        return 0;
      } catch (error) {
        return error instanceof MusterError ? Number(error.details.retryAfterMs) : Number.NaN;
      }
    };
    const pauses: number[] = [];
    for (let count = 0; count < 16; count++) {
      limiter.reportFailure("admin", "203.0.113.1");
      const wait = waitOf("someone", "203.0.113.1");
      pauses.push(wait);
      clock.advance(wait);
    }
    assert.deepEqual(pauses.slice(0, 8), [0, 0, 0, 0, 1000, 2000, 4000, 8000]);
    assert.equal(Math.max(...pauses), 15 * 60_000);
    limiter.reportSuccess("admin", "203.0.113.1");
    assert.equal(waitOf("admin", "203.0.113.1"), 0);
  });

  test("a name is held up for half a minute at most, and never where its owner logged in before", () => {
    const clock = new ManualClock();
    const limiter = new LoginLimiter(clock);
    limiter.reportSuccess("admin", "198.51.100.7");
    for (let count = 0; count < 40; count++) limiter.reportFailure("admin", `203.0.113.${count}`);
    assert.throws(() => limiter.check("admin", "192.0.2.1"), hasStatus("resource_exhausted"));
    assert.doesNotThrow(() => limiter.check("admin", "198.51.100.7"));
    clock.advance(30_000);
    assert.doesNotThrow(() => limiter.check("admin", "192.0.2.1"));
  });

  test("all addresses of one IPv6 network count as one", () => {
    const limiter = new LoginLimiter(new ManualClock());
    for (let count = 1; count <= 5; count++) limiter.reportFailure(`user${count}`, `2001:db8:1:2::${count}`);
    assert.throws(() => limiter.check("other", "2001:db8:1:2:ffff::1"), hasStatus("resource_exhausted"));
    assert.doesNotThrow(() => limiter.check("other", "2001:db8:1:3::1"));
  });
});
