import type { TokenId } from "@muster/core";
import type { PointSource } from "../../../fleet/point-owners.ts";
import type { PlainRequest } from "../../../listeners/door.ts";
import { single } from "./credentials.ts";

const MAX_NAME = 255;

/** Who writes: a header of today's, or the cookie by which the first agents told it on every write. */
export function readSource(request: PlainRequest, tokenId: TokenId | null): PointSource {
  const cookie = readCookie(single(request.headers.cookie) ?? "");
  const externalId = clean(single(request.headers["x-datakit-uuid"])) ?? clean(cookie.get("uuid"));
  const hostname = clean(cookie.get("hostname"));
  return { externalId, hostname, remoteAddress: request.remoteAddress, tokenId };
}

/** The name of a body, which is the same when it is sent again; holders of another token name theirs apart. */
export function readPackageId({ headers }: PlainRequest, realm: string): string | undefined {
  const id = single(headers["x-pkg-id"]);
  return id !== undefined && /^[\w.-]{1,128}$/.test(id) ? `${realm} ${id}` : undefined;
}

function readCookie(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const part of text.slice(0, 4096).split(";")) {
    const equals = part.indexOf("=");
    if (equals > 0) pairs.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  return pairs;
}

function clean(name: string | undefined): string | undefined {
  const text = (name ?? "").replace(/\p{Cc}/gu, "").trim();
  return text === "" || text.length > MAX_NAME ? undefined : text;
}
