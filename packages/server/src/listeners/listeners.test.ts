import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { systemClock } from "@muster/core";
import { makeTempDir, onEnd, waitUntil } from "@muster/testing";
import { WebSocket } from "ws";
import { Listeners } from "./listeners.ts";
import { OwnOrigins } from "./origins.ts";
import { dial, exchange, open, UPGRADE } from "./test-bench.ts";

describe("requests to a door", () => {
  test("arrive whole, whatever their method, and odd statuses go back", async (context) => {
    const opened = await open(context);
    const answer = await exchange(
      opened.port,
      "GET /api/v1/nodes?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody",
    );
    assert.match(answer, /^HTTP\/1\.1 209 /);
    const seen = JSON.parse(answer.split("\r\n\r\n")[1] ?? "");
    assert.deepEqual(seen, {
      method: "GET",
      path: "/api/v1/nodes",
      query: "a=1",
      remoteAddress: "127.0.0.1",
      listener: "main",
      body: "body",
    });
  });

  test("with a body that is too large end with 413, announced or not", async (context) => {
    const opened = await open(context);
    const announced = await fetch(`${opened.url}/api/v1/x`, { method: "POST", body: "x".repeat(1001) });
    assert.equal(announced.status, 413);
    const chunked = `POST /api/v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${`100\r\n${"x".repeat(256)}\r\n`.repeat(5)}`;
    assert.match(await exchange(opened.port, chunked), /^HTTP\/1\.1 413 /);
    assert.equal(opened.door.requests.length, 0);
    assert.equal((await fetch(`${opened.url}/api/v1/x`, { method: "POST", body: "x".repeat(1000) })).status, 209);
  });

  test("share what all bodies may hold, since they are read before anybody has shown a token", async (context) => {
    const opened = await open(context, { limits: { strangerBodyBytes: 1500 } });
    const slow = connect(opened.port, "127.0.0.1");
    onEnd(context, () => void slow.destroy());
    slow.write(`POST /api/v1/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n${"x".repeat(900)}`);
    const ask = async () => (await fetch(`${opened.url}/api/v1/x`, { method: "POST", body: "x".repeat(1000) })).status;
    for (let status = 0; status !== 503; ) status = await ask();
    assert.equal((await fetch(`${opened.url}/api/v1/x`)).status, 209, "a request without a body needs no room");
    slow.destroy();
    for (let status = 0; status !== 209; ) status = await ask();
  });

  test("of those who have shown a token find room while strangers hold theirs, and are judged before they are read", async (context) => {
    const opened = await open(context, { limits: { strangerBodyBytes: 1000 } });
    opened.door.admitBody = async ({ headers, body }) => {
      assert.equal(body.length, 0);
      if (headers["x-token"] === "bad") return { refuse: { status: 418 } };
      return headers["x-token"] ? { maxBytes: 2000, isKnown: true } : { maxBytes: 1000, isKnown: false };
    };
    const slow = connect(opened.port, "127.0.0.1");
    onEnd(context, () => void slow.destroy());
    slow.write(`POST /api/v1/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n${"x".repeat(900)}`);
    const post = async (token?: string) => {
      const headers = token === undefined ? {} : { "x-token": token };
      return (await fetch(`${opened.url}/api/v1/x`, { method: "POST", body: "x".repeat(2000), headers })).status;
    };
    await waitUntil("strangers to have no room", async () => {
      const body = "x".repeat(500);
      return (await fetch(`${opened.url}/api/v1/x`, { method: "POST", body })).status === 503;
    });
    assert.deepEqual([await post("good"), await post("bad"), await post()], [209, 418, 413]);
    const seen = opened.door.requests.map(({ path }) => path);
    assert.ok(!seen.includes("/api/v1/slow"));
  });

  test("that make it throw are answered with 500 and without its words", async (context) => {
    const opened = await open(context);
    const response = await fetch(`${opened.url}/api/v1/throw`);
    assert.equal(response.status, 500);
    assert.ok(!(await response.text()).includes("secret"));
    assert.equal(opened.failures.length, 1);
  });

  test("never reach it against its rules", async (context) => {
    const opened = await open(context, { policy: { kind: "loopback" } });
    const headers = { origin: "https://evil.example" };
    assert.equal((await fetch(`${opened.url}/api/v1/x`, { headers })).status, 403);
    assert.match(
      await exchange(opened.port, `GET /api/v1/ws HTTP/1.1\r\nHost: rebound.example\r\n${UPGRADE}\r\n\r\n`),
      /^HTTP\/1\.1 403 /,
    );
    assert.equal(opened.door.requests.length, 0);
    assert.equal((await fetch(`${opened.url}/api/v1/x`)).status, 209);
  });

  test("on a listener of its own take any path", async (context) => {
    const opened = await open(context, { doorListeners: [{ door: "node", host: "127.0.0.1", port: 0 }] });
    const own = opened.listeners.urls[1] ?? "";
    assert.equal((await fetch(`${own}/anything`)).status, 209);
    assert.equal((await fetch(`${opened.url}/anything`)).status, 204);
  });
});

describe("limits", () => {
  test("nobody hides a proxy's word behind a hundred headers of their own", async (context) => {
    const opened = await open(context, { policy: { kind: "loopback" }, trustedProxies: ["127.0.0.1"] });
    const ask = (path: string, filler: number, more = "Connection: close") =>
      exchange(
        opened.port,
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${more}\r\n${"a: b\r\n".repeat(filler)}X-Forwarded-For: 203.0.113.9\r\n\r\n`,
      );
    assert.match(await ask("/api/v1/nodes", 10), /^HTTP\/1\.1 403 /);
    assert.match(await ask("/api/v1/nodes", 100), /^HTTP\/1\.1 431 /);
    assert.match(await ask("/api/v1/ws", 100, UPGRADE), /^HTTP\/1\.1 431 /);
    assert.equal(opened.door.requests.length, 0);
  });

  test("a request that does not get on is given up", async (context) => {
    const limits = { headersTimeoutMs: 200, requestTimeoutMs: 400, checkEveryMs: 50 };
    const opened = await open(context, { limits });
    assert.match(await exchange(opened.port, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "), /^HTTP\/1\.1 408 /);
    const half = "POST /api/v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc";
    assert.match(await exchange(opened.port, half), /^HTTP\/1\.1 (408|413) /);
    assert.match(await exchange(opened.port, ""), /^(HTTP\/1\.1 408 |$)/);
  });

  test("end where nothing moves while an answer is due, on a socket that was used before as well", async (context) => {
    const opened = await open(context, { limits: { idleTimeoutMs: 200 } });
    assert.equal(await exchange(opened.port, "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n"), "");
    const twice = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /hang HTTP/1.1\r\nHost: x\r\n\r\n";
    assert.match(await exchange(opened.port, twice), /^HTTP\/1\.1 204 /);
  });

  test("headers that are too large or no HTTP are refused", async (context) => {
    const opened = await open(context);
    const large = `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${"x".repeat(20_000)}\r\n\r\n`;
    assert.match(await exchange(opened.port, large), /^HTTP\/1\.1 431 /);
    assert.match(await exchange(opened.port, "nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /);
    const smuggled = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert.match(await exchange(opened.port, smuggled), /^HTTP\/1\.1 400 /);
    const noPath = "GET * HTTP/1.1\r\nHost: x\r\n\r\n";
    assert.match(await exchange(opened.port, noPath), /^HTTP\/1\.1 400 /);
  });

  test("a door that does not decide about an upgrade loses the peer, not the server", async (context) => {
    const opened = await open(context, { limits: { upgradeTimeoutMs: 100 } });
    opened.door.upgradeWith = () => new Promise(() => undefined);
    const socket = dial(context, opened);
    await waitUntil("the end", () => socket.readyState === WebSocket.CLOSED);
  });
});

describe("connections", () => {
  test("carry text both ways, ignore binary frames and report their end once", async (context) => {
    const opened = await open(context);
    const socket = dial(context, opened);
    await once(socket, "open");
    socket.send(Buffer.from([1, 2, 3]));
    socket.send("hello");
    const [reply] = (await once(socket, "message")) as [Buffer];
    assert.equal(String(reply), "echo hello");
    assert.equal(socket.extensions, "");
    socket.close(1000, "bye");
    await waitUntil("the end", () => opened.door.closes.length > 0);
    assert.deepEqual(opened.door.closes, [[1000, "bye"]]);
    assert.equal(opened.listeners.openSockets, 0);
  });

  test("are refused with the door's own answer", async (context) => {
    const opened = await open(context);
    opened.door.upgradeWith = async () => ({ refuse: { status: 401, body: "no token", headers: { "x-a": "b" } } });
    const answer = await exchange(opened.port, `GET /api/v1/ws HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 401 Unauthorized\r\nx-a: b\r\n[\s\S]*no token$/);
  });

  test("a frame above the door's limit closes with 1009", async (context) => {
    const opened = await open(context);
    const socket = dial(context, opened);
    await once(socket, "open");
    socket.send("x".repeat(1025));
    const [code] = (await once(socket, "close")) as [number];
    assert.equal(code, 1009);
    await waitUntil("the end", () => opened.door.closes.length === 1);
  });

  test("a handler that throws, at once or later, closes with 1011 and is told of once", async (context) => {
    const opened = await open(context);
    for (const onText of [
      () => {
        throw new Error("at once");
      },
      () => Promise.reject(new Error("later")),
    ]) {
      opened.door.upgradeWith = async () => opened.door.accept({ onText });
      const socket = dial(context, opened);
      await once(socket, "open");
      socket.send("a");
      socket.send("b");
      const [code] = (await once(socket, "close")) as [number];
      assert.equal(code, 1011);
    }
    assert.deepEqual(opened.failures.map(String), ["Error: at once", "Error: later"]);
  });

  test("a reader that does not read is waited for, and cut off when too much piles up", async (context) => {
    const opened = await open(context, { limits: { bufferedBytes: 4 * 1024 * 1024 } });
    const socket = dial(context, opened);
    await once(socket, "open");
    const [connection] = opened.door.connections;
    assert.ok(connection);
    socket.pause();
    const text = "x".repeat(64 * 1024);
    await waitUntil("a backlog", () => {
      connection.send(text);
      return connection.bufferedBytes > 1024 * 1024;
    });
    let cleared = 0;
    connection.whenBelow(64 * 1024, () => {
      cleared += 1;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(cleared, 0);
    socket.resume();
    await waitUntil("room", () => cleared === 1);
    assert.ok(connection.bufferedBytes < 64 * 1024);
    socket.pause();
    await waitUntil("the end", () => {
      connection.send(text);
      return opened.door.closes.length === 1;
    });
    assert.equal(opened.door.closes[0]?.[0], 1006);
    connection.send("into the void");
    connection.close(1000, "again");
  });

  test("a draining server takes nobody new, tells the others and ends", async (context) => {
    const opened = await open(context);
    const socket = dial(context, opened);
    await once(socket, "open");
    const silent = connect(opened.port, "127.0.0.1");
    silent.write(`GET /api/v1/ws HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n\r\n`);
    await waitUntil("two connections", () => opened.listeners.openSockets === 2);
    void opened.listeners.stopAccepting();
    await assert.rejects(fetch(opened.url));
    socket.send("still here");
    await once(socket, "message");
    const closed = once(socket, "close");
    await opened.listeners.close(300);
    const [code] = (await closed) as [number];
    assert.equal(code, 1001);
    await waitUntil("both ends", () => opened.door.closes.length === 2);
  });
});

describe("TLS", () => {
  test("is on every listener, and nothing speaks without it", async (context) => {
    const dir = await makeTempDir(context);
    const paths = { certPath: join(dir, "cert.pem"), keyPath: join(dir, "key.pem") };
    const subject = ["-subj", "/CN=localhost", "-days", "1", "-nodes"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    const files = ["-keyout", paths.keyPath, "-out", paths.certPath];
    execFileSync("openssl", ["req", "-x509", ...curve, ...subject, ...files], { stdio: "ignore" });
    const doorListeners = [{ door: "node", host: "127.0.0.1", port: 0 }];
    const opened = await open(context, { tls: paths, doorListeners });
    for (const url of opened.listeners.urls) {
      assert.match(url, /^https:/);
      assert.ok([204, 209].includes(await secureStatus(url)));
      assert.doesNotMatch(
        await exchange(Number(new URL(url).port), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        /^HTTP\/1\.1 2/,
      );
    }
    const socket = dial(context, opened);
    await once(socket, "open");
  });

  test("files that cannot be read stop the start", () => {
    assert.throws(
      () =>
        new Listeners({
          host: "127.0.0.1",
          port: 0,
          doorListeners: [],
          doors: [],
          origins: new OwnOrigins({ monotonic: () => 0 }),
          trustedProxies: [],
          doorOrigins: [],
          admitRate: 500,
          clock: systemClock,
          events: { onFailure: () => undefined },
          tls: { certPath: "/nonexistent/cert.pem", keyPath: "/nonexistent/key.pem" },
        }),
      /TLS certificate/,
    );
  });

  test("a port that is taken is named, and the ports before it are given back", async (context) => {
    const first = await open(context);
    await assert.rejects(open(context, { port: first.port }), /the port is in use/);
  });
});

function secureStatus(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, { rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject);
    request.end();
  });
}
