/** What the live stream needs of a WebSocket: browsers', Node's own and the `ws` package's all have it. */
export interface LiveSocket {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void;
}

/** Opens a socket; `headers` carries the credentials outside browsers and is empty inside them. */
export type ConnectLive = (url: string, headers: Readonly<Record<string, string>>) => LiveSocket;

/** The global WebSocket. Only Node's takes headers, and only there are any given. */
export const connectLive: ConnectLive = (url, headers) => {
  if (Object.keys(headers).length === 0) return new WebSocket(url) as LiveSocket;
  const Constructor = WebSocket as unknown as new (url: string, init: { headers: object }) => LiveSocket;
  return new Constructor(url, { headers });
};
