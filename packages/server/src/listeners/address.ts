import { BlockList, isIP } from "node:net";

const MAX_KNOWN = 10_000;

/** A set of address ranges. */
export class AddressRanges {
  readonly text: string;
  readonly #list = new BlockList();
  readonly #size: number;
  /** Of addresses that asked lately: they ask again. */
  readonly #known = new Map<string, boolean>();

  constructor(ranges: readonly string[]) {
    this.text = ranges.join(",");
    this.#size = ranges.length;
    for (const range of ranges) this.#add(range);
  }

  has(address: string): boolean {
    if (this.#size === 0) return false;
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const plain = normalizeAddress(address);
    const family = isIP(plain);
    const isIn = family !== 0 && this.#list.check(plain, family === 6 ? "ipv6" : "ipv4");
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(address, isIn);
    return isIn;
  }

  #add(range: string): void {
    const parsed = parseRange(range);
    if (!parsed) throw new Error(`"${range}" is not an address or a range such as 10.0.0.0/8`);
    this.#list.addSubnet(parsed.address, parsed.prefix, parsed.family);
  }
}

/** An address or an address with a prefix length; undefined for anything else. */
export function parseRange(range: string): { address: string; prefix: number; family: "ipv4" | "ipv6" } | undefined {
  const [address = "", prefixText, rest] = range.split("/");
  const version = isIP(address);
  if (version === 0 || rest !== undefined || address.includes("%")) return undefined;
  const longest = version === 6 ? 128 : 32;
  if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText)) return undefined;
  const prefix = prefixText === undefined ? longest : Number(prefixText);
  if (prefix > longest) return undefined;
  return { address, prefix, family: version === 6 ? "ipv6" : "ipv4" };
}

/** An IPv4 peer of an IPv6 socket is the IPv4 peer that it is; zones of link-local addresses are dropped. */
export function normalizeAddress(address: string): string {
  const zone = address.indexOf("%");
  const plain = zone === -1 ? address : address.slice(0, zone);
  if (!plain.includes(":")) return plain.toLowerCase();
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(plain);
  return mapped?.[1] ?? plain.toLowerCase();
}

const LOOPBACK = new AddressRanges(["127.0.0.0/8", "::1"]);

export function isLoopback(address: string): boolean {
  return LOOPBACK.has(address);
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** The headers with which proxies tell for whom they ask, and a page cannot be made to send them. */
const FORWARDING_HEADERS = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-port",
  "x-real-ip",
  "x-client-ip",
  "true-client-ip",
  "cf-connecting-ip",
  "via",
] as const;

/** True when some proxy says that it forwards for somebody else. */
export function hasForwardingHeader(headers: Headers): boolean {
  return FORWARDING_HEADERS.some((name) => headers[name] !== undefined);
}

const MAX_HOPS = 32;

/** Where a request comes from: the address that counts, and whether every hop up to it is a declared proxy. */
export interface RequestSource {
  readonly address: string;
  /** True when the peer is a declared proxy, so that its other forwarding headers count too. */
  readonly viaTrustedProxy: boolean;
  /** A declared proxy forwards for somebody, and does not say readably for whom: the address is the proxy's own. */
  readonly isHidden?: true;
}

/**
 * The socket's address, or behind declared proxies the last hop that is none of them, reading X-Forwarded-For (or
 * Forwarded) from the right, since everything further left was written by whoever is asking.
 */
export function findSource(socketAddress: string, headers: Headers, proxies: AddressRanges): RequestSource {
  const peer = normalizeAddress(socketAddress);
  if (!proxies.has(peer)) return { address: peer, viaTrustedProxy: false };
  let address = peer;
  const hops = readHops(headers).reverse().slice(0, MAX_HOPS);
  if (hops.length === 0 && hasForwardingHeader(headers)) return { address, viaTrustedProxy: true, isHidden: true };
  for (const hop of hops) {
    // a hop that cannot be read hides everything before it: the proxy itself is the last we know
    if (hop === undefined) return { address, viaTrustedProxy: true, isHidden: true };
    address = hop;
    if (!proxies.has(hop)) break;
  }
  return { address, viaTrustedProxy: true };
}

function readHops(headers: Headers): (string | undefined)[] {
  const list = join(headers["x-forwarded-for"]);
  if (list !== undefined) return list.split(",").map(readHop);
  const forwarded = join(headers.forwarded);
  if (forwarded === undefined) return [];
  return forwarded.split(",").map((element) => readHop(/(?:^|;)\s*for=("?)([^";]*)\1/i.exec(element)?.[2] ?? ""));
}

/** `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`; undefined for `unknown`, `_hidden` and nonsense. */
function readHop(text: string): string | undefined {
  const trimmed = text.trim();
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(trimmed);
  const withPort = /^(\d{1,3}(?:\.\d{1,3}){3}):\d+$/.exec(trimmed);
  const address = normalizeAddress(bracketed?.[1] ?? withPort?.[1] ?? trimmed);
  return isIP(address) === 0 ? undefined : address;
}

function join(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(",") : value;
}
