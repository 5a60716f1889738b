import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/**
 * A WebSocket client that costs less than the server it measures: frames are built with a mask of zeroes, incoming ones
 * are found by their headers and handed over as bytes. Text frames of any length, no fragments; it answers pings.
 */
export interface RawSocketHandler {
  onText(payload: Buffer): void;
  onClose(): void;
}

export interface RawSocketTarget {
  readonly host: string;
  readonly port: number;
  /** Path and query. */
  readonly path: string;
  /** The source address, to get past the limit of ports per address. */
  readonly localAddress?: string;
}

/** The server answered the upgrade with something else. */
export class UpgradeRefused extends Error {
  readonly status: number;
  /** What Retry-After said. */
  readonly waitS: number | undefined;

  constructor(head: string) {
    super(`no upgrade: ${head.split("\r\n")[0]}`);
    this.status = Number(head.split(" ")[1]);
    const wait = /^retry-after: *(\d+)/im.exec(head)?.[1];
    this.waitS = wait === undefined ? undefined : Number(wait);
  }
}

/** Masked client frame around a text. */
export function buildTextFrame(text: string): Buffer {
  return buildFrame(0x81, Buffer.from(text));
}

const LOWEST_PORT = 10_000;
const PORTS = 50_000;
let nextPort = process.pid * 7919;

/** The kernel's own search for a free port of an address takes longer the more are in use: up to 1 ms for each connection. */
function takePort(): number {
  return LOWEST_PORT + (nextPort++ % PORTS);
}

/** Connects and upgrades; resolves once the server has switched protocols. */
export async function openRawSocket(target: RawSocketTarget, handler: RawSocketHandler): Promise<Socket> {
  const { localAddress } = target;
  if (localAddress === undefined) return openFrom(target, {}, handler);
  for (let tries = 0; ; tries++) {
    try {
      return await openFrom(target, { localAddress, localPort: takePort() }, handler);
    } catch (error) {
      const inUse = error instanceof Error && "code" in error && String(error.code).startsWith("EADDR");
      if (!inUse || tries >= 100) throw error;
    }
  }
}

function openFrom(
  target: RawSocketTarget,
  from: { localAddress?: string; localPort?: number },
  handler: RawSocketHandler,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.host, port: target.port, ...from });
    socket.setNoDelay(true);
    socket.once("error", reject);
    socket.on("error", () => {}); // a later one is told by close
    socket.once("connect", () => {
      const key = randomBytes(16).toString("base64");
      socket.write(
        `GET ${target.path} HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\nUpgrade: websocket\r\n` +
          `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      );
    });
    let pending: Buffer<ArrayBufferLike> = Buffer.alloc(0);
    let upgraded = false;
    socket.on("data", (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      if (!upgraded) {
        const end = pending.indexOf("\r\n\r\n");
        if (end === -1) return;
        const status = pending.toString("latin1", 0, pending.indexOf("\r\n"));
        if (!status.includes(" 101 ")) {
          socket.destroy();
          return reject(new UpgradeRefused(pending.toString("latin1", 0, end)));
        }
        upgraded = true;
        pending = pending.subarray(end + 4);
        resolve(socket);
      }
      pending = takeFrames(pending, socket, handler);
    });
    socket.once("close", () => {
      reject(new Error("the connection was closed during the upgrade"));
      if (upgraded) handler.onClose();
    });
  });
}

/** Hands over every whole frame and answers what is left. */
function takeFrames(
  bytes: Buffer<ArrayBufferLike>,
  socket: Socket,
  handler: RawSocketHandler,
): Buffer<ArrayBufferLike> {
  let offset = 0;
  while (bytes.length - offset >= 2) {
    const opcode = (bytes[offset] ?? 0) & 0x0f;
    let length = (bytes[offset + 1] ?? 0) & 0x7f;
    let start = offset + 2;
    if (length === 126) {
      if (bytes.length < start + 2) break;
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (length === 127) {
      if (bytes.length < start + 8) break;
      length = Number(bytes.readBigUInt64BE(start));
      start += 8;
    }
    if (bytes.length < start + length) break;
    const payload = bytes.subarray(start, start + length);
    offset = start + length;
    if (opcode === 0x1) handler.onText(payload);
    else if (opcode === 0x9) socket.write(buildFrame(0x8a, payload));
  }
  return bytes.subarray(offset);
}

function buildFrame(firstByte: number, payload: Buffer): Buffer {
  const extended = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + extended + 4 + payload.length); // the four mask bytes stay zero
  frame[0] = firstByte;
  if (extended === 0) frame[1] = 0x80 | payload.length;
  else if (extended === 2) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(payload.length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  payload.copy(frame, 2 + extended + 4);
  return frame;
}
