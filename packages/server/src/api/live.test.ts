import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { type Capability, type RunId, toIso } from "@muster/core";
import type { LiveEvent, LiveRequest } from "@muster/core/resources";
import { ManualClock, type Scope, waitUntil } from "@muster/testing";
import { WebSocket } from "ws";
import type { AgentPeer, AgentSession } from "../fleet/session.ts";
import type { Connection } from "../listeners/door.ts";
import type { ApiContext } from "./context.ts";
import { LiveHub } from "./live-hub.ts";
import { LiveSocket } from "./live-socket.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

class Watcher {
  readonly events: LiveEvent[] = [];
  readonly socket: WebSocket;
  closed: number | undefined;

  constructor(server: TestServer, headers: Record<string, string>) {
    this.socket = new WebSocket(`${server.url.replace("http", "ws")}/fleet/v1/live`, { headers });
    this.socket.on("message", (bytes) => this.events.push(JSON.parse(String(bytes))));
    this.socket.on("close", (code) => {
      this.closed = code;
    });
    this.socket.on("error", () => undefined);
  }

  send(request: LiveRequest): void {
    this.socket.send(JSON.stringify(request));
  }

  of<Name extends LiveEvent["event"]>(name: Name): Extract<LiveEvent, { event: Name }>[] {
    return this.events.filter((event) => event.event === name) as Extract<LiveEvent, { event: Name }>[];
  }

  async until(what: string, check: (watcher: Watcher) => unknown): Promise<void> {
    await waitUntil(what, () => Boolean(check(this)), { explain: () => JSON.stringify(this.events).slice(0, 3000) });
  }
}

async function watch(scope: Scope, server: TestServer, headers?: Record<string, string>): Promise<Watcher> {
  const watcher = new Watcher(server, headers ?? { authorization: `Bearer ${server.firstRun.apiToken}` });
  scope.after(() => watcher.socket.terminate());
  await watcher.until("hello", (one) => one.of("hello").length === 1);
  return watcher;
}

const CAPABILITIES: ReadonlySet<Capability> = new Set(["command", "journal", "output", "cancel", "metrics"]);
const SILENT_PEER: AgentPeer = {
  onWork() {},
  onCancel() {},
  onSamplesStored() {},
  onBeatInterval() {},
  onDrain() {},
  onEvicted() {},
};

function join(server: TestServer, externalId: string): Promise<AgentSession> {
  const hello = {
    protocol: "node",
    externalId,
    capabilities: CAPABILITIES,
    facts: { name: externalId, hostname: externalId },
    remoteAddress: "127.0.0.1",
    tokenId: null,
  };
  return server.fleet.sessions.open(hello, SILENT_PEER);
}

async function giveCommand(server: TestServer, agents: readonly AgentSession[]): Promise<string> {
  const response = await server.request("POST", "/fleet/v1/commands", {
    token: server.firstRun.apiToken,
    body: { text: "uptime", targets: { ids: agents.map((agent) => agent.agentId) } },
  });
  assert.equal(response.status, 201);
  return ((await response.json()) as { id: string }).id;
}

function piece(seq: number, text: string) {
  return { seq, stream: "stdout" as const, at: Date.now(), bytes: Buffer.from(text), cutBytes: 0 };
}

const SUCCESS = {
  status: "succeeded",
  exitCode: 0,
  reason: null,
  executionMs: 5,
  startedAt: null,
  output: null,
  cutBytes: 0,
  digest: null,
} as const;

describe("live stream", () => {
  test("the fleet: counts first, then agents as they come and go", async (context) => {
    const server = await startTestServer(context);
    const watcher = await watch(context, server);
    watcher.send({ op: "fleet", sub: 1 });
    await watcher.until("ready", (one) => one.of("ready").length === 1);
    assert.equal(watcher.of("counts")[0]?.counts.total, 0);
    const session = await join(server, "web-1");
    await watcher.until("the new agent", (one) => one.of("agent").some(({ agent }) => agent.status === "online"));
    await watcher.until("new counts", (one) => one.of("counts").at(-1)?.counts.online === 1);
    session.close("gone");
    await watcher.until("offline", (one) => one.of("agent").at(-1)?.agent.status === "offline");
    await server.fleet.agents.remove(session.agentId);
    await watcher.until("removed", (one) => one.of("agent_removed")[0]?.agentId === session.agentId);
  });

  test("a fleet narrowed to some agents tells of no others", async (context) => {
    const server = await startTestServer(context);
    const [first, second] = [await join(server, "a"), await join(server, "b")];
    const watcher = await watch(context, server);
    watcher.send({ op: "fleet", sub: 1, agentIds: [first.agentId] });
    await watcher.until("ready", (one) => one.of("ready").length === 1);
    assert.deepEqual(
      watcher.of("agent").map(({ agent }) => agent.id),
      [first.agentId],
    );
    second.close("gone");
    first.close("gone");
    await watcher.until("offline", (one) => one.of("agent").length > 1);
    assert.ok(watcher.of("agent").every(({ agent }) => agent.id === first.agentId));
  });

  test("samples of one agent arrive as they come", async (context) => {
    const server = await startTestServer(context);
    const session = await join(server, "web-1");
    const watcher = await watch(context, server);
    watcher.send({ op: "agent", sub: 7, agentId: session.agentId });
    await watcher.until("ready", (one) => one.of("ready").length === 1);
    session.heartbeat({ at: Date.now(), values: { "system.cpu.utilization": 0.25 } }, true);
    await watcher.until("a sample", (one) => one.of("sample").length === 1);
    assert.equal(watcher.of("sample")[0]?.sample.values["system.cpu.utilization"], 0.25);
    const wanted = () => server.fleet.feed.describeInterest(10).agentIds;
    assert.deepEqual(wanted(), [session.agentId], "whichever process holds it, its readings are wanted here");
    watcher.send({ op: "stop", sub: 7 });
    await waitUntil("nobody to want them", () => wanted().length === 0);
  });

  test("a command with its runs and what they write, until each has ended", async (context) => {
    const server = await startTestServer(context);
    const agents = [await join(server, "a"), await join(server, "b")];
    const commandId = await giveCommand(server, agents);
    const watcher = await watch(context, server);
    watcher.send({ op: "command", sub: 1, commandId, output: true });
    await watcher.until("ready", (one) => one.of("ready").length === 1);
    assert.equal(watcher.of("run").length, 2);
    for (const agent of agents) {
      const [delivery] = await agent.take(1);
      assert.ok(delivery);
      await agent.reportStarted(delivery.runId, null);
      await agent.reportOutput(delivery.runId, [piece(0, "up 3 days\n")]);
      await agent.reportOutput(delivery.runId, [piece(1, "load 0.1\n")]);
      await agent.reportFinished(delivery.runId, SUCCESS);
    }
    await watcher.until("both ends", (one) => one.of("output_end").length === 2);
    await watcher.until("the end of the command", (one) => one.of("command").at(-1)?.command.status === "completed");
    const texts = watcher.of("output").flatMap(({ chunks }) => chunks.map((chunk) => chunk.text));
    assert.deepEqual(texts.sort(), ["load 0.1\n", "load 0.1\n", "up 3 days\n", "up 3 days\n"]);
    assert.ok(watcher.of("run").some(({ run }) => run.status === "succeeded"));
  });

  test("output can be resumed after any chunk, and ends by itself", async (context) => {
    const server = await startTestServer(context);
    const agent = await join(server, "a");
    await giveCommand(server, [agent]);
    const [delivery] = await agent.take(1);
    const runId = delivery?.runId as RunId;
    await agent.reportStarted(runId, null);
    await agent.reportOutput(
      runId,
      [0, 1, 2].map((seq) => piece(seq, `line ${seq}\n`)),
    );
    const watcher = await watch(context, server);
    watcher.send({ op: "output", sub: 3, runId, after: 0 });
    await watcher.until("ready", (one) => one.of("ready").length === 1);
    await agent.reportOutput(runId, [piece(3, "line 3\n")]);
    await agent.reportFinished(runId, SUCCESS);
    await watcher.until("the end", (one) => one.of("output_end").length === 1);
    const seqs = watcher.of("output").flatMap(({ chunks }) => chunks.map((chunk) => chunk.seq));
    assert.deepEqual(seqs, [1, 2, 3]);
  });

  test("commands appear as they are given", async (context) => {
    const server = await startTestServer(context);
    const agent = await join(server, "a");
    const watcher = await watch(context, server);
    watcher.send({ op: "commands", sub: 1 });
    await watcher.until("ready", (one) => one.of("ready").length === 1);
    const id = await giveCommand(server, [agent]);
    await watcher.until("the command", (one) => one.of("command").some(({ command }) => command.id === id));
  });

  test("nonsense is answered with an error and the stream stays open", async (context) => {
    const server = await startTestServer(context);
    const watcher = await watch(context, server);
    watcher.socket.send("{");
    watcher.socket.send(JSON.stringify({ op: "everything", sub: 1 }));
    watcher.send({ op: "agent", sub: 2, agentId: "missing" });
    watcher.send({ op: "output", sub: 3, runId: "missing" });
    await watcher.until("four errors", (one) => one.of("error").length === 4);
    assert.deepEqual(
      watcher.of("error").map(({ sub, code }) => [sub, code]),
      [
        [null, "invalid_argument"],
        [null, "invalid_argument"],
        [2, "not_found"],
        [3, "not_found"],
      ],
    );
    watcher.send({ op: "ping" });
    await watcher.until("a pong", (one) => one.of("pong").length === 1);
  });

  test("a stopped subscription is silent", async (context) => {
    const server = await startTestServer(context);
    const watcher = await watch(context, server);
    watcher.send({ op: "fleet", sub: 1 });
    watcher.send({ op: "stop", sub: 1 });
    watcher.send({ op: "commands", sub: 2 });
    await watcher.until("ready", (one) => one.of("ready").some(({ sub }) => sub === 2));
    const agent = await join(server, "a");
    await giveCommand(server, [agent]);
    await watcher.until("the command", (one) => one.of("command").length > 0);
    assert.equal(watcher.of("agent").length, 0);
  });

  test("at most 64 subscriptions on a socket, and 20 sockets of one caller", async (context) => {
    const server = await startTestServer(context);
    const watcher = await watch(context, server);
    for (let sub = 0; sub < 65; sub++) watcher.send({ op: "commands", sub });
    await watcher.until("the refusal", (one) => one.of("error").length === 1);
    assert.deepEqual(
      watcher.of("error").map(({ sub, code }) => [sub, code]),
      [[64, "resource_exhausted"]],
    );
    for (let count = 1; count < 20; count++) await watch(context, server);
    const extra = new Watcher(server, { authorization: `Bearer ${server.firstRun.apiToken}` });
    await waitUntil("the refusal", () => extra.closed === 1006);
  });

  test("a handshake that is never finished takes no place", async (context) => {
    const server = await startTestServer(context);
    for (let count = 0; count < 25; count++) {
      const socket = connect(server.port, "127.0.0.1");
      socket.write(
        `GET /fleet/v1/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Authorization: Bearer ${server.firstRun.apiToken}\r\n\r\n`,
      );
      await once(socket, "data");
      socket.destroy();
    }
    await watch(context, server);
  });

  test("a revoked token, a logout and a shut-out person end their streams with 4401", async (context) => {
    const server = await startTestServer(context);
    const { id, token } = await server.access.tokens.create(
      { name: "ci", scopes: ["viewer"] },
      { name: "test", ownerId: null },
    );
    const program = await watch(context, server, { authorization: `Bearer ${token}` });
    const user = await server.access.users.create({ username: "eve", password: "a long password", role: "viewer" });
    const pages = [];
    for (let count = 0; count < 2; count++) {
      const cookie = await server.login("eve", "a long password");
      pages.push({ cookie, watcher: await watch(context, server, { cookie, origin: server.url }) });
    }
    await server.access.tokens.remove(id);
    await program.until("4401", (one) => one.closed === 4401);
    const [first, second] = pages;
    await server.request("POST", "/fleet/v1/logout", { cookie: first?.cookie, origin: server.url });
    await first?.watcher.until("4401", (one) => one.closed === 4401);
    assert.equal(second?.watcher.closed, undefined);
    await server.access.users.update(user.id, { disabled: true });
    await second?.watcher.until("4401", (one) => one.closed === 4401);
  });

  test("a reader that does not read is told what it missed and gets the newest state", async (context) => {
    const server = await startTestServer(context);
    const session = await join(server, "web-1");
    const clock = new ManualClock();
    const reader = new SlowReader();
    const socket = openSocket(server, clock, reader);
    context.after(() => socket.onClose());
    socket.onText(JSON.stringify({ op: "agent", sub: 1, agentId: session.agentId }));
    await waitUntil("ready", () => reader.sent.some(({ event }) => event === "ready"));
    const tellLoad = (load: number) => {
      const sample = {
        agentId: session.agentId,
        at: toIso(clock.now()),
        values: { "system.load.1m": load },
        detail: null,
      };
      server.fleet.feed.publish({ kind: "sample", agentId: session.agentId, sample });
    };
    await clock.advanceAndSettle(200);
    reader.bufferedBytes = 1024 * 1024;
    reader.sent.length = 0;
    for (let load = 1; load <= 10; load++) {
      tellLoad(load);
      await clock.advanceAndSettle(100);
    }
    assert.equal(reader.sent.length, 0);
    reader.bufferedBytes = 0;
    await clock.advanceAndSettle(100);
    await waitUntil("the newest", () => reader.sent.length >= 2);
    const [lagged, sample] = reader.sent;
    assert.deepEqual(lagged, { event: "lagged", sub: 1, dropped: 9 });
    assert.ok(sample?.event === "sample" && sample.sample.values["system.load.1m"] === 10);
  });

  test("while nobody watches, nobody listens to the fleet", async (context) => {
    const server = await startTestServer(context);
    const watcher = await watch(context, server);
    watcher.send({ op: "fleet", sub: 1 });
    await watcher.until("ready", (one) => one.of("ready").length === 1);
    assert.equal(server.fleet.feed.watched, true);
    watcher.socket.close();
    await waitUntil("silence", () => !server.fleet.feed.watched);
  });

  test("word of configs comes once for all that changed together", async (context) => {
    const server = await startTestServer(context);
    const watcher = await watch(context, server);
    watcher.send({ op: "configs", sub: 4 });
    await watcher.until("ready", (one) => one.of("ready").length === 1);
    const { configs } = server.fleet;
    const { id } = await configs.create({ name: "app", kind: "file", text: "1" }, "eve");
    const names = () => watcher.of("configs").flatMap(({ sub, configIds }) => (sub === 4 ? (configIds ?? []) : []));
    await watcher.until("word of the new one", () => names().includes(id));
    const before = watcher.of("configs").length;
    const { id: other } = await configs.create({ name: "other", kind: "file", text: "1" }, "eve");
    for (let number = 0; number < 20; number++) await configs.change(other, { text: `${number}` }, "eve");
    await watcher.until("word of the other", () => names().includes(other));
    assert.ok(watcher.of("configs").length - before < 20);
  });
});

/** The far end of a socket that takes as much as the test says. */
class SlowReader implements Connection {
  readonly remoteAddress = "127.0.0.1";
  readonly sent: LiveEvent[] = [];
  bufferedBytes = 0;

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  whenBelow(): void {}
  admitAnother = () => 0;
  close(): void {}
  terminate(): void {}
}

function openSocket(server: TestServer, clock: ManualClock, reader: SlowReader): LiveSocket {
  const facts = { reportFailure: (error: unknown) => assert.fail(String(error)) };
  const hub = new LiveHub({ fleet: server.fleet, access: server.access, clock, facts } as unknown as ApiContext);
  const principal = { kind: "token", id: "t", name: "t", role: "viewer" } as const;
  const identity = { principal, credential: { kind: "token", id: "t" }, ownerId: null } as const;
  const socket = new LiveSocket({ hub, clock, identity, version: "1" });
  socket.onOpen(reader);
  return socket;
}
