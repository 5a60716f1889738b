import { DATAWAY_LIMITS } from "@muster/protocols/dataway";
import type { Door, PlainRequest, PlainResponse, UpgradeDecision } from "../../listeners/door.ts";
import { admitDatakit, refuseDatakit } from "./admission.ts";
import { isBackendPath, respondGateway } from "./as-backend.ts";
import { DatakitConnection } from "./datakit-connection.ts";
import { createIntake, type Intake, type IntakeOptions, isIntakePath } from "./intake/index.ts";
import { LiveDatakits } from "./live-datakits.ts";
import {
  type DatakitChange,
  type DatawayCounters,
  type DatawayDoorOptions,
  type DatawayParts,
  PROTOCOL,
} from "./parts.ts";
import { isWebPath, respondWeb } from "./web.ts";
import { describeFailure, WebFailure } from "./web-failures.ts";

/** The path of the first DataKits; on a listener of its own the door takes any. */
const SOCKET_PATH = "/v1/ws/datakit";
/** Of what is no points; those are judged by the intake. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;
const SWEEP_MS = 1000;

/** The gateway's door: DataKits, the web that manages them, and whoever writes. Reference: docs/protocols/dataway.md. */
export interface DatawayDoor extends Door {
  readonly counters: Readonly<DatawayCounters>;
  /** What writers were answered. */
  readonly intake: Intake["counters"];
  /** Told of every DataKit that comes, goes or changes here. Ends with the returned function. */
  watch(listener: (change: DatakitChange) => void): () => void;
  /** The DataKits that are connected here. */
  connected(): Iterable<{ readonly id: string; readonly agentId: string }>;
  /** Stops looking after tokens and silence. Sockets are the listener's. */
  close(): void;
}

export function createDatawayDoor(options: DatawayDoorOptions & { readonly intake: IntakeOptions }): DatawayDoor {
  const listeners = new Set<(change: DatakitChange) => void>();
  const parts: DatawayParts = {
    ...options,
    counters: {
      connections: 0,
      tokensRefused: 0,
      framesReceived: 0,
      framesRefused: 0,
      answersIgnored: 0,
      registering: 0,
    },
    onChange: (change) => {
      for (const listener of listeners) listener(change);
    },
  };
  const live = new LiveDatakits();
  const intake = createIntake(options.intake);
  const stops = [
    parts.clock.every(SWEEP_MS, () => {
      const now = parts.clock.monotonic();
      for (const connection of live.connections) connection.endSilent(now);
    }),
    parts.tokens.watch(
      () => live.tokens(),
      (token) => live.endToken(token),
    ),
  ];
  return {
    name: PROTOCOL,
    peersSendToken: true,
    maxBodyBytes: MAX_BODY_BYTES,
    counters: parts.counters,
    intake: intake.counters,
    get waitingCount() {
      return parts.counters.registering;
    },
    async admitBody(head) {
      if (!isWebPath(head.path) && !isBackendPath(head.path) && isIntakePath(head.method, head.path))
        return intake.admitBody(head);
      return { maxBytes: MAX_BODY_BYTES, isKnown: false };
    },
    async respond(request) {
      if (isWebPath(request.path)) return respondWeb(parts, request);
      if (isBackendPath(request.path)) return respondGateway(parts, request);
      if (isIntakePath(request.method, request.path)) return intake.respondIntake(request);
      return answerElsewhere(request);
    },
    upgrade: (request) => upgrade(parts, live, request),
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    connected: () => live.known(),
    close() {
      for (const stop of stops) stop();
    },
  };
}

async function upgrade(parts: DatawayParts, live: LiveDatakits, request: PlainRequest): Promise<UpgradeDecision> {
  if (request.listener === "main" && request.path !== SOCKET_PATH) return { refuse: answerElsewhere(request) };
  const admitted = await admitDatakit(parts, live, request);
  if ("failure" in admitted) {
    parts.counters.tokensRefused++;
    const fields = { address: request.remoteAddress, code: admitted.failure.code };
    parts.log.debug(fields, "a handshake of a DataKit was refused");
    return { refuse: refuseDatakit(admitted.failure) };
  }
  return { accept: new DatakitConnection(parts, live, admitted.visit), maxFrameBytes: DATAWAY_LIMITS.frameBytes };
}

function answerElsewhere(request: PlainRequest): PlainResponse {
  const isSocket = request.path === SOCKET_PATH;
  const failure = isSocket
    ? new WebFailure("dataway.badRequest", "this path wants a WebSocket upgrade")
    : new WebFailure("dataway.pathNotFound", "nothing is here");
  return refuseDatakit(describeFailure(failure).failure);
}
