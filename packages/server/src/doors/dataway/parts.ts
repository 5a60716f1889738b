import type { Clock } from "@muster/core";
import type { Access } from "../../fleet/access.ts";
import type { Action } from "../../fleet/access-rules.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { TokenChecks } from "./token-checks.ts";

/** The name under which this door's agents are known: one external id belongs to one agent per protocol. */
export const PROTOCOL = "dataway";

/** What this door asks of the fleet, and nothing else. */
export type DatawayFleet = Pick<Fleet, "agents" | "sessions" | "inputs">;

/** What this door asks of access control. */
export type DatawayAccess = Pick<Access, "authenticate" | "checkEnrollment" | "audit">;

/** Where the door writes its log. A pino logger has this shape. */
export interface DatawayLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Whether the web of a backend may do something; absent where no backend is configured. */
export type CheckWeb = (request: {
  readonly token: string;
  readonly action: Action;
  readonly method: string;
  readonly path: string;
  readonly datakit: string | null;
}) => Promise<{ readonly verdict: "good" | "bad" | "unknown"; readonly name?: string }>;

export interface DatawayDoorOptions {
  readonly fleet: DatawayFleet;
  readonly access: DatawayAccess;
  readonly clock: Clock;
  readonly log: DatawayLog;
  /** Who decides about the tokens of DataKits. */
  readonly tokens: TokenChecks;
  readonly checkWeb?: CheckWeb | undefined;
  /** True where the operator opened the door to addresses: DataKits then need no token. The web always does. */
  readonly isOpen?: boolean;
}

/** What the door has done since it was made; for metrics and tests. */
export interface DatawayCounters {
  connections: number;
  /** Handshakes without a good token. */
  tokensRefused: number;
  framesReceived: number;
  framesRefused: number;
  /** Answers that nobody waited for. */
  answersIgnored: number;
  /** Registrations that wait for the store now. */
  registering: number;
}

/** What happened to a DataKit that is connected to this process. */
export interface DatakitChange {
  readonly id: string;
  readonly agentId: string | undefined;
  readonly change: "online" | "offline" | "changed";
}

/** What the files of this door share. */
export interface DatawayParts extends DatawayDoorOptions {
  readonly counters: DatawayCounters;
  readonly onChange: (change: DatakitChange) => void;
}

export const DOOR_LIMITS = {
  /** DataKits that one connection may speak for. */
  idsPerConnection: 100,
  /** That one connection may name while it lasts, those that have gone included. */
  namedPerConnection: 1000,
  /** Messages down one socket that may wait for an answer. */
  traces: 1000,
  /** Whatever the fleet waits: a trace id lives no longer. */
  traceMs: 60_000,
  /** For a change to wait for those before it: whoever asked has given up by then. */
  queuedMs: 25_000,
  undecodableInARow: 10,
  /** For a DataKit that has no id in its address to say who it is. */
  helloMs: 30_000,
  /** For one that has not said what it is, while somebody asks. */
  meetMs: 4_000,
  /** For one that was told to reload to come back. */
  reloadMs: 60_000,
  /** For one that said that it has reloaded to tell what runs now. */
  afterReloadMs: 300,
  /** How often it is looked whether it has come back to another process. */
  elsewhereMs: 1_000,
  /** Within which all are sent away when the server stops. */
  drainMs: 1500,
  /** Above this nothing more is sent down. */
  bufferedBytes: 4 * 1024 * 1024,
  tokenLength: 500,
  idLength: 200,
} as const;

/** Ids are kept, logged and printed: a database refuses some of what a terminal obeys. */
export function isUsableId(id: string): boolean {
  return (
    id !== "" &&
    id.length <= DOOR_LIMITS.idLength &&
    id.isWellFormed() &&
    !/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(id)
  );
}

/** An offline DataKit is one that was silent for so many of the intervals that it announced. */
export const SILENT_BEATS = 1.5;
/** The interval of one that beats without having announced one: the first of them beat once a minute. */
export const UNTOLD_BEAT_MS = 60_000;
/** One that never beats is missed by its socket only. */
export const NEVER_MS = 366 * 24 * 3_600_000;
