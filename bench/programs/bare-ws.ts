// The yardstick: a `ws` server that answers every message with the same message and does nothing else.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type RawData, WebSocket, WebSocketServer } from "ws";

const sockets = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false });

function echo(this: WebSocket, message: RawData): void {
  this.send(message, { binary: false });
}

const server = createServer();
server.on("upgrade", (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (connection) => {
    connection.on("message", echo);
    connection.on("error", WebSocket.prototype.terminate);
  });
});
server.listen(0, "127.0.0.1", 8192, () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
