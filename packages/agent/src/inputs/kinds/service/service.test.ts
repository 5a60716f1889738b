import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@muster/core";
import { ManualClock, settle } from "@muster/testing";
import * as z from "zod/mini";
import { options, text, texts } from "../shared/options.ts";
import { withDeadline } from "./deadline.ts";
import { parseEndpoint, shownAddress } from "./endpoint.ts";
import { describeFailure, ServiceTrouble } from "./failure.ts";
import { keepConnection } from "./kept-connection.ts";
import { readNumeric } from "./numbers.ts";
import { withSynonyms } from "./synonyms.ts";
import { forEachFew, joinTroubles } from "./targets.ts";

const failure = (code: string, message = "") => Object.assign(new Error(message), { code });
const never = new AbortController().signal;

test("failures become words with the place, whatever they are wrapped in", () => {
  const place = "127.0.0.1:6379";
  assert.equal(describeFailure(failure("ECONNREFUSED"), place), "connection refused at 127.0.0.1:6379");
  const wrapped = new Error("fetch failed", { cause: new AggregateError([failure("EHOSTUNREACH")]) });
  assert.equal(describeFailure(wrapped, place), "no route to 127.0.0.1:6379");
  const certificate = "the certificate of a:443 has expired";
  assert.equal(describeFailure(failure("CERT_HAS_EXPIRED"), "a:443"), certificate);
  assert.equal(describeFailure(new ServiceTrouble("as it is"), place), "as it is");
  assert.equal(describeFailure(new Error("first\nsecond"), place), "127.0.0.1:6379: first");
  assert.equal(describeFailure("thrown text", place), "127.0.0.1:6379: thrown text");
});

test("secrets are cut out of what libraries say, also as addresses write them", () => {
  const error = new Error("login redis://me:p%40ss%20word@h and p@ss word failed");
  assert.equal(describeFailure(error, "h", ["p@ss word", ""]), "h: login redis://me:********@h and ******** failed");
});

test("places: hosts with ports, IPv6 in brackets, default ports, and nothing else", () => {
  assert.deepEqual(parseEndpoint("a.example:80"), { host: "a.example", port: 80 });
  assert.deepEqual(parseEndpoint("[::1]:53"), { host: "::1", port: 53 });
  assert.deepEqual(parseEndpoint("::1", 53), { host: "::1", port: 53 });
  assert.deepEqual(parseEndpoint("10.0.0.1", 53), { host: "10.0.0.1", port: 53 });
  for (const wrong of ["", "a", "a:0", "a:70000", "a b:1", "http://a:1", "user@a:1", ":80"]) {
    assert.equal(parseEndpoint(wrong), undefined, wrong);
  }
  assert.equal(shownAddress(new URL("https://me:secret@h:1/a?token=x#y")), "https://h:1/a");
});

test("options may be called what DataKit and Telegraf call them, once", () => {
  const schema = withSynonyms(options({ urls: texts(), timeout: text("") }), {
    url: { name: "urls", isList: true },
    response_timeout: { name: "timeout" },
  });
  const messages = (given: unknown) => z.safeParse(schema, given).error?.issues.map(({ message }) => message);
  assert.deepEqual(z.parse(schema, { url: "a", response_timeout: "5s" }), { urls: ["a"], timeout: "5s" });
  assert.deepEqual(z.parse(schema, { urls: ["b"] }), { urls: ["b"], timeout: "" });
  assert.deepEqual(messages({ url: "a", urls: ["b"] }), ['"url" and "urls" are the same option']);
  assert.deepEqual(messages({ url: 1 }), ['"urls[0]" must be a text in quotes']);
  assert.deepEqual(messages({ uri: "a" }), ['"uri" is no option of this input']);
  assert.deepEqual(messages(3), ["the options must be a table"]);
});

test("numbers keep their kind and their size", () => {
  assert.deepEqual(["12", "-3", "1.5", "2.", "1e3", 7, 0.5, 8n].map(readNumeric), [
    12n,
    -3n,
    1.5,
    2,
    1000,
    7n,
    0.5,
    8n,
  ]);
  assert.equal(readNumeric("18446744073709551615"), 2n ** 63n - 1n);
  for (const none of ["", "x", "1x", "ON", null, undefined, {}, Number.NaN])
    assert.ok(Number.isNaN(readNumeric(none) ?? Number.NaN));
});

test("a deadline ends a task that ignores it, in words", async () => {
  const clock = new ManualClock();
  const hanging = withDeadline({ clock, signal: never, timeoutMs: 1500, place: "h:1" }, () => new Promise(() => {}));
  const ended = assert.rejects(hanging, /^Error: no answer from h:1 within 1\.5 s$/);
  await clock.advanceAndSettle(1500);
  await ended;
  assert.equal(clock.pendingTimers, 0);
  const stop = new AbortController();
  const stopped = withDeadline(
    { clock, signal: stop.signal, timeoutMs: 1500, place: "h:1" },
    () => new Promise(() => {}),
  );
  stop.abort(new Error("it was stopped"));
  await assert.rejects(stopped, /it was stopped/);
});

test("a connection is kept while it works, and closed after a failure and when it comes too late", async () => {
  const clock = new ManualClock();
  let opened = 0;
  const closed: number[] = [];
  let hold: Promise<void> = Promise.resolve();
  const connection = keepConnection<number>({
    clock,
    timeoutMs: 1000,
    place: "h:1",
    async open() {
      const number = ++opened;
      await hold;
      return number;
    },
    close: (number) => void closed.push(number),
  });
  const use = () => connection.use(never, async (client) => client);
  assert.deepEqual([await use(), await use()], [1, 1]);
  await assert.rejects(
    connection.use(never, () => Promise.reject(new Error("broken"))),
    /broken/,
  );
  assert.deepEqual([closed, await use()], [[1], 2]);
  connection.close();
  assert.deepEqual(closed, [1, 2]);
  const late = Promise.withResolvers<void>();
  hold = late.promise;
  const other = keepConnection<number>({
    clock,
    timeoutMs: 1000,
    place: "h:1",
    open: () => hold.then(() => 7),
    close: (number) => void closed.push(number),
  });
  const waiting = assert.rejects(
    other.use(never, async (client) => client),
    /no answer from h:1/,
  );
  await clock.advanceAndSettle(1000);
  await waiting;
  late.resolve();
  await settle();
  assert.deepEqual(closed, [1, 2, 7]);
});

test("a few at a time, all of them, and one line of what went wrong", async () => {
  let [running, most] = [0, 0];
  const done: number[] = [];
  await forEachFew(
    Array.from({ length: 50 }, (_, index) => index),
    async (index) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => systemClock.after(1, () => resolve(undefined)));
      running -= 1;
      done.push(index);
    },
  );
  assert.equal(done.length, 50);
  assert.ok(most > 1 && most <= 20, String(most));
  assert.equal(joinTroubles(["a", "b", "a", "c", "d", "e", "f", "g"]), "a; b; c; d; e; and 2 more");
});
