import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { findFreePort, makeTempDir, onEnd, type Scope } from "@muster/testing";

/** An HTTP server of this test on 127.0.0.1; answers its base address. */
export async function serveHttp(scope: Scope, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  return `http://127.0.0.1:${await readyPort(scope, server)}`;
}

export interface CertificateFiles {
  readonly keyPath: string;
  /** The certificate, which is its own authority. */
  readonly certPath: string;
}

/** A certificate for `localhost` that ends in a day, in files that every user of this machine may read. */
export async function makeCertificate(scope: Scope): Promise<CertificateFiles> {
  const folder = await makeTempDir(scope);
  await chmod(folder, 0o755);
  const [keyPath, certPath] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", keyPath];
  execFileSync("openssl", ["req", "-x509", ...key, ...subject, "-out", certPath], { stdio: "ignore" });
  await chmod(keyPath, 0o644);
  return { keyPath, certPath };
}

export interface TlsFake {
  readonly url: string;
  readonly certPath: string;
}

/** An HTTP server over TLS, for `localhost`. */
export async function serveTls(scope: Scope, answer: RequestListener): Promise<TlsFake> {
  const { keyPath, certPath } = await makeCertificate(scope);
  const server = createTlsServer({ key: readFileSync(keyPath), cert: readFileSync(certPath) }, answer);
  server.listen(0, "127.0.0.1");
  return { url: `https://localhost:${await readyPort(scope, server)}`, certPath };
}

/** A TCP server of this test; answers its port. */
export async function serveTcp(scope: Scope, onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    onConnection(socket);
  }).listen(0, "127.0.0.1");
  const port = await readyPort(scope, server);
  onEnd(scope, () => {
    for (const socket of sockets) socket.destroy();
  });
  return port;
}

/** A place of 127.0.0.1 where nothing listens. */
export async function findDeadPlace(): Promise<string> {
  return `127.0.0.1:${await findFreePort()}`;
}

interface Closable {
  address(): AddressInfo | string | null;
  close(done: () => void): unknown;
  closeAllConnections?(): void;
  once(event: string, listener: () => void): unknown;
}

async function readyPort(scope: Scope, server: Closable): Promise<number> {
  await once(server as never, "listening");
  onEnd(scope, async () => {
    server.closeAllConnections?.();
    await new Promise<void>((resolve) => void server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A small deterministic generator (mulberry32), so that a failure of a fuzz test can be repeated. */
export function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Deletes, repeats or overwrites a stretch of characters. */
export function mutateText(text: string, random: (below: number) => number, alphabet: string): string {
  const at = random(text.length + 1);
  const length = random(8);
  switch (random(3)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, at) + text.slice(Math.max(0, at - length));
    default:
      return `${text.slice(0, at)}${alphabet[random(alphabet.length)]}${text.slice(at + 1)}`;
  }
}
