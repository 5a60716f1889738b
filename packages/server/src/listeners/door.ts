/** An HTTP request as a door sees it: read whole, within the door's limit, whatever its method. */
export interface PlainRequest {
  readonly method: string;
  /** Percent-encoded as it came, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The query as it came, without the question mark; for peers that do not escape. */
  readonly rawQuery?: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
  /** The address that counts: the socket's, or the last untrusted hop behind a declared proxy. */
  readonly remoteAddress: string;
  /** `main`, or the host:port of the door's own listener. */
  readonly listener: string;
}

export interface PlainResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/**
 * One accepted WebSocket. The listener owns the socket: it enforces the frame limit and the buffer limit, and reports
 * the end exactly once. Nothing here throws on a socket that is closing.
 */
export interface Connection {
  readonly remoteAddress: string;
  /** Bytes written but not yet taken by the peer. */
  readonly bufferedBytes: number;
  /** Queues one text frame. */
  send(text: string): void;
  /** Calls `task` once when `bufferedBytes` has fallen below `bytes`. One waiter at a time; a new one replaces the old. */
  whenBelow(bytes: number, task: () => void): void;
  /**
   * Counts one more agent of this connection as if it had dialled, since each costs the store as much. 0 when it may come,
   * otherwise the seconds after which to look again. `waitingHellos`: the door's `waitingCount`.
   */
  admitAnother(waitingHellos: number): number;
  /** Starts the closing handshake; the listener ends a peer that does not answer. */
  close(code: number, reason: string): void;
  /** Ends the socket at once. */
  terminate(): void;
}

/**
 * What a door does with a connection. Calls come one after another, in order; a thrown error closes the connection
 * with 1011 and is logged once. `onText` may return a promise; it is not awaited, but its rejection counts as thrown.
 */
export interface ConnectionHandler {
  onOpen(connection: Connection): void | Promise<void>;
  onText(text: string): void | Promise<void>;
  /** Absent: binary frames are ignored. */
  onBinary?(bytes: Uint8Array): void | Promise<void>;
  /** A Ping came, and is answered already. */
  onPing?(): void;
  onClose(code: number, reason: string): void;
}

export type UpgradeDecision =
  | { readonly accept: ConnectionHandler; readonly maxFrameBytes: number }
  | { readonly refuse: PlainResponse };

/** How long a body may be and whether its sender has shown a good token, or the answer that makes it useless to read. */
export type BodyDecision =
  | { readonly maxBytes: number; readonly isKnown: boolean }
  | { readonly refuse: PlainResponse };

/** What a door does once it has seen the credentials that came with a request; the address rules were applied before. */
export interface Door {
  readonly name: string;
  /** Whether its peers can present a token; decides the default policy and the origin rule. */
  readonly peersSendToken: boolean;
  /**
   * True for a request with a token that the door itself looks at before anything else: the rules for addresses do not apply
   * to it. Absent: there is none where the policy is not `token`.
   */
  showsToken?(path: string, headers: PlainRequest["headers"]): boolean;
  /** Larger bodies are answered with 413 before the door sees them. */
  readonly maxBodyBytes: number;
  /**
   * Asked before a body is read, with the request's head alone (`body` is empty). Absent: everybody may send
   * `maxBodyBytes`, and counts as a stranger, for whose bodies there is less room.
   */
  admitBody?(head: PlainRequest): Promise<BodyDecision>;
  /** Peers whose hello waits for the store now: when too many do, new ones are sent away before they are upgraded. */
  readonly waitingCount: number;
  respond(request: PlainRequest): Promise<PlainResponse>;
  upgrade(request: PlainRequest): Promise<UpgradeDecision>;
}
