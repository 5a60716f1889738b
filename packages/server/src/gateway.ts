import type { Clock } from "@muster/core";
import type { Logger } from "pino";
import type { Reading } from "./api/context.ts";
import type { DatawayBackendChoice } from "./config-dataway.ts";
import { type GatewayBackend, openGatewayBackend } from "./dataway-backend.ts";
import { createDatawayDoor, type DatawayDoor } from "./doors/dataway/dataway-door.ts";
import { BackendChecks, enrollmentChecks } from "./doors/dataway/token-checks.ts";
import type { Access } from "./fleet/access.ts";
import type { Fleet } from "./fleet/fleet.ts";

export interface GatewayParts {
  readonly fleet: Fleet;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Logger;
  readonly dataDir: string;
  readonly version: string;
  /** For people: where this process runs. */
  readonly place: string;
  readonly backend: DatawayBackendChoice | undefined;
  /** True where the operator opened the door to addresses. */
  readonly isOpen: boolean;
}

/** The door of DataKits and, where one is configured, the backend behind it. */
export interface Gateway {
  readonly door: DatawayDoor;
  readings(): Iterable<Reading>;
  close(): Promise<void>;
}

export async function openGateway(parts: GatewayParts): Promise<Gateway> {
  const { fleet, access } = parts;
  const backend = parts.backend && (await openGatewayBackend({ ...parts, choice: parts.backend }));
  const door = openDoor(parts, backend);
  backend?.attach(door, fleet, access.audit);
  return {
    door,
    *readings() {
      yield* readDoor(door);
      if (backend) yield* backend.readings();
    },
    async close() {
      door.close();
      await backend?.close();
    },
  };
}

/** DataKits show the backend's tokens where there is one, and ours otherwise. Writers may show ours always. */
function openDoor(
  { fleet, access, clock, log, isOpen }: GatewayParts,
  backend: GatewayBackend | undefined,
): DatawayDoor {
  const checks = backend?.checks;
  const tokens = checks
    ? new BackendChecks((token) => checks.checkToken(token), clock)
    : enrollmentChecks(access, clock);
  const checkToken = async (token: string) => (await tokens.check(token)).kind;
  return createDatawayDoor({
    fleet,
    access,
    clock,
    log,
    tokens,
    checkWeb: checks && ((request) => checks.checkWeb(request)),
    isOpen,
    intake: { fleet, access, clock, log, isOpen, ...(checks && { checkToken }) },
  });
}

function* readDoor({ counters, intake }: DatawayDoor): Generator<Reading> {
  const counter = (name: string, help: string, value: number): Reading => ({ name, help, type: "counter", value });
  const { framesReceived, framesRefused, answersIgnored, tokensRefused } = counters;
  yield counter("muster_dataway_frames_received_total", "Messages of DataKits", framesReceived);
  yield counter("muster_dataway_frames_refused_total", "Messages of DataKits that were refused", framesRefused);
  yield counter("muster_dataway_answers_ignored_total", "Answers of DataKits for which nobody waited", answersIgnored);
  yield counter("muster_dataway_tokens_refused_total", "Handshakes of DataKits that were refused", tokensRefused);
  const help = "Requests of writers, by what came of them";
  for (const [outcome, value] of Object.entries(intake)) {
    yield { ...counter("muster_dataway_writes_total", help, value), labels: { outcome } };
  }
}
