import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";

/** Where a listener can be reached. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

/** Interfaces come and go; they are read again at most this often, and only for an origin that is not known. */
const REFRESH_AFTER_MS = 5000;

/**
 * The origins and hosts under which this server is itself: the public URL, and for each listener the names and
 * addresses that lead to it. Never learnt from a request: a page that makes its own name point here stays a stranger.
 */
export class OwnOrigins {
  readonly #publicUrl: URL | undefined;
  readonly #now: () => number;
  readonly #listeners: ListenAddress[] = [];
  #origins = new Set<string>();
  #hosts = new Set<string>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(options: { readonly publicUrl?: string | undefined; readonly monotonic: () => number }) {
    this.#publicUrl = options.publicUrl === undefined ? undefined : new URL(options.publicUrl);
    this.#now = options.monotonic;
    this.#read();
  }

  /** Called when a listener has its port. */
  add(listener: ListenAddress): void {
    this.#listeners.push(listener);
    this.#read();
  }

  /** True for exactly one of our own origins; `null` and everything else is foreign. */
  isOwnOrigin(origin: string): boolean {
    return this.#has(() => this.#origins.has(origin));
  }

  /** True when a Host header names this server. */
  isOwnHost(host: string): boolean {
    return this.#has(() => this.#hosts.has(host.toLowerCase()));
  }

  /** What copied lines and links start with: the public URL, else the first listener's own address. No final slash. */
  get baseUrl(): string {
    if (this.#publicUrl) return this.#publicUrl.href.replace(/\/+$/, "");
    const main = this.#listeners[0];
    if (!main) return "http://127.0.0.1";
    const name = isWildcard(main.host) ? (firstReachable() ?? "127.0.0.1") : main.host;
    return originOf(main, bracket(name));
  }

  #has(check: () => boolean): boolean {
    if (check()) return true;
    if (this.#now() - this.#readAt < REFRESH_AFTER_MS) return false;
    this.#read();
    return check();
  }

  #read(): void {
    this.#readAt = this.#now();
    const origins = new Set<string>();
    if (this.#publicUrl) origins.add(this.#publicUrl.origin);
    for (const listener of this.#listeners) {
      for (const name of namesOf(listener)) origins.add(originOf(listener, name));
    }
    this.#origins = origins;
    this.#hosts = new Set([...origins].flatMap(hostsOf));
  }
}

function namesOf(listener: ListenAddress): string[] {
  const names = ["localhost", "127.0.0.1", "[::1]"];
  if (!isWildcard(listener.host)) return [...names, bracket(listener.host.toLowerCase())];
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address } of addresses ?? []) if (!address.startsWith("fe80")) names.push(bracket(address));
  }
  names.push(hostname().toLowerCase());
  return names;
}

function originOf(listener: ListenAddress, name: string): string {
  const url = `${listener.secure ? "https" : "http"}://${name}:${listener.port}`;
  return URL.canParse(url) ? new URL(url).origin : url;
}

/** The Host header may carry the scheme's own port or leave it out. */
function hostsOf(origin: string): string[] {
  const url = new URL(origin);
  return url.port === "" ? [url.host, `${url.host}:${url.protocol === "https:" ? 443 : 80}`] : [url.host];
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "";
}

function firstReachable(): string | undefined {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) if (!address.internal && address.family === "IPv4") return address.address;
  }
  return undefined;
}

function bracket(name: string): string {
  return isIP(name) === 6 ? `[${name}]` : name;
}

/** True for a Host header that is an address or `localhost`: no name that a stranger's DNS could point here. */
export function isAddressHost(host: string): boolean {
  const name = host.replace(/:\d+$/, "");
  const bare = name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name;
  return bare.toLowerCase() === "localhost" || isIP(bare) !== 0;
}
