import { createServer, type Server } from "node:net";

/** A port of one process. */
export interface PortRequest {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

export interface AcceptorOptions {
  readonly allowHalfOpen: boolean;
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
}

/**
 * The event loop takes one connection per listening socket and turn. In a storm the turns are long, thousands wait in the
 * system's queue, and an operator would wait behind them all; with many sockets on the same port each turn takes many.
 */
const SOCKETS = 32;
const BACKLOG = 1024;

/**
 * Listens with the server and, where the system can share a port (Linux), with more sockets that hand their connections
 * to it. Answers the port and the additional sockets, which are to be closed with the server.
 */
export async function listenWithMany(
  server: Server,
  { host, port }: PortRequest,
  options: AcceptorOptions,
): Promise<{ readonly port: number; readonly acceptors: readonly Server[] }> {
  // who shares ports shares them with strangers too: a port that somebody else has must be noticed first
  if (port !== 0) await claim(host, port);
  let bound: number;
  try {
    bound = await bind(server, { host, port, reusePort: true });
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    return { port: await bind(server, { host, port }), acceptors: [] };
  }
  const acceptors: Server[] = [];
  while (acceptors.length < SOCKETS - 1) {
    const acceptor = createServer(options, (socket) => server.emit("connection", socket));
    acceptors.push(acceptor);
    await bind(acceptor, { host, port: bound, reusePort: true });
  }
  return { port: bound, acceptors };
}

async function claim(host: string, port: number): Promise<void> {
  const probe = createServer();
  await bind(probe, { host, port });
  await new Promise<void>((resolve) => {
    probe.close(() => resolve());
  });
}

function bind(server: Server, options: PortRequest & { readonly reusePort?: boolean }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...options, backlog: BACKLOG }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : options.port);
    });
  });
}

function isUnsupported(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ENOTSUP", "EOPNOTSUPP", "EINVAL"].includes(String(error.code));
}
