import { newMessageId, toIso } from "@muster/core";
import { NODE_LIMITS } from "@muster/protocols/node";
import type { Identity } from "../../fleet/access.ts";
import type { Door, PlainRequest, PlainResponse, UpgradeDecision } from "../../listeners/door.ts";
import { isAllowed, plainText, readToken, refuseToken } from "./credentials.ts";
import { MonitorConnection } from "./monitor-connection.ts";
import { Monitors } from "./monitors.ts";
import { NodeConnection } from "./node-connection.ts";
import { type NodeDoorCounters, type NodeDoorOptions, type NodeDoorParts, PROTOCOL } from "./parts.ts";
import { respondRest } from "./rest.ts";

/** Both paths of the original; the `type` of the query decides what a socket is for. */
const SOCKET_PATHS: readonly string[] = ["/api/v1/ws", "/ws/client"];
const MAX_BODY_BYTES = 1024 * 1024;
const DEFAULT_GRACE_MS = 5000;
const DEFAULT_OUTPUT_LIMIT = 1024 * 1024;
const MAX_TOKEN_LENGTH = 500;

/** The Server Manager's door: nodes, dashboards and REST. Reference: docs/protocols/node.md. */
export interface NodeDoor extends Door {
  readonly counters: Readonly<NodeDoorCounters>;
  /** Stops listening to the fleet. Sockets are the listener's. */
  close(): void;
}

export function createNodeDoor(options: NodeDoorOptions): NodeDoor {
  const parts = makeParts(options);
  const monitors = new Monitors(parts);
  const unsubscribe = parts.access.revocations.subscribe((revocation) =>
    monitors.revoke(({ identity }) => {
      if (revocation.kind === "user") return identity.ownerId === revocation.id;
      return identity.credential.kind === revocation.kind && identity.credential.id === revocation.id;
    }),
  );
  return {
    name: PROTOCOL,
    peersSendToken: true,
    maxBodyBytes: MAX_BODY_BYTES,
    counters: parts.counters,
    get waitingCount() {
      return parts.counters.registering;
    },
    respond: (request) => respond(parts, request),
    upgrade: (request) => upgrade(parts, monitors, request),
    close: unsubscribe,
  };
}

function makeParts(options: NodeDoorOptions): NodeDoorParts {
  const { clock } = options;
  const startedAt = clock.monotonic();
  return {
    ...options,
    restOpen: options.restOpen ?? false,
    graceMs: options.graceMs ?? DEFAULT_GRACE_MS,
    outputLimitBytes: options.outputLimitBytes ?? DEFAULT_OUTPUT_LIMIT,
    timestamp: makeTimestamp(() => clock.now()),
    uptimeMs: () => clock.monotonic() - startedAt,
    counters: {
      connections: 0,
      monitors: 0,
      tokensRefused: 0,
      framesReceived: 0,
      framesRefused: 0,
      repliesDropped: 0,
      framesDropped: 0,
      pushesSkipped: 0,
      registering: 0,
    },
  };
}

function makeTimestamp(now: () => number): () => string {
  let lastAt = Number.NaN;
  let text = "";
  return () => {
    const at = now();
    if (at !== lastAt) {
      lastAt = at;
      text = toIso(at);
    }
    return text;
  };
}

async function respond(parts: NodeDoorParts, request: PlainRequest): Promise<PlainResponse> {
  // before the token is looked at, as the original does
  if (SOCKET_PATHS.includes(request.path)) return plainText(400, "this path wants a WebSocket upgrade");
  return respondRest(parts, request);
}

async function upgrade(parts: NodeDoorParts, monitors: Monitors, request: PlainRequest): Promise<UpgradeDecision> {
  if (!SOCKET_PATHS.includes(request.path)) return { refuse: plainText(404, "") };
  if (hasRepeatedKey(request.query)) return { refuse: plainText(400, "a query parameter is repeated") };
  const token = readToken(request);
  if (token === undefined || token.length > MAX_TOKEN_LENGTH) return refuseUpgrade(parts, request);
  if (request.query.get("type") === "monitor") return upgradeMonitor(parts, monitors, { request, token });
  const tokenId = parts.access.checkEnrollment(token);
  if (tokenId === undefined) return refuseUpgrade(parts, request);
  const nodeId = request.query.get("node_id") || newMessageId();
  if (nodeId.length > NODE_LIMITS.nodeIdLength) return { refuse: plainText(400, "the node_id is too long") };
  const visit = { nodeId, tokenId, remoteAddress: request.remoteAddress };
  return { accept: new NodeConnection(parts, visit), maxFrameBytes: NODE_LIMITS.frameBytes };
}

function refuseUpgrade(parts: NodeDoorParts, request: PlainRequest): UpgradeDecision {
  parts.counters.tokensRefused++;
  const fields = { address: request.remoteAddress, nodeId: request.query.get("node_id") };
  parts.log.debug(fields, "a handshake without a good token was refused");
  return { refuse: refuseToken(parts.timestamp()) };
}

/**
 * A dashboard reads the whole fleet, and an enrolment token lies on every host: it opens a dashboard only where the
 * operator opened reading to the address anyway. Otherwise an API token with the viewer's role is needed.
 */
async function upgradeMonitor(
  parts: NodeDoorParts,
  monitors: Monitors,
  visit: { readonly request: PlainRequest; readonly token: string },
): Promise<UpgradeDecision> {
  const identity = await parts.access.authenticate({ bearer: visit.token });
  if (!identity || !mayWatch(parts, identity)) return refuseUpgrade(parts, visit.request);
  if (monitors.isFull) return { refuse: plainText(503, "too many dashboards") };
  return { accept: new MonitorConnection(parts, monitors, identity), maxFrameBytes: 64 * 1024 };
}

function mayWatch(parts: NodeDoorParts, identity: Identity): boolean {
  if (identity.credential.kind === "enrollment") return parts.restOpen;
  return isAllowed(identity.principal, "live.open");
}

function hasRepeatedKey(query: URLSearchParams): boolean {
  const keys = [...query.keys()];
  return new Set(keys).size < keys.length;
}
