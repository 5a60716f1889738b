import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { onEnd, type Scope } from "./scope.ts";

type State = "open" | "cut" | "stalled";

/** One way through the proxy: who came, and the connection that was made for it. */
interface Pair {
  readonly client: Socket;
  upstream?: Socket;
}

/** A wire between a program and its engine that a test can cut, clog and mend. It knows nothing of what flows through it. */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: number;
  readonly #pairs = new Set<Pair>();
  #state: State = "open";

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (client) => this.#accept(client));
  }

  /** Listens on a free port of 127.0.0.1 and leads to `target` there. Ends with its scope. */
  static async start(scope: Scope, target: number): Promise<TcpProxy> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const proxy = new TcpProxy(server, target);
    onEnd(scope, () => {
      proxy.cut();
      server.close();
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections end at once and new ones are refused, as when a program at the other end dies. */
  cut(): void {
    this.#state = "cut";
    for (const pair of this.#pairs) end(pair);
  }

  /** Nothing arrives any more and nobody is told, as when a network is cut. What was sent waits; new connections get no answer. */
  stall(): void {
    this.#state = "stalled";
    for (const { client, upstream } of this.#pairs) {
      client.pause();
      upstream?.pause();
    }
  }

  /** Everything flows again, also what waited meanwhile, as TCP sends it again. */
  heal(): void {
    this.#state = "open";
    for (const pair of this.#pairs) {
      if (!pair.upstream) this.#lead(pair);
      pair.client.resume();
      pair.upstream?.resume();
    }
  }

  #accept(client: Socket): void {
    if (this.#state === "cut") {
      client.on("error", () => {}).resetAndDestroy();
      return;
    }
    const pair: Pair = { client };
    this.#pairs.add(pair);
    this.#watch(client, pair);
    if (this.#state === "open") this.#lead(pair);
  }

  #lead(pair: Pair): void {
    const upstream = connect(this.#target, "127.0.0.1");
    pair.upstream = upstream;
    this.#watch(upstream, pair);
    this.#pass(pair.client, upstream);
    this.#pass(upstream, pair.client);
  }

  #watch(socket: Socket, pair: Pair): void {
    socket.setNoDelay(true);
    socket.on("error", () => {}); // its close follows
    socket.on("close", () => {
      this.#pairs.delete(pair);
      end(pair);
    });
  }

  #pass(from: Socket, to: Socket): void {
    from.on("data", (bytes) => {
      if (!to.write(bytes)) from.pause();
    });
    to.on("drain", () => {
      if (this.#state === "open") from.resume();
    });
    from.on("end", () => to.end());
  }
}

function end({ client, upstream }: Pair): void {
  client.resetAndDestroy();
  upstream?.resetAndDestroy();
}
