import { type AddressRanges, hasForwardingHeader, isLoopback, type RequestSource } from "./address.ts";
import { isAddressHost } from "./origins.ts";

/** Who may use a door. With `token` its peers prove themselves; otherwise the address is all there is. */
export type DoorPolicy =
  | { readonly kind: "off" }
  | { readonly kind: "token" }
  | { readonly kind: "loopback" }
  | { readonly kind: "ranges"; readonly ranges: AddressRanges };

/** What the rules look at. */
export interface DoorVisit {
  readonly source: RequestSource;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly isOwnOrigin: (origin: string) => boolean;
}

/** Undefined when the visit may go on to the door; otherwise the reason to refuse it, and whether the door exists. */
export type Refusal = { readonly status: 403 | 404; readonly reason: string };

/**
 * The rules of the contract, section 2. A door whose peers show a token takes any origin, unless the operator narrowed
 * it. A door without authentication trusts an address, so everything that lets a stranger borrow one is refused: a
 * foreign page in a local browser, an undeclared proxy, a name that was made to point here.
 */
export function refuseVisit(
  policy: DoorPolicy,
  visit: DoorVisit,
  allowedOrigins: ReadonlySet<string> | undefined,
): Refusal | undefined {
  if (policy.kind === "off") return { status: 404, reason: "this door is closed" };
  const origin = single(visit.headers.origin);
  if (policy.kind === "token") {
    if (origin === undefined || !allowedOrigins || allowedOrigins.has(origin)) return undefined;
    return { status: 403, reason: "the origin is not allowed on this door" };
  }
  // the proxy's own address must not open what is closed to whoever stands behind it
  if (visit.source.isHidden) return { status: 403, reason: "the proxy does not say for whom it asks" };
  if (!isAllowedAddress(policy, visit.source.address)) {
    return { status: 403, reason: "this door is closed to your address" };
  }
  if (!visit.source.viaTrustedProxy && hasForwardingHeader(visit.headers)) {
    return { status: 403, reason: "the proxy is not declared" };
  }
  if (origin !== undefined && !visit.isOwnOrigin(origin) && allowedOrigins?.has(origin) !== true) {
    return { status: 403, reason: "pages of other origins may not use this door" };
  }
  // an image or a link of such a page comes without an origin, and some routes of the originals change things on GET
  if (origin === undefined && FOREIGN_SITES.has(single(visit.headers["sec-fetch-site"]) ?? "")) {
    return { status: 403, reason: "pages of other sites may not use this door" };
  }
  const host = single(visit.headers.host);
  if (host !== undefined && !isAddressHost(host)) {
    return { status: 403, reason: "use the address of this server, not a name" };
  }
  return undefined;
}

/** In words, for the log and the console. */
export function describePolicy(policy: DoorPolicy): { policy: string; openTo: string } {
  switch (policy.kind) {
    case "off":
      return { policy: "off", openTo: "nobody" };
    case "token":
      return { policy: "token", openTo: "everyone with an enrolment token" };
    case "loopback":
      return { policy: "loopback", openTo: "programs on this machine, without a token" };
    case "ranges":
      return { policy: policy.ranges.text, openTo: `addresses in ${policy.ranges.text}, without a token` };
  }
}

const FOREIGN_SITES: ReadonlySet<string> = new Set(["cross-site", "same-site"]);

/** Whether the address alone is enough. */
export function isAllowedAddress(policy: DoorPolicy, address: string): boolean {
  if (policy.kind === "loopback") return isLoopback(address);
  return policy.kind === "ranges" && policy.ranges.has(address);
}

/** A header that must be there once; a repeated one is joined and so matches nothing. */
function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(",") : value;
}
