import { connect } from "node:net";

/** Requests as bytes, which are sent over and over, each connection waiting for its answer before it goes on. */
export interface HttpLoad {
  readonly port: number;
  readonly connections: number;
  readonly durationMs: number;
  /** The bytes of the next request; undefined when there is none any more. */
  next(): Buffer | undefined;
}

export interface HttpLoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly latencyMs: readonly number[];
}

const HEAD_END = Buffer.from("\r\n\r\n");
const OK = "HTTP/1.1 200";

/** The whole of a request with a body. */
export function buildRequest(path: string, body: Uint8Array): Buffer {
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-protobuf\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}

/** Loads a server over keep-alive connections. A client of its own, which costs less than what it measures. Rejects on any other answer than 200. */
export async function loadOverHttp(load: HttpLoad): Promise<HttpLoadResult> {
  const latencyMs: number[] = [];
  const startedAt = performance.now();
  const endAt = startedAt + load.durationMs;
  await Promise.all(Array.from({ length: load.connections }, () => runConnection(load, endAt, latencyMs)));
  return { requests: latencyMs.length, seconds: (performance.now() - startedAt) / 1000, latencyMs };
}

function runConnection(load: HttpLoad, endAt: number, latencyMs: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: load.port, noDelay: true });
    let waiting: Buffer | undefined;
    let sentAt = 0;
    const send = () => {
      sentAt = performance.now();
      const request = sentAt < endAt ? load.next() : undefined;
      if (request) socket.write(request);
      else socket.end();
    };
    socket.on("connect", send);
    socket.on("data", (chunk) => {
      const bytes = waiting ? Buffer.concat([waiting, chunk]) : chunk;
      const length = lengthOf(bytes);
      if (length === undefined || bytes.length < length) {
        waiting = bytes;
        return;
      }
      waiting = undefined;
      if (bytes.toString("latin1", 0, OK.length) !== OK) {
        socket.destroy();
        reject(new Error(`answered ${bytes.toString("latin1", 0, 200)}`));
        return;
      }
      latencyMs.push(performance.now() - sentAt);
      send();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve());
  });
}

/** Of the whole answer, once its head is there. */
function lengthOf(bytes: Buffer): number | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) return undefined;
  const head = bytes.toString("latin1", 0, end).toLowerCase();
  const at = head.indexOf("content-length:");
  return end + HEAD_END.length + (at === -1 ? 0 : Number.parseInt(head.slice(at + "content-length:".length), 10));
}
