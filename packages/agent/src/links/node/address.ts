/** The address of a server's node door. A token is put into it only for original cores, which look nowhere else. */
export function buildSocketUrl(server: string, nodeId: string, tokenInUrl?: string): string {
  const url = new URL(server);
  url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "wss:" : "ws:";
  // a server behind a proxy may live under a prefix; a full path of the door is taken as it is
  if (!url.pathname.endsWith("/api/v1/ws")) url.pathname = `${url.pathname.replace(/\/+$/, "")}/api/v1/ws`;
  url.username = "";
  url.password = "";
  url.hash = "";
  if (tokenInUrl !== undefined) url.searchParams.set("token", tokenInUrl);
  url.searchParams.set("node_id", nodeId);
  return url.href;
}
