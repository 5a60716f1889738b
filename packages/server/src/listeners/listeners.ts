import { readFileSync } from "node:fs";
import { type Clock, delay, MusterError } from "@muster/core";
import { AddressRanges } from "./address.ts";
import { Admission } from "./admission.ts";
import { LISTENER_LIMITS, type ListenerLimits, SocketBudget } from "./limits.ts";
import {
  Listener,
  type ListenerContext,
  type ListenerEvents,
  type OpenDoor,
  type Router,
  type TlsFiles,
  type WebApp,
} from "./listener.ts";
import type { OwnOrigins } from "./origins.ts";
import { BodyBudget } from "./plain-http.ts";
import { findOwner } from "./routes.ts";
import { WebSocketAcceptor } from "./websocket.ts";

export interface ListenersOptions {
  readonly host: string;
  readonly port: number;
  /** Listeners of their own for doors. */
  readonly doorListeners: readonly { readonly door: string; readonly host: string; readonly port: number }[];
  readonly doors: readonly OpenDoor[];
  readonly origins: OwnOrigins;
  readonly trustedProxies: readonly string[];
  readonly doorOrigins: readonly string[];
  readonly tls?: { readonly certPath: string; readonly keyPath: string } | undefined;
  readonly clock: Clock;
  readonly events: ListenerEvents;
  readonly limits?: Partial<ListenerLimits>;
  readonly budget?: SocketBudget;
  /** Upgrades of agents per second. */
  readonly admitRate: number;
}

/** All ports of the process. Opened together: either all of them listen or none does. */
export class Listeners {
  readonly budget: SocketBudget;
  readonly admission: Admission;
  /** Where each listener can be reached from this machine, the main one first. */
  readonly urls: string[] = [];
  readonly #context: ListenerContext;
  readonly #options: ListenersOptions;
  readonly #listeners: Listener[] = [];

  constructor(options: ListenersOptions) {
    const { clock, events, origins } = options;
    const limits = { ...LISTENER_LIMITS, ...options.limits };
    this.budget = options.budget ?? new SocketBudget();
    this.admission = new Admission({ clock, perSecond: options.admitRate, random: Math.random });
    this.#options = options;
    this.#context = {
      clock,
      limits,
      origins,
      events,
      budget: this.budget,
      admission: this.admission,
      acceptor: new WebSocketAcceptor({
        clock,
        limits,
        admit: (waitingHellos) => this.admission.admit(waitingHellos),
        onFailure: (error) => events.onFailure(error, "websocket"),
      }),
      bodies: { known: new BodyBudget(limits.bodyBytes), strangers: new BodyBudget(limits.strangerBodyBytes) },
      proxies: new AddressRanges(options.trustedProxies),
      doorOrigins: options.doorOrigins.length === 0 ? undefined : new Set(options.doorOrigins),
      tls: options.tls && readTls(options.tls),
    };
  }

  get openSockets(): number {
    return this.#context.acceptor.openCount;
  }

  /** Opens every port. The web app is given here, since it wants to know the origins that opening finds out. */
  async open(app: WebApp): Promise<void> {
    try {
      await this.#listen({ ...this.#options, name: "main", router: this.#mainRouter(app) });
      for (const { door: name, host, port } of this.#options.doorListeners) {
        const open = this.#findDoor(name);
        await this.#listen({ host, port, name: `${host}:${port}`, router: () => open });
      }
    } catch (error) {
      await this.close(0);
      throw error;
    }
  }

  /** First half of a drain: whoever dials now is refused by the system, and tries elsewhere or later. */
  stopAccepting(): Promise<void> {
    return Promise.all(this.#listeners.map((listener) => listener.stopAccepting())).then(() => undefined);
  }

  /** Second half: asks the sockets that are left to close, and ends them after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const stopped = this.stopAccepting();
    this.#context.acceptor.closeAll(1001, "the server is stopping");
    if (graceMs > 0 && (this.openSockets > 0 || this.budget.open > 0)) {
      const ended = new AbortController();
      const cancel = this.#context.clock.every(20, () => {
        if (this.openSockets === 0 && this.budget.open === 0) ended.abort();
      });
      await delay(this.#context.clock, graceMs, ended.signal);
      cancel();
    }
    this.#context.acceptor.terminateAll();
    for (const listener of this.#listeners) listener.terminate();
    await stopped;
  }

  async #listen(what: { host: string; port: number; name: string; router: Router }): Promise<void> {
    const listener = new Listener(what.name, what.router, this.#context);
    const port = await listener.listen(what.host, what.port).catch((error: unknown) => {
      throw cannotListen(what.host, what.port, error);
    });
    this.#listeners.push(listener);
    const secure = this.#context.tls !== undefined;
    this.#options.origins.add({ host: what.host, port, secure });
    this.urls.push(`${secure ? "https" : "http"}://${dialableHost(what.host)}:${port}`);
  }

  #mainRouter(app: WebApp): Router {
    return (path) => {
      const owner = findOwner(path);
      return typeof owner === "string" ? app : this.#findDoor(owner.door);
    };
  }

  #findDoor(name: string): OpenDoor | undefined {
    return this.#options.doors.find((open) => open.door.name === name);
  }
}

/** An address that listens for all is none that a browser or an agent should dial. */
function dialableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

function readTls(paths: { certPath: string; keyPath: string }): TlsFiles {
  try {
    return { cert: readFileSync(paths.certPath), key: readFileSync(paths.keyPath) };
  } catch (error) {
    throw new MusterError("invalid_argument", "the TLS certificate or key cannot be read", { ...paths }, error);
  }
}

function cannotListen(host: string, port: number, error: unknown): MusterError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "error";
  const why = code === "EADDRINUSE" ? "the port is in use" : code === "EACCES" ? "that needs more rights" : code;
  return new MusterError("failed_precondition", `cannot listen on ${host}:${port}: ${why}`, { host, port }, error);
}
