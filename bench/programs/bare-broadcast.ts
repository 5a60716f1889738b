// The yardstick of a fan-out: a `ws` server that sends what it is told over its channel to every connection, in one loop.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const server = createServer();
server.on("upgrade", (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (connection) => {
    sockets.clients.add(connection);
    connection.on("error", WebSocket.prototype.terminate);
  });
});
process.on("message", (text: string) => {
  const startedAt = performance.now();
  for (const client of sockets.clients) client.send(text);
  process.send?.({ tookMs: performance.now() - startedAt });
});
process.on("disconnect", () => process.exit(0));
server.listen(0, "127.0.0.1", 8192, () => process.send?.({ port: (server.address() as AddressInfo).port }));
