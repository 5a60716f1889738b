import { type WebSocket, WebSocketServer } from "ws";
import type { AnyMessage } from "./dataway-peer.ts";
import { onEnd, type Scope } from "./scope.ts";
import { answerJson, type StubServer, startStubServer } from "./stub-server.ts";
import { waitUntil } from "./wait.ts";

/** A small DataFlux: knows tokens, may the web, is told of DataKits, and takes the gateway's socket. */
export interface DatawayBackendStub {
  readonly url: string;
  /** Tokens of DataKits that are good. */
  readonly tokens: Set<string>;
  /** Tokens of the web that may do everything, with whose they are. */
  readonly webTokens: Map<string, string>;
  /** How often a token was asked about. */
  readonly tokenChecks: string[];
  readonly webChecks: AnyMessage[];
  /** Bodies of `POST /v1/datakit/online`, flat. */
  readonly online: string[];
  /** Bodies of `POST /v1/datakit/info`, flat. */
  readonly reports: AnyMessage[];
  readonly seen: StubServer["seen"];
  /** What HTTP is answered with instead; undefined for what is right. */
  failWith: number | undefined;
  /** Messages that gateways sent over their sockets. */
  readonly messages: AnyMessage[];
  /** The addresses that gateways dialled. */
  readonly dialled: string[];
  readonly socket: WebSocket | undefined;
  send(message: AnyMessage): void;
  /** Sends and waits for the message with the same id. */
  ask(message: AnyMessage): Promise<AnyMessage>;
}

/** Listens on a free port until the test ends. */
export async function startDatawayBackend(scope: Scope): Promise<DatawayBackendStub> {
  const sockets: WebSocket[] = [];
  const stub = {
    url: "",
    tokens: new Set<string>(),
    webTokens: new Map<string, string>(),
    tokenChecks: [] as string[],
    webChecks: [] as AnyMessage[],
    online: [] as string[],
    reports: [] as AnyMessage[],
    seen: [] as StubServer["seen"],
    failWith: undefined as number | undefined,
    messages: [] as AnyMessage[],
    dialled: [] as string[],
    get socket() {
      return sockets.at(-1);
    },
    send: (message: AnyMessage) => sockets.at(-1)?.send(JSON.stringify(message)),
    ask(message: AnyMessage): Promise<AnyMessage> {
      const id = message.trace_id ?? message.id;
      stub.send(message);
      return waitUntil(`an answer to ${id}`, () => stub.messages.find((one) => (one.trace_id ?? one.id) === id));
    },
  };
  const http = await startStubServer((request, response) => {
    if (stub.failWith !== undefined) return void response.writeHead(stub.failWith).end("<html>broken</html>");
    const path = request.url.split("?")[0] ?? "";
    if (path.startsWith("/v1/check/token/")) {
      const token = decodeURIComponent(path.slice("/v1/check/token/".length));
      stub.tokenChecks.push(token);
      if (stub.tokens.has(token)) return answerJson(response, { code: 200, errorCode: "", message: "" });
      return answerJson(response, { code: 403, errorCode: "kodo.tokenNotFound", message: "token not found" }, 403);
    }
    if (path === "/v1/check/auth") {
      const asked = JSON.parse(request.body);
      stub.webChecks.push(asked);
      const name = stub.webTokens.get(asked.token);
      if (name !== undefined) return answerJson(response, { code: 200, errorCode: "", content: { name } });
      return answerJson(response, { code: 403, errorCode: "kodo.authorizationFailed", message: "no" }, 403);
    }
    if (path === "/v1/datakit/online") stub.online.push(...JSON.parse(request.body));
    else if (path === "/v1/datakit/info") stub.reports.push(...JSON.parse(request.body));
    else return answerJson(response, { code: 404, errorCode: "kodo.notFound" }, 404);
    return answerJson(response, { code: 200, content: null });
  });
  const acceptor = new WebSocketServer({ noServer: true });
  http.server.on("upgrade", (request, socket, head) => {
    stub.dialled.push(request.url ?? "");
    acceptor.handleUpgrade(request, socket, head, (accepted) => {
      sockets.push(accepted);
      accepted.on("message", (bytes) => stub.messages.push(JSON.parse(String(bytes))));
      accepted.on("error", () => {});
    });
  });
  onEnd(scope, async () => {
    for (const socket of sockets) socket.terminate();
    await http[Symbol.asyncDispose]();
  });
  stub.url = http.baseUrl;
  stub.seen = http.seen;
  return stub;
}
