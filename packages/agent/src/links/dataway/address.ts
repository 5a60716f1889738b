import { buildConnectionQuery, type ConnectionQuery } from "@muster/protocols/dataway";

/** Where DataKits look for a gateway's socket unless they are told another place. */
const USUAL_PATH = "/v1/ws/datakit";
/** A gateway that is named by the port of its HTTP side takes sockets at this one. */
const CLASSIC_SOCKET_PORT = "9530";
const CLASSIC_POINT_PORT = "9528";

/** The address of a gateway's socket. The query is appended raw, as the originals do. */
export function buildGatewayUrl(server: string, query: ConnectionQuery): string {
  const url = new URL(server);
  url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "wss:" : "ws:";
  if (url.port === CLASSIC_POINT_PORT) url.port = CLASSIC_SOCKET_PORT;
  if (url.pathname === "/") url.pathname = USUAL_PATH;
  return `${url.origin}${url.pathname}?${buildConnectionQuery(query)}`;
}
