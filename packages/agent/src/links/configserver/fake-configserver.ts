import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  decodeTiny,
  encodeTiny,
  onEnd,
  type Scope,
  type TinyMessage,
  type TinySchema,
  waitUntil,
} from "@muster/testing";

type Actions = Readonly<Record<string, { readonly request: TinySchema; readonly response: TinySchema }>>;

/** What a request is answered with; `raw` is sent as it is. Ids are put in unless the message has one. */
export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly message?: TinyMessage;
  readonly raw?: Uint8Array | string;
  /** Takes the response over. */
  readonly hijack?: (response: ServerResponse) => void;
}

export interface SeenRequest {
  readonly name: string;
  readonly message: TinyMessage;
  readonly authorization: string | undefined;
}

/** For tests: a ConfigServer of one generation that answers as it is told, and keeps what it was asked. Shares no code with the link. */
export class FakeConfigServer {
  readonly requests: SeenRequest[] = [];
  /** By action; absent ones are answered with 404. */
  readonly answers: Record<string, (message: TinyMessage) => FakeAnswer> = {};
  readonly #actions: Actions;
  readonly #http: Server;

  private constructor(actions: Actions) {
    this.#actions = actions;
    this.#http = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const name = (request.url ?? "").replace("/Agent/", "");
        this.#answer(name, { body: Buffer.concat(parts), authorization: request.headers.authorization }, response);
      });
    });
  }

  static async start(scope: Scope, actions: Actions, port = 0): Promise<FakeConfigServer> {
    const server = new FakeConfigServer(actions);
    await new Promise<void>((resolve) => server.#http.listen(port, "127.0.0.1", resolve));
    onEnd(scope, () => server.stop());
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    if (!this.#http.listening) return;
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  list(name: string): TinyMessage[] {
    return this.requests.filter((request) => request.name === name).map(({ message }) => message);
  }

  /** The first one of this name, from `from` on, that is accepted. */
  waitFor(name: string, accept: (message: TinyMessage) => boolean = () => true, from = 0): Promise<TinyMessage> {
    return waitUntil(`a request ${name}`, () => this.list(name).slice(from).find(accept), {
      timeoutMs: 10_000,
      explain: () => JSON.stringify(this.requests.slice(-6)).slice(0, 3000),
    });
  }

  /** Until it was asked so many more times. */
  async waitForMore(name: string, count: number): Promise<void> {
    const before = this.list(name).length;
    await waitUntil(`${count} more requests ${name}`, () => this.list(name).length >= before + count, {
      timeoutMs: 10_000,
    });
  }

  #answer(name: string, sent: { body: Buffer; authorization: string | undefined }, response: ServerResponse): void {
    const action = this.#actions[name];
    const answer = this.answers[name];
    if (!action || !answer)
      return void response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found");
    const message = decodeTiny(action.request, sent.body);
    this.requests.push({ name, message, authorization: sent.authorization });
    const { status = 200, headers = {}, message: content = {}, raw, hijack } = answer(message);
    if (hijack) {
      hijack(response);
      return;
    }
    const id = "response_id" in action.response ? "response_id" : "request_id";
    const body = raw ?? encodeTiny(action.response, { [id]: message.request_id, ...content });
    response.writeHead(status, { "content-type": "application/x-protobuf", ...headers }).end(body);
  }
}
