import { connect as connectPlain, type NetConnectOpts, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { ServiceTrouble } from "../failure.ts";

/** What an answer may hold; a peer that sends more is given up. Of Redis' protocol RESP2. */
export const REDIS_LIMITS = {
  /** Bytes of a whole answer. INFO of a server with every command in use has some 20 KiB. */
  answer: 4 * 1024 * 1024,
  /** Bytes of a line: a status, an error, a number, a length. */
  line: 16 * 1024,
  items: 1000,
  depth: 4,
} as const;

export type RedisAnswer = string | bigint | null | readonly RedisAnswer[];

/** An error that the server answered, in its words. */
export class RedisRefusal extends Error {}

/** A connection on which one question is asked after the other. */
export interface RedisClient {
  /** Rejects with `RedisRefusal`, or with what ended the connection. */
  ask(...words: readonly string[]): Promise<RedisAnswer>;
  /** Lets go of it now. */
  close(): void;
}

export interface RedisPlace {
  readonly connect: NetConnectOpts;
  /** Absent without TLS. */
  readonly tls?: ConnectionOptions;
  /** How the place is called in messages. */
  readonly name: string;
}

/**
 * Connects. Nothing is read unless an answer is waited for, and of that no more than the limits say, so that a peer that
 * never stops fills nobody's memory.
 */
export async function openRedis({ connect, tls, name }: RedisPlace, signal: AbortSignal): Promise<RedisClient> {
  signal.throwIfAborted();
  const socket: Socket = tls ? connectTls({ ...connect, ...tls } as ConnectionOptions) : connectPlain(connect);
  const stop = () => socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(tls ? "secureConnect" : "connect", resolve);
      socket.once("error", reject).once("close", () => reject(new ServiceTrouble(`connection closed by ${name}`)));
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  socket.on("error", () => {}); // the next question tells
  const answers = new AnswerReader(socket, name);
  return {
    async ask(...words) {
      const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${words.length}\r\n${bulks.join("")}`);
      return answers.next();
    },
    close: () => void socket.destroy(),
  };
}

/** Takes answers out of what a peer sends. */
class AnswerReader {
  readonly #pieces: AsyncIterator<Buffer>;
  readonly #name: string;
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes that the answer may still have. */
  #left = 0;

  constructor(socket: Socket, name: string) {
    this.#pieces = socket[Symbol.asyncIterator]();
    this.#name = name;
  }

  async next(): Promise<RedisAnswer> {
    this.#left = REDIS_LIMITS.answer;
    return this.#read(0);
  }

  async #read(depth: number): Promise<RedisAnswer> {
    const line = await this.#line();
    const content = line.slice(1);
    switch (line[0]) {
      case "+":
        return content;
      case "-":
        throw new RedisRefusal(content);
      case ":":
        return BigInt(this.#whole(content));
      case "$": {
        const length = this.#whole(content);
        return length < 0 ? null : (await this.#bytes(length + 2)).toString("utf8", 0, length);
      }
      case "*": {
        const length = this.#whole(content);
        if (length < 0) return null;
        if (length > REDIS_LIMITS.items || depth >= REDIS_LIMITS.depth) throw this.#tooMuch();
        const items: RedisAnswer[] = [];
        while (items.length < length) items.push(await this.#read(depth + 1));
        return items;
      }
      default:
        throw this.#noRedis();
    }
  }

  #whole(text: string): number {
    if (!/^-?\d{1,15}$/.test(text)) throw this.#noRedis();
    return Number(text);
  }

  /** A line without its end. */
  async #line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\r\n");
      if (end > REDIS_LIMITS.line || (end < 0 && this.#rest.length > REDIS_LIMITS.line)) throw this.#tooMuch();
      if (end >= 0) return this.#take(end + 2).toString("utf8", 0, end);
      this.#rest = Buffer.concat([this.#rest, await this.#piece()]);
    }
  }

  async #bytes(count: number): Promise<Buffer> {
    if (count > this.#left) throw this.#tooMuch();
    const pieces = [this.#rest];
    for (let length = this.#rest.length; length < count; ) {
      const piece = await this.#piece();
      length += piece.length;
      pieces.push(piece);
    }
    this.#rest = Buffer.concat(pieces);
    return this.#take(count);
  }

  #take(count: number): Buffer {
    if (count > this.#left) throw this.#tooMuch();
    this.#left -= count;
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  async #piece(): Promise<Buffer> {
    const { done, value } = await this.#pieces.next();
    if (done) throw new ServiceTrouble(`connection closed by ${this.#name}`);
    return value;
  }

  #tooMuch(): ServiceTrouble {
    return new ServiceTrouble(`${this.#name} answered with more than Redis would`);
  }

  #noRedis(): ServiceTrouble {
    return new ServiceTrouble(`${this.#name} is no Redis: nobody could read its answer`);
  }
}
