import type { IncomingHttpHeaders } from "node:http";
import { MusterError } from "@muster/core";
import type { Principal } from "@muster/core/resources";
import type { Access, Credentials, Identity } from "../fleet/access.ts";

export const SESSION_COOKIE = "muster_session";

/** Which origins and hosts are this server itself; the listeners know. */
export interface OwnAddresses {
  isOwnOrigin(origin: string): boolean;
  isOwnHost(host: string): boolean;
  readonly baseUrl: string;
}

/** What a request says about where it comes from. */
export interface CallerRequest {
  readonly headers: IncomingHttpHeaders;
  /** Writes and sockets need the exact origin when they ride on a cookie; reads do not, since no page can see them. */
  readonly needsOrigin: boolean;
}

/** Reads the one header and the one cookie that count. An Authorization header of another kind is not nobody. */
export function readCredentials(headers: IncomingHttpHeaders): Credentials {
  if (headers.authorization !== undefined) {
    const bearer = /^Bearer +([A-Za-z0-9._~+/=-]{1,500})$/i.exec(headers.authorization)?.[1];
    return { bearer: bearer ?? "" };
  }
  return { cookie: readCookie(headers.cookie) };
}

/**
 * Who is calling; undefined for nobody. Throws permission_denied when a cookie came along from a page or under a name
 * that is not this server's own: then it is the browser that speaks, and not the person.
 */
export async function findCaller(
  request: CallerRequest,
  parts: { readonly access: Access; readonly own: OwnAddresses },
): Promise<Identity | undefined> {
  const credentials = readCredentials(request.headers);
  if (credentials.bearer === undefined && credentials.cookie === undefined) return undefined;
  if (credentials.bearer === undefined) assertOwnPage(request, parts.own);
  return parts.access.authenticate(credentials);
}

/** The rule for everything that a browser does on its own account: cookies, and the login that sets one. */
export function assertOwnPage(request: CallerRequest, own: OwnAddresses): void {
  const { host, origin } = request.headers;
  if (host === undefined || !own.isOwnHost(host)) {
    const hint = `open ${own.baseUrl}, or start the server with --public-url`;
    throw new MusterError("permission_denied", `the server is not known under this name: ${hint}`, { reason: "host" });
  }
  const foreign = origin === undefined ? request.needsOrigin : !own.isOwnOrigin(origin);
  if (foreign) {
    throw new MusterError("permission_denied", "the request comes from a page of another origin", { reason: "origin" });
  }
}

/** How a caller is written down: people by their name, the others with their kind in front, which no name contains. */
export function actorOf(principal: Principal | undefined): string {
  if (!principal) return "anonymous";
  return principal.kind === "user" ? principal.name : `${principal.kind}:${principal.name}`;
}

export function sessionCookie(secret: string, options: { maxAgeS: number; secure: boolean }): string {
  const parts = [`${SESSION_COOKIE}=${secret}`, "Path=/", "HttpOnly", "SameSite=Strict", `Max-Age=${options.maxAgeS}`];
  return (options.secure ? [...parts, "Secure"] : parts).join("; ");
}

function readCookie(header: string | undefined): string | undefined {
  for (const part of (header ?? "").split(";")) {
    const equals = part.indexOf("=");
    if (equals !== -1 && part.slice(0, equals).trim() === SESSION_COOKIE) return part.slice(equals + 1).trim();
  }
  return undefined;
}
