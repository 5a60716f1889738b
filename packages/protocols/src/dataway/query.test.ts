import assert from "node:assert/strict";
import { test } from "node:test";
import { buildConnectionQuery, clampHeartbeat, parseConnectionQuery } from "./index.ts";

const RECORDED =
  "id=dkid_bt6um9bksvvesmk79370&version=1.1.0&os=linux&arch=amd64&token=tkn_0123&heartbeatconf=30s&hostname=h1&ip=10.0.0.5";
const SELF = {
  id: "dkid_bt6um9bksvvesmk79370",
  version: "1.1.0",
  os: "linux",
  arch: "amd64",
  token: "tkn_0123",
  heartbeatMs: 30_000,
  hostname: "h1",
  ip: "10.0.0.5",
};

test("a query is read and written as DataKits concatenate it", () => {
  assert.deepEqual(parseConnectionQuery(RECORDED), SELF);
  assert.equal(buildConnectionQuery(SELF), RECORDED);
  const first = { ...SELF, heartbeatMs: undefined, hostname: undefined, ip: undefined };
  const [short = ""] = RECORDED.split("&heartbeatconf");
  assert.equal(buildConnectionQuery(first), short, "the first DataKits sent five");
  assert.deepEqual(parseConnectionQuery(`?${short}`), first);
});

test("values that nobody escaped are read whole", () => {
  const read = parseConnectionQuery("id=a&token=t&hostname=Bob & Sons=PC&x=1&ip=::1");
  assert.deepEqual([read.hostname, read.ip], ["Bob & Sons=PC&x=1", "::1"]);
  assert.equal(parseConnectionQuery("hostname=100%&id=b").hostname, "100%");
  assert.equal(parseConnectionQuery("hostname=a%20b&id=b").hostname, "a b");
  assert.deepEqual(parseConnectionQuery("uuid=u&TOKEN=t").id, "u");
  assert.equal(parseConnectionQuery("id=a&id=b").id, "a");
  assert.equal(parseConnectionQuery("id=&uuid=u").id, "u");
  assert.equal(parseConnectionQuery("").id, undefined);
});

test("what we concatenate can be sent and comes back", () => {
  for (const hostname of ["Bob & Sons PC", "办公室", "a#b%20", "x\ny", "\ud800"]) {
    const query = buildConnectionQuery({ ...SELF, hostname });
    assert.match(query, /^[!-"$-~]*$/);
    assert.equal(parseConnectionQuery(query).hostname, hostname.toWellFormed());
    assert.equal(parseConnectionQuery(query).ip, SELF.ip);
  }
});

test("an announced interval is a Go duration within bounds", () => {
  const cases: readonly [string | undefined, number | undefined][] = [
    ["30s", 30_000],
    ["1m30s", 90_000],
    ["1s", 30_000],
    ["2h", 300_000],
    ["1.5m", 90_000],
    ["", undefined],
    ["30", undefined],
    ["-30s", undefined],
    [undefined, undefined],
    ["9".repeat(40), undefined],
  ];
  for (const [text, expected] of cases) assert.equal(clampHeartbeat(text), expected, String(text));
});

test("a long query is read soon", () => {
  const started = performance.now();
  parseConnectionQuery("&id=".repeat(200_000));
  parseConnectionQuery(`hostname=${"%".repeat(500_000)}`);
  assert.ok(performance.now() - started < 2000);
});
