import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { onEnd, type Scope, waitUntil } from "@muster/testing";
import type { CollectorKind } from "../../collector.ts";
import { tryKind } from "../shared/kinds-for-test.ts";
import { httpCheck } from "./checks/http-check.ts";
import { mysql } from "./databases/mysql.ts";
import { postgresql } from "./databases/postgresql.ts";
import { redis } from "./databases/redis.ts";
import { makeRandom, serveTcp } from "./fakes-for-test.ts";
import { nginx } from "./nginx.ts";
import { prom } from "./prom/prom.ts";

/** What a peer may have sent before it is cut off: our limits, and what systems keep on the way. */
const MOST_BYTES = 96 * 1024 * 1024;

interface Attack {
  /** Of the collector; those that only our limits can end have long. */
  readonly timeoutMs: number;
  run(socket: Socket, scope: Scope): void;
}

const noise = (() => {
  const random = makeRandom(11);
  return Buffer.from(Array.from({ length: 64 * 1024 }, () => random(256)));
})();

/** Sends a piece again and again, as fast as it is taken. */
function endless(piece: string | Buffer, { head = "", timeoutMs = 300 }: EndlessOptions = {}): Attack {
  const bytes = Buffer.from(piece);
  const large = Buffer.concat(Array.from({ length: Math.ceil(65_536 / bytes.length) }, () => bytes));
  const run = (socket: Socket) => {
    const pour = () => {
      while (!socket.destroyed && socket.write(large));
    };
    socket.write(head);
    socket.on("drain", pour);
    pour();
  };
  return { timeoutMs, run };
}

interface EndlessOptions {
  readonly head?: string | Buffer;
  readonly timeoutMs?: number;
}

/** Endless, and ended by nothing but a limit. */
const flood = (piece: string | Buffer, head: string | Buffer = "") => endless(piece, { head, timeoutMs: 20_000 });

function oneByOne(text: string): Attack {
  const run = (socket: Socket, scope: Scope) => {
    let at = 0;
    const timer = setInterval(() => void socket.write(text[at++ % text.length] ?? ""), 20);
    onEnd(scope, () => clearInterval(timer));
  };
  return { timeoutMs: 300, run };
}

const everybody = {
  "random bytes without an end": endless(noise),
  "zeros without an end": endless(Buffer.alloc(1024)),
  "a byte now and then": oneByOne("x"),
};

const OK = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
const web = {
  ...everybody,
  "a body without an end": flood("abcdefg 1\n", `${OK}\r\n`),
  "headers without an end": flood("x: y\r\n", OK),
  "an answer to come, again and again": endless("HTTP/1.1 100 Continue\r\n\r\n"),
  "a body byte by byte": oneByOne(`${OK}\r\n${"a 1\n".repeat(100_000)}`),
};

const cases: readonly [CollectorKind, (port: number) => object, Readonly<Record<string, Attack>>][] = [
  [
    redis,
    (port) => ({ port }),
    {
      ...everybody,
      "a text without an end": flood("x", "$3999999999999\r\n"),
      "a line without an end": flood("x", "+"),
      "lists in lists, each with room for millions": flood("*33000000\r\n"),
      "a list without an end": flood(":1\r\n", "*999999999\r\n"),
      "a text byte by byte": oneByOne(`$4000000\r\n${"x".repeat(100)}`),
    },
  ],
  [
    mysql,
    (port) => ({ port }),
    {
      ...everybody,
      "one packet without an end": flood(Buffer.concat([Buffer.from([255, 255, 255, 0]), Buffer.alloc(16_777_215)])),
    },
  ],
  [
    postgresql,
    (port) => ({ port }),
    {
      ...everybody,
      "one message without an end": flood("x", Buffer.from([0x52, 0x7f, 255, 255, 255])),
      "notices without an end": flood(Buffer.from([0x4e, 0, 0, 0, 8, 0x4d, 0x61, 0, 0])),
    },
  ],
  [prom, (port) => ({ urls: [`http://127.0.0.1:${port}/`] }), web],
  [nginx, (port) => ({ urls: [`http://127.0.0.1:${port}/`] }), web],
  [httpCheck, (port) => ({ urls: [`http://127.0.0.1:${port}/`] }), web],
];

for (const [kind, place, attacks] of cases) {
  describe(`a hostile peer of ${kind.name}`, () => {
    for (const [name, attack] of Object.entries(attacks)) {
      test(name, async (context) => {
        const sockets: Socket[] = [];
        const port = await serveTcp(context, (socket) => {
          sockets.push(socket);
          socket.on("data", () => {});
          attack.run(socket, context);
        });
        const trial = await tryKind(context, kind, { options: { ...place(port), timeout: `${attack.timeoutMs}ms` } });
        const startedAt = performance.now();
        await trial.collect();
        const told = trial.troubles[0] ?? trial.points[0]?.fields.error;
        assert.ok(typeof told === "string" && told !== "", "it is told as a trouble");
        assert.ok(performance.now() - startedAt < attack.timeoutMs + 5000, "its time is kept");
        if (attack.timeoutMs > 10_000) assert.doesNotMatch(told, /within/, "a limit ended it");
        await waitUntil("the connection's end", () => sockets.every((socket) => socket.destroyed));
        const sent = sockets.reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);
        assert.ok(sent < MOST_BYTES, `it sent ${sent} bytes`);
      });
    }
  });
}
