import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { onEnd, waitUntil } from "@muster/testing";
import { SocketBudget } from "./limits.ts";
import { dial, exchange, type Opened, open, UPGRADE } from "./test-bench.ts";

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const AGENT = `GET /api/v1/ws HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n\r\n`;

/** Connections that stay open after sending `text`, if anything; resolves once the listener has all of them. */
async function fill(context: TestContext, opened: Opened, count: number, text = ""): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(opened.port, "127.0.0.1"));
  for (const socket of sockets) {
    socket.on("error", () => undefined);
    socket.resume();
    onEnd(context, () => void socket.destroy());
    await once(socket, "connect");
    if (text !== "") socket.write(text);
  }
  return sockets;
}

describe("admission", () => {
  test("agents above the rate get 503 with a time, before the door is asked; operators are served", async (context) => {
    const opened = await open(context, { admitRate: 1 });
    const answers = await Promise.all(Array.from({ length: 6 }, () => exchangeHead(opened.port, AGENT)));
    assert.equal(answers.filter((answer) => / 101 /.test(answer)).length, 2);
    const refused = answers.filter((answer) => / 503 /.test(answer));
    assert.equal(refused.length, 4);
    const times = refused.map((answer) => Number(/retry-after: (\d+)/i.exec(answer)?.[1]));
    assert.deepEqual(times.sort(), [1, 2, 3, 4]);
    assert.equal(opened.door.requests.length, 2);
    assert.equal((await fetch(opened.url)).status, 204);
    assert.equal((await fetch(`${opened.url}/api/v1/x`)).status, 209);
    assert.equal(opened.listeners.admission.refused.rate, 4);
  });

  test("a refused agent leaves no socket behind", async (context) => {
    const opened = await open(context, { admitRate: 1 });
    opened.door.upgradeWith = async () => opened.door.accept();
    for (let tries = 0; tries < 50; tries++) await exchangeHead(opened.port, AGENT);
    await waitUntil("the sockets to be gone", () => opened.listeners.budget.open === opened.listeners.openSockets);
  });

  test("wrong tokens do not use up the rate of the others", async (context) => {
    const opened = await open(context, { admitRate: 1 });
    opened.door.upgradeWith = async () => ({ refuse: { status: 401 } });
    for (let tries = 0; tries < 10; tries++) assert.match(await exchange(opened.port, AGENT), / 401 /);
    opened.door.upgradeWith = async () => opened.door.accept();
    await once(dial(context, opened), "open");
  });

  test("while the store is far behind no agent is let in", async (context) => {
    const opened = await open(context);
    opened.door.waitingCount = 2000;
    assert.match(await exchange(opened.port, AGENT), / 503 /);
    opened.door.waitingCount = 1999;
    assert.match(await exchangeHead(opened.port, AGENT), / 101 /);
  });
});

describe("descriptors", () => {
  test("are divided: agents up to a limit, operators further, and a reserve that no socket gets", () => {
    const { agentLimit, limit, hardLimit } = new SocketBudget(20_000);
    assert.deepEqual([agentLimit, limit, hardLimit], [19_232, 19_488, 19_744]);
    const small = new SocketBudget(200);
    assert.deepEqual([small.agentLimit, small.limit, small.hardLimit], [75, 100, 150]);
  });

  test("agents are refused while operators still get in, and above that operators are told to come later", async (context) => {
    const budget = new SocketBudget(16);
    assert.deepEqual([budget.agentLimit, budget.limit, budget.hardLimit], [6, 8, 12]);
    const opened = await open(context, { budget });
    await fill(context, opened, 6, AGENT);
    await waitUntil("six agents", () => opened.listeners.openSockets === 6);
    assert.match(await exchange(opened.port, AGENT), /^HTTP\/1\.1 503 [\s\S]*retry-after: [5-9]/i);
    assert.match(await exchange(opened.port, "GET /api/v1/x HTTP/1.1\r\nHost: x\r\n\r\n"), /^HTTP\/1\.1 503 /);
    const busy = await fill(context, opened, 2, "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n");
    await waitUntil("eight", () => budget.spoken === 8);
    assert.match(await exchange(opened.port, GET), /^HTTP\/1\.1 503 [\s\S]*retry-after: 5/i);
    assert.match(await exchangeHead(opened.port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), / 204 /);
    for (const socket of busy) socket.destroy();
    await waitUntil("room", () => budget.open <= 7);
    assert.equal((await fetch(opened.url)).status, 204);
    assert.equal(opened.listeners.openSockets, 6, "nobody who was connected noticed");
    assert.equal(opened.listeners.admission.refused.descriptors, 1);
  });

  test("connections that say nothing make room for those that do, the oldest first", async (context) => {
    const budget = new SocketBudget(16);
    const opened = await open(context, { budget });
    const agents = await fill(context, opened, 2, AGENT);
    await waitUntil("two agents", () => opened.listeners.openSockets === 2);
    const silent = await fill(context, opened, 30);
    await waitUntil("room was made", () => budget.evicted >= 24);
    assert.ok(budget.open <= budget.limit, `${budget.open} are open`);
    assert.match(await exchangeHead(opened.port, GET), / 204 /);
    assert.match(await exchangeHead(opened.port, AGENT), / 101 /);
    await waitUntil("the first is gone", () => silent[0]?.destroyed === true || silent[0]?.readyState === "closed");
    assert.ok(agents.every((socket) => socket.readyState === "open"));
    assert.equal(budget.refused, 0);
    for (const socket of [...silent, ...agents]) socket.destroy();
    await waitUntil("nobody", () => budget.open === 0);
  });

  test("where nobody is silent newcomers are cut halfway into the reserve", () => {
    const budget = new SocketBudget(8);
    const sockets = Array.from({ length: 7 }, (_, index) => new FakeSocket(index));
    for (const socket of sockets) {
      budget.enter(socket as unknown as Socket, "main");
      if (socket !== sockets[6]) budget.hear(socket as unknown as Socket, "main");
    }
    assert.deepEqual(
      sockets.map((socket) => socket.destroyed),
      [false, false, false, false, false, false, true],
    );
    assert.deepEqual([budget.open, budget.refused, budget.evicted], [6, 1, 0]);
    for (const socket of sockets) socket.emit("close");
    assert.equal(budget.open, 0, "none is counted twice");
    assert.ok(sockets.every((socket) => socket.listenerCount("close") === 0));
  });

  test("idle connections are closed when room is needed", async (context) => {
    const budget = new SocketBudget(16);
    const opened = await open(context, { budget });
    await fill(context, opened, 8, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await waitUntil("eight", () => budget.spoken === 8);
    assert.match(await exchange(opened.port, GET), /^HTTP\/1\.1 503 /);
    await waitUntil("room", () => budget.open <= 1);
    assert.equal((await fetch(opened.url)).status, 204);
  });
});

/** The first that is answered; ends the connection. */
async function exchangeHead(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(text);
  const [bytes] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return String(bytes);
}

/** As much of a socket as the budget looks at. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress = "192.0.2.1";
  readonly localPort = 9999;
  readonly remotePort: number;
  destroyed = false;

  constructor(remotePort: number) {
    super();
    this.remotePort = remotePort;
  }

  destroy(): void {
    this.destroyed = true;
  }
}
