import { WebSocket } from "ws";
import { waitUntil } from "./wait.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
export type AnyMessage = any;

/** Where a fake DataKit dials, and who it says it is. */
export interface DatakitPeerOptions {
  /** `ws://host:port` */
  readonly gatewayUrl: string;
  readonly id: string;
  readonly token: string;
  /** Default: the path of the first DataKits. */
  readonly path?: string;
  /** Default: what the first DataKits sent, not escaped, as they did. */
  readonly query?: string;
}

/**
 * A DataKit's end of the socket to a DataWay: keeps what came, and answers through `answer`. What each era answers is
 * written down in the classes beside this one; nothing here shares code with what it tests.
 */
export abstract class DatakitPeer {
  readonly options: DatakitPeerOptions;
  readonly messages: AnyMessage[] = [];
  /** How often it has connected. */
  connects = 0;
  /** Answers to `ping`. */
  pongs = 0;
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** Takes what comes and answers nothing. */
  mute = false;
  /** Answers wait here until `release`, when this is set. */
  held: string[] | undefined;
  protected socket: WebSocket | undefined;

  constructor(options: DatakitPeerOptions) {
    this.options = options;
  }

  /** What the era sends as soon as it is connected. */
  protected abstract greet(): void;
  /** The answer to one message; undefined for none. */
  protected abstract answer(message: AnyMessage): AnyMessage;
  protected abstract get queryOfEra(): string;

  get url(): string {
    const { gatewayUrl, path = "/v1/ws/datakit", query = this.queryOfEra } = this.options;
    return `${gatewayUrl}${path}${query === "" ? "" : `?${query}`}`;
  }

  /** Resolves once the socket is open; rejects with the status of a refusal. */
  async connect(): Promise<this> {
    const socket = new WebSocket(this.url, { perMessageDeflate: false });
    this.socket = socket;
    this.closed = undefined;
    socket.on("message", (bytes) => this.#receive(JSON.parse(String(bytes))));
    socket.on("pong", () => {
      this.pongs++;
    });
    socket.on("close", (code, reason) => {
      if (this.socket === socket) this.closed = { code, reason: String(reason) };
    });
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("unexpected-response", (_request, response) => {
        reject(new Error(`refused with ${response.statusCode}`));
        response.resume();
        socket.terminate();
      });
      socket.on("error", reject);
    });
    this.connects++;
    this.greet();
    return this;
  }

  send(message: AnyMessage): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  ping(): void {
    this.socket?.ping();
  }

  /** Messages of one type, as they came. */
  of(type: string | number): AnyMessage[] {
    return this.messages.filter((message) => message.type === type);
  }

  waitFor(type: string | number, count = 1): Promise<AnyMessage> {
    return waitUntil(
      `${count} messages ${type}`,
      () => {
        const found = this.of(type);
        return found.length >= count && found[count - 1];
      },
      { explain: () => JSON.stringify(this.messages).slice(-2000) },
    );
  }

  waitClosed(): Promise<{ readonly code: number; readonly reason: string }> {
    return waitUntil("the socket to close", () => this.closed);
  }

  /** Sends what was held, in another order when one is given. */
  release(order: (answers: readonly string[]) => readonly string[] = (answers) => answers): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const text of order(held)) this.sendText(text);
  }

  /** Goes without a word, as a host that loses its power. */
  vanish(): void {
    this.socket?.terminate();
  }

  close(): void {
    this.socket?.close();
  }

  #receive(message: AnyMessage): void {
    this.messages.push(message);
    if (this.mute) return;
    const answer = this.answer(message);
    if (answer === undefined) return;
    const text = JSON.stringify(answer);
    if (this.held) this.held.push(text);
    else this.sendText(text);
  }
}

/** What a collector's sample looks like here; a text with `= bad` in it cannot be parsed. */
export function sampleOf(input: string): string {
  return `# collects ${input}\n[[inputs.${input}]]\n  interval = "10s"\n`;
}
