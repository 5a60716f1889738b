import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { startStubServer } from "@muster/testing";
import { MusterClient } from "./index.ts";

/** RFC 6455 section 4.2.2: the answer that accepts an upgrade. */
function acceptUpgrade(request: IncomingMessage, socket: Duplex): void {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const text = Buffer.from(JSON.stringify({ event: "ready", sub: 1 }));
  socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
}

for (const [title, credentials, header] of [
  ["a token", { token: "mst_1" }, ["authorization", "Bearer mst_1"]],
  ["a session cookie", { sessionCookie: "s" }, ["cookie", "muster_session=s"]],
] as const) {
  test(`Node's own WebSocket carries ${title} on the upgrade`, async () => {
    await using server = await startStubServer(() => undefined);
    server.server.on("upgrade", (request, socket) => {
      if (request.headers[header[0]] === header[1]) acceptUpgrade(request, socket);
      else socket.destroy();
    });
    const upgraded = once(server.server, "upgrade");
    const live = new MusterClient({ baseUrl: server.baseUrl, ...credentials }).live();
    const { promise, resolve } = Promise.withResolvers<string>();
    live.subscribe({ op: "fleet" }, (event) => resolve(event.event));
    assert.equal(await promise, "ready");
    const [request, socket] = (await upgraded) as [IncomingMessage, Duplex];
    assert.equal(request.url, "/fleet/v1/live");
    if (header[0] === "cookie") assert.equal(request.headers.origin, server.baseUrl);
    live.close();
    socket.destroy();
  });
}
