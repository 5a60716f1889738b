import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AddressRanges, findSource, isLoopback, parseRange } from "./address.ts";
import { type DoorPolicy, refuseVisit } from "./door-policy.ts";
import { isAddressHost, OwnOrigins } from "./origins.ts";

describe("addresses", () => {
  test("ranges hold IPv4, IPv6 and IPv4 that came through an IPv6 socket", () => {
    const ranges = new AddressRanges(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);
    for (const inside of ["10.255.0.1", "192.0.2.7", "::ffff:10.1.2.3", "2001:db8:1::1", "2001:DB8::2"]) {
      assert.ok(ranges.has(inside), inside);
    }
    for (const outside of ["11.0.0.1", "192.0.2.8", "::1", "2001:db9::1", "", "nonsense", "10.0.0.0/8"]) {
      assert.ok(!ranges.has(outside), outside);
    }
    assert.ok(!new AddressRanges([]).has("127.0.0.1"));
  });

  test("what is no range is refused", () => {
    for (const text of [
      "10.0.0.0/33",
      "::/129",
      "10.0.0",
      "a.example",
      "10.0.0.0/8/8",
      "10.0.0.0/x",
      "",
      "fe80::1%eth0",
    ]) {
      assert.equal(parseRange(text), undefined, text);
    }
  });

  test("loopback is all of 127/8 and ::1, however it is written", () => {
    for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
      assert.ok(isLoopback(address), address);
    for (const address of ["128.0.0.1", "::2", "0.0.0.0", "localhost"]) assert.ok(!isLoopback(address), address);
  });

  test("without a declared proxy the socket's address counts, whatever is claimed", () => {
    const none = new AddressRanges([]);
    const headers = { "x-forwarded-for": "127.0.0.1", forwarded: "for=127.0.0.1" };
    assert.deepEqual(findSource("203.0.113.5", headers, none), { address: "203.0.113.5", viaTrustedProxy: false });
  });

  test("behind declared proxies the last hop that is none of them counts", () => {
    const proxies = new AddressRanges(["10.0.0.0/8"]);
    const from = (headers: Record<string, string | string[]>) => findSource("10.0.0.1", headers, proxies).address;
    assert.equal(from({ "x-forwarded-for": "127.0.0.1, 203.0.113.9, 10.0.0.2" }), "203.0.113.9");
    assert.equal(from({ "x-forwarded-for": ["127.0.0.1", "203.0.113.9:4711"] }), "203.0.113.9");
    assert.equal(from({ forwarded: 'for=127.0.0.1, for="[2001:db8::9]:80";proto=https' }), "2001:db8::9");
    assert.equal(from({ "x-forwarded-for": "127.0.0.1, unknown, 10.0.0.2" }), "10.0.0.2");
    assert.equal(from({ "x-forwarded-for": "127.0.0.1, _hidden" }), "10.0.0.1");
    assert.equal(from({}), "10.0.0.1");
  });
});

describe("own origins", () => {
  const own = (options: { host?: string; port?: number; secure?: boolean; publicUrl?: string } = {}) => {
    const origins = new OwnOrigins({ publicUrl: options.publicUrl, monotonic: () => 0 });
    origins.add({ host: options.host ?? "127.0.0.1", port: options.port ?? 9999, secure: options.secure ?? false });
    return origins;
  };

  test("the names of loopback, with the port, and nothing like them", () => {
    const origins = own();
    for (const origin of ["http://localhost:9999", "http://127.0.0.1:9999", "http://[::1]:9999"]) {
      assert.ok(origins.isOwnOrigin(origin), origin);
    }
    for (const origin of [
      "null",
      "",
      "http://localhost",
      "http://localhost:9998",
      "https://localhost:9999",
      "http://localhost:9999/",
      "http://localhost:9999.evil.example",
      "http://evil.example:9999",
    ]) {
      assert.ok(!origins.isOwnOrigin(origin), origin);
    }
  });

  test("the scheme's own port may be left out, as browsers do", () => {
    const origins = own({ port: 443, secure: true });
    assert.ok(origins.isOwnOrigin("https://localhost"));
    assert.ok(origins.isOwnHost("localhost") && origins.isOwnHost("LOCALHOST:443"));
    assert.ok(!origins.isOwnHost("localhost:80"));
  });

  test("the public URL is one of them and starts every copied line", () => {
    const origins = own({ publicUrl: "https://muster.example/" });
    assert.ok(origins.isOwnOrigin("https://muster.example"));
    assert.ok(origins.isOwnHost("muster.example"));
    assert.equal(origins.baseUrl, "https://muster.example");
    assert.equal(own({ host: "::1" }).baseUrl, "http://[::1]:9999");
  });

  test("a host that is an address or localhost needs no name service", () => {
    for (const host of ["127.0.0.1:9999", "10.0.0.1", "[::1]:9999", "[::1]", "localhost", "LOCALHOST:80"]) {
      assert.ok(isAddressHost(host), host);
    }
    for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "0x7f.1"]) {
      assert.ok(!isAddressHost(host), host);
    }
  });
});

describe("door rules", () => {
  const loopback: DoorPolicy = { kind: "loopback" };
  const ranges: DoorPolicy = { kind: "ranges", ranges: new AddressRanges(["10.0.0.0/8"]) };
  const visit = (address: string, headers: Record<string, string> = {}, viaTrustedProxy = false) => ({
    source: { address, viaTrustedProxy },
    headers: { host: "127.0.0.1:9999", ...headers },
    isOwnOrigin: (origin: string) => origin === "http://127.0.0.1:9999",
  });
  const statusOf = (policy: DoorPolicy, one: ReturnType<typeof visit>, origins?: ReadonlySet<string>) =>
    refuseVisit(policy, one, origins)?.status;

  test("a closed door is not there", () => {
    assert.equal(statusOf({ kind: "off" }, visit("127.0.0.1")), 404);
  });

  test("a door with tokens takes any address and origin, unless the operator narrows origins", () => {
    const foreign = visit("203.0.113.1", { origin: "https://a.example", "x-forwarded-for": "1.2.3.4" });
    assert.equal(statusOf({ kind: "token" }, foreign), undefined);
    assert.equal(statusOf({ kind: "token" }, foreign, new Set(["https://a.example"])), undefined);
    assert.equal(statusOf({ kind: "token" }, foreign, new Set(["https://b.example"])), 403);
    assert.equal(statusOf({ kind: "token" }, visit("203.0.113.1"), new Set(["https://b.example"])), undefined);
  });

  test("a door without authentication is open to its addresses only", () => {
    assert.equal(statusOf(loopback, visit("127.0.0.1")), undefined);
    assert.equal(statusOf(loopback, visit("203.0.113.1")), 403);
    assert.equal(statusOf(ranges, visit("10.1.2.3")), undefined);
    assert.equal(statusOf(ranges, visit("127.0.0.1")), 403);
  });

  test("nor may a foreign page use it, even in a browser on this machine", () => {
    assert.equal(statusOf(loopback, visit("127.0.0.1", { origin: "https://evil.example" })), 403);
    assert.equal(statusOf(loopback, visit("127.0.0.1", { origin: "null" })), 403);
    assert.equal(statusOf(loopback, visit("127.0.0.1", { origin: "http://127.0.0.1:9999" })), undefined);
    for (const site of ["cross-site", "same-site"]) {
      assert.equal(statusOf(loopback, visit("127.0.0.1", { "sec-fetch-site": site })), 403, site);
    }
    assert.equal(statusOf(loopback, visit("127.0.0.1", { "sec-fetch-site": "none" })), undefined);
  });

  test("nor somebody behind a proxy that nobody declared", () => {
    for (const name of ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "via"]) {
      assert.equal(statusOf(loopback, visit("127.0.0.1", { [name]: "127.0.0.1" })), 403, name);
    }
    assert.equal(statusOf(loopback, visit("127.0.0.1", { "x-forwarded-for": "127.0.0.1" }, true)), undefined);
    assert.equal(statusOf(loopback, visit("203.0.113.1", { "x-forwarded-for": "203.0.113.1" }, true)), 403);
  });

  test("nor somebody of whom a declared proxy does not say who it is", () => {
    const proxies = new AddressRanges(["127.0.0.1"]);
    const statusFor = (headers: Record<string, string>) =>
      statusOf(loopback, { ...visit("", headers), source: findSource("127.0.0.1", headers, proxies) });
    for (const value of ["unknown", "203.0.113.9, _hidden", ""]) {
      assert.equal(statusFor({ "x-forwarded-for": value }), 403, value);
    }
    assert.equal(statusFor({ "x-real-ip": "203.0.113.9" }), 403);
    assert.equal(statusFor({ "x-forwarded-for": "127.0.0.1" }), undefined);
    assert.equal(statusFor({}), undefined);
  });

  test("nor somebody who reached it by a name", () => {
    assert.equal(statusOf(loopback, visit("127.0.0.1", { host: "rebound.example" })), 403);
    assert.equal(statusOf(ranges, visit("10.1.2.3", { host: "muster.internal:9999" })), 403);
    assert.equal(statusOf(ranges, visit("10.1.2.3", { host: "10.0.0.1:9999" })), undefined);
  });
});
