import type { PointServer } from "./sender.ts";

/** Original gateways take sockets at the one port and points at the other. */
const CLASSIC_SOCKET_PORT = "9530";
const CLASSIC_POINT_PORT = "9528";
/** Paths of sockets, which an address may name. */
const SOCKET_PATHS = /\/(api\/v1\/ws|v1\/ws\/datakit)\/?$/;

/** Where the points of a server's agents go, from the address that its agents are given. */
export function buildPointServer(
  server: string,
  { token, protocol }: { readonly token: string; readonly protocol: string },
): PointServer {
  const url = new URL(server);
  url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "https:" : "http:";
  if (protocol === "dataway" && url.port === CLASSIC_SOCKET_PORT) url.port = CLASSIC_POINT_PORT;
  const isOwnPath = protocol === "dataway" && !SOCKET_PATHS.test(url.pathname); // of the socket, and of nothing else
  const path = isOwnPath ? "" : url.pathname.replace(SOCKET_PATHS, "").replace(/\/+$/, "");
  return { url: `${url.origin}${path}`, token };
}
