import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Server as NetServer } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, hasCode } from "@muster/core";
import { listenWithMany } from "./acceptors.ts";
import { type AddressRanges, findSource, type RequestSource } from "./address.ts";
import type { Admission } from "./admission.ts";
import type { Door, PlainRequest, PlainResponse, UpgradeDecision } from "./door.ts";
import { type DoorPolicy, refuseVisit } from "./door-policy.ts";
import type { ListenerLimits, SocketBudget } from "./limits.ts";
import type { OwnOrigins } from "./origins.ts";
import {
  type BodyBudget,
  LaterAnswers,
  type PlainContext,
  plainProblem,
  type RequestTarget,
  readBody,
  readTarget,
  refuseUpgrade,
  toPlainRequest,
  writePlainResponse,
} from "./plain-http.ts";
import type { WebSocketAcceptor } from "./websocket.ts";

/** A door with what the operator decided about it. */
export interface OpenDoor {
  readonly door: Door;
  readonly policy: DoorPolicy;
}

/** How a request reached our API. */
export interface WebVisit {
  readonly source: RequestSource;
  /** The browser's own connection is encrypted: here, or at a declared proxy. */
  readonly secure: boolean;
}

/** Our API and console, as a listener sees them. */
export interface WebApp {
  handle(request: IncomingMessage, response: ServerResponse, visit: WebVisit): void;
  upgrade(request: PlainRequest, visit: WebVisit): Promise<UpgradeDecision>;
}

const NO_BODY = new Uint8Array();
const BY_TOKEN: DoorPolicy = { kind: "token" };

/** Who answers for a path on this listener; undefined means nobody. */
export type Router = (path: string) => OpenDoor | WebApp | undefined;

export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Told of what no peer can be told. */
export interface ListenerEvents {
  onFailure(error: unknown, where: string): void;
}

/** What every listener of a process shares. */
export interface ListenerContext {
  readonly clock: Clock;
  readonly limits: ListenerLimits;
  readonly budget: SocketBudget;
  /** For the upgrades of agents only: what operators do is never held back by it. */
  readonly admission: Admission;
  readonly acceptor: WebSocketAcceptor;
  readonly bodies: { readonly known: BodyBudget; readonly strangers: BodyBudget };
  readonly proxies: AddressRanges;
  readonly origins: OwnOrigins;
  /** Undefined: any origin may use a door with a token. */
  readonly doorOrigins: ReadonlySet<string> | undefined;
  readonly tls: TlsFiles | undefined;
  readonly events: ListenerEvents;
}

const RETRY_LATER = { "retry-after": "5" };
/** Descriptors do not come free as quickly as the rate does. */
const LEAST_WAIT_FOR_ROOM_S = 5;
/** Who asks whether the process lives is answered as long as there is a socket for it. */
const HEALTH_PATHS: readonly string[] = ["/healthz", "/readyz"];

/** One port. It opens and closes sockets and keeps the limits; what is said on them is not its business. */
export class Listener {
  /** `main`, or host:port for the log and for doors. */
  readonly name: string;
  readonly #context: ListenerContext;
  readonly #router: Router;
  readonly #server: Server;
  readonly #later = new LaterAnswers();
  /** Everything that listens: the server and those that hand their connections to it. */
  #ports: readonly NetServer[] = [];

  constructor(name: string, router: Router, context: ListenerContext) {
    this.name = name;
    this.#router = router;
    this.#context = context;
    this.#server = createServer(context);
    this.#server.on("connection", (socket) => context.budget.enter(socket, this.name));
    this.#server.on("request", (request, response) => this.#onRequest(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket, head));
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => onClientError(error, socket));
  }

  /** Resolves with the port once it takes connections. */
  async listen(host: string, port: number): Promise<number> {
    // as the server itself would open them
    const options = { ...SOCKET_OPTIONS, allowHalfOpen: this.#context.tls === undefined };
    const listening = await listenWithMany(this.#server, { host, port }, options);
    this.#ports = [this.#server, ...listening.acceptors];
    for (const one of this.#ports) one.on("error", (error) => this.#context.events.onFailure(error, this.name));
    return listening.port;
  }

  /** Takes no new connections; those that are busy go on. Resolves when the last HTTP one has ended. */
  async stopAccepting(): Promise<void> {
    const closed = this.#ports.map((one) => (one.listening ? new Promise((resolve) => one.close(resolve)) : undefined));
    this.#server.closeIdleConnections();
    await Promise.all(closed);
  }

  /** Ends what is still open. WebSockets are the acceptor's. */
  terminate(): void {
    this.#server.closeAllConnections();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { budget, limits } = this.#context;
    budget.hear(request.socket, this.name);
    // set by the server it would stay with every socket that becomes a WebSocket, unused
    request.socket.setTimeout(limits.idleTimeoutMs);
    const target = readTarget(request.url);
    const owner = target && this.#router(target.path);
    const refusal = this.#refuseHeaders(request) ?? this.#refuseAny(target, owner);
    if (refusal) writeAndClose(response, refusal);
    else if (!target || !owner) response.destroy();
    else if (!isDoor(owner)) owner.handle(request, response, this.#visitOf(request));
    else {
      this.#askDoor(owner, target, request, response).catch((error: unknown) => {
        this.#context.events.onFailure(error, owner.door.name);
        if (response.headersSent) response.destroy();
        else writeAndClose(response, plainProblem(500, "internal error"));
      });
    }
  }

  /** Node drops what is too many without a word: a hop's own headers, which come last, would vanish behind a stranger's. */
  #refuseHeaders({ rawHeaders }: IncomingMessage): PlainResponse | undefined {
    const { headerCount } = this.#context.limits;
    return rawHeaders.length > 2 * headerCount ? plainProblem(431, `at most ${headerCount} headers`) : undefined;
  }

  /** What is wrong with a request whoever it is for. */
  #refuseAny(target: RequestTarget | undefined, owner: OpenDoor | WebApp | undefined): PlainResponse | undefined {
    if (!target) return plainProblem(400, "the request target is not a path");
    const { budget } = this.#context;
    const isRoom = owner && isDoor(owner) ? !budget.isClosedToAgents : !budget.isFull;
    if (!isRoom && !HEALTH_PATHS.includes(target.path)) {
      budget.refused += 1;
      this.#makeRoom();
      return plainProblem(503, "too many connections", RETRY_LATER);
    }
    return owner ? undefined : plainProblem(404, "nothing is here");
  }

  /** Connections that are kept open for a next request which may never come are the first to go. */
  #makeRoom(): void {
    const { budget, clock } = this.#context;
    if (budget.mayTidy(clock.monotonic())) this.#server.closeIdleConnections();
  }

  /** The seconds after which an agent should come back; 0 when its upgrade may go on. */
  #holdBack({ door }: OpenDoor): number {
    const { admission, budget } = this.#context;
    if (!budget.isClosedToAgents) return admission.admit(door.waitingCount);
    budget.refused += 1;
    this.#makeRoom();
    return Math.max(LEAST_WAIT_FOR_ROOM_S, admission.refuse("descriptors"));
  }

  async #askDoor(
    open: OpenDoor,
    target: RequestTarget,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const refusal = this.#refuseDoor(open, request, target);
    if (refusal) {
      writeAndClose(response, refusal);
      return;
    }
    const context = this.#plainContext(request, target);
    const { door } = open;
    const admitted = door.admitBody
      ? await door.admitBody(toPlainRequest(request, context, NO_BODY))
      : { maxBytes: door.maxBodyBytes, isKnown: false };
    if ("refuse" in admitted) {
      writeAndClose(response, admitted.refuse);
      return;
    }
    const { maxBytes, isKnown } = admitted;
    const bodies = isKnown ? this.#context.bodies.known : this.#context.bodies.strangers;
    const body = await readBody(request, maxBytes, bodies).catch(refuseBody(maxBytes));
    if (!(body instanceof Uint8Array)) {
      writeAndClose(response, body);
      return;
    }
    try {
      const answer = await door.respond(toPlainRequest(request, context, body));
      if (!response.destroyed) writePlainResponse(response, answer);
    } finally {
      bodies.used -= body.length;
    }
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // a reset while the door thinks must not become an uncaught error
    socket.on("error", ignore);
    this.#context.budget.hear(request.socket, this.name);
    const excess = this.#refuseHeaders(request);
    if (excess) {
      refuseUpgrade(socket, excess);
      return;
    }
    const target = readTarget(request.url);
    const owner = target && this.#router(target.path);
    const waitS = owner && isDoor(owner) ? this.#holdBack(owner) : 0;
    if (waitS > 0) {
      // in a storm this is most of what the process does: nothing is looked up, no timer is left behind
      this.#later.send(socket, waitS);
      return;
    }
    const refusal = this.#refuseAny(target, owner);
    if (refusal || !target || !owner) {
      refuseUpgrade(socket, refusal ?? plainProblem(404, "nothing is here"));
      return;
    }
    const cancel = this.#context.clock.after(this.#context.limits.upgradeTimeoutMs, () => socket.destroy());
    const context = this.#plainContext(request, target);
    this.#decide(owner, request, context)
      .then((decision) => this.#settle(decision, { request, socket, head, remoteAddress: context.remoteAddress }))
      .catch((error: unknown) => {
        this.#context.events.onFailure(error, isDoor(owner) ? owner.door.name : "api");
        refuseUpgrade(socket, plainProblem(500, "internal error"));
      })
      .finally(cancel);
  }

  async #decide(owner: OpenDoor | WebApp, request: IncomingMessage, context: PlainContext): Promise<UpgradeDecision> {
    const plain = toPlainRequest(request, context, new Uint8Array());
    if (!isDoor(owner)) return owner.upgrade(plain, this.#visitOf(request));
    const refusal = this.#refuseDoor(owner, request, context.target);
    const decision = refusal ? { refuse: refusal } : await owner.door.upgrade(plain);
    if ("refuse" in decision) this.#context.admission.giveBack();
    return decision;
  }

  #settle(
    decision: UpgradeDecision,
    upgrade: { request: IncomingMessage; socket: Duplex; head: Buffer; remoteAddress: string },
  ): void {
    const { request, socket, head, remoteAddress } = upgrade;
    if ("refuse" in decision) {
      refuseUpgrade(socket, decision.refuse);
      return;
    }
    if (socket.destroyed) return;
    socket.off("error", ignore);
    const { accept: handler, maxFrameBytes } = decision;
    this.#context.acceptor.accept(request, socket, head, { handler, maxFrameBytes, remoteAddress });
  }

  #refuseDoor(open: OpenDoor, request: IncomingMessage, target: RequestTarget): PlainResponse | undefined {
    const { origins, doorOrigins } = this.#context;
    const visit = {
      source: this.#sourceOf(request),
      headers: request.headers,
      isOwnOrigin: (origin: string) => origins.isOwnOrigin(origin),
    };
    const showsToken = open.policy.kind !== "off" && open.door.showsToken?.(target.path, request.headers) === true;
    const refusal = refuseVisit(showsToken ? BY_TOKEN : open.policy, visit, doorOrigins);
    return refusal && plainProblem(refusal.status, refusal.reason);
  }

  #plainContext(request: IncomingMessage, target: RequestTarget): PlainContext {
    return { target, remoteAddress: this.#sourceOf(request).address, listener: this.name };
  }

  #visitOf(request: IncomingMessage): WebVisit {
    const source = this.#sourceOf(request);
    const forwarded = source.viaTrustedProxy && request.headers["x-forwarded-proto"] === "https";
    return { source, secure: this.#context.tls !== undefined || forwarded };
  }

  #sourceOf(request: IncomingMessage): RequestSource {
    return findSource(request.socket.remoteAddress ?? "", request.headers, this.#context.proxies);
  }
}

/** Keep-alive finds peers that vanished without a word; pings would kill some original agents. */
const SOCKET_OPTIONS = { keepAlive: true, keepAliveInitialDelay: 30_000, noDelay: true };

function createServer({ limits, tls }: ListenerContext): Server {
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    ...SOCKET_OPTIONS,
    insecureHTTPParser: false,
    // `Upgrade: h2c` is an offer that may be ignored
    shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === "websocket",
  };
  const server = tls
    ? createHttpsServer({
        ...options,
        ...tls,
        minVersion: "TLSv1.2",
        handshakeTimeout: limits.tlsHandshakeTimeoutMs,
      })
    : createHttpServer(options);
  // one more than is allowed, so that it can be seen
  server.maxHeadersCount = limits.headerCount + 1;
  return server;
}

function isDoor(owner: OpenDoor | WebApp): owner is OpenDoor {
  return "door" in owner;
}

/** For answers that come before the request was read: the rest of it must not be taken for the next one. */
function writeAndClose(response: ServerResponse, plain: PlainResponse): void {
  if (response.destroyed) return;
  response.shouldKeepAlive = false;
  response.once("finish", () => response.socket?.destroySoon());
  writePlainResponse(response, plain);
}

function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
  if (error.code === "ECONNRESET") socket.destroy();
  else refuseUpgrade(socket, { status });
}

/** Too large, too many, or the peer went away in the middle of it: then nobody reads this. */
function refuseBody(maxBytes: number): (error: unknown) => PlainResponse {
  return (error) =>
    hasCode(error, "unavailable")
      ? plainProblem(503, "too many bodies at once", RETRY_LATER)
      : plainProblem(413, `at most ${maxBytes} bytes`);
}

function ignore(): void {}
