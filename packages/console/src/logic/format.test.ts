import assert from "node:assert/strict";
import { test } from "node:test";
import { createFormat, shortId } from "./format.ts";

const en = createFormat("en");
const zh = createFormat("zh");
const plain = (text: string) => text.replaceAll("\u00a0", " ");

test("sizes are written in binary units with one digit where it tells something", () => {
  assert.equal(plain(en.bytes(1_288_490_189)), "1.2 GiB");
  assert.equal(plain(en.bytes(0)), "0 B");
  assert.equal(plain(en.bytes(1023)), "1,023 B");
  assert.equal(plain(en.bytes(1024)), "1 KiB");
  assert.equal(plain(en.bytes(1024 ** 2 - 1)), "1 MiB");
  assert.equal(plain(en.bytes(512 * 1024 ** 3)), "512 GiB");
  assert.equal(plain(en.rate(1536)), "1.5 KiB/s");
});

test("what was not measured is a dash and never a zero", () => {
  assert.equal(en.bytes(null), "–");
  assert.equal(en.percent(undefined), "–");
  assert.equal(en.rate(null), "–");
});

test("shares are written as per cent by the habit of the language", () => {
  assert.equal(plain(en.percent(0.453)), "45 %");
  assert.equal(zh.percent(0.453), "45%");
  assert.equal(plain(en.percent(0.0512, 1)), "5.1 %");
});

test("ages use the largest unit that is not zero", () => {
  const now = 1_000_000_000_000;
  assert.equal(plain(en.age(now - 12_000, now)), "12 s ago");
  assert.equal(plain(en.age(now - 200_000, now)), "3 min ago");
  assert.equal(plain(en.age(now - 2 * 3_600_000, now)), "2 h ago");
  assert.equal(plain(en.age(now - 86_400_000 * 3, now)), "3 days ago");
  assert.equal(plain(en.age(now + 90_000, now)), "in 1 min");
  assert.equal(zh.age(now - 200_000, now), "3分钟前");
});

test("durations name at most two units", () => {
  assert.equal(plain(en.duration(850)), "850 ms");
  assert.equal(plain(en.duration(12_000)), "12 s");
  assert.equal(plain(en.duration(200_000)), "3 min 20 s");
  assert.equal(plain(en.duration(4 * 86_400_000 + 3 * 3_600_000 + 59_000)), "4 d 3 h");
  assert.equal(plain(en.duration(3_600_000 + 5000)), "1 h");
});

test("a long id is told apart by its end", () => {
  assert.equal(shortId("0199aaaa-bbbb-7ccc-8ddd-eeeeffff0001"), "…ffff0001");
  assert.equal(shortId("short"), "short");
});
