import type { Clock } from "@muster/core";
import type { Generation } from "@muster/protocols/configserver";
import type { Access } from "../../fleet/access.ts";
import type { Fleet } from "../../fleet/fleet.ts";

/** The name under which this door's agents are known, whatever generation they speak. */
export const PROTOCOL = "configserver";

/** What this door asks of the fleet, and nothing else. */
export type ConfigServerFleet = Pick<
  Fleet,
  "agents" | "registry" | "sessions" | "points" | "records" | "groups" | "configs"
>;

/** What this door asks of access control. */
export type ConfigServerAccess = Pick<Access, "authenticate" | "audit">;

/** Where the door writes its log. A pino logger has this shape. */
export interface ConfigServerLog {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ConfigServerOptions {
  readonly fleet: ConfigServerFleet;
  readonly access: ConfigServerAccess;
  readonly clock: Clock;
  readonly log: ConfigServerLog;
  /** What is spoken on bare paths where a request does not tell. */
  readonly generation: Generation;
  /** Whether a user at an address that the door lets in needs no API token. */
  readonly trustsUsersAt: (address: string) => boolean;
  /** Tests lower them. */
  readonly limits?: Partial<DoorLimits>;
}

/** What the door has done since it was made; for metrics and tests. */
export interface ConfigServerCounters {
  /** Answered beats of agents. */
  beats: number;
  /** Other calls that were answered with success. */
  calls: number;
  /** 4xx. */
  refused: number;
  /** 5xx of ours, without those below. */
  failed: number;
  /** ServerBusy. */
  busy: number;
  /** RequestTimeout. */
  late: number;
  /** Requests in progress now. */
  inProgress: number;
}

/** What the files of this door share. */
export interface ConfigServerParts extends ConfigServerOptions {
  readonly counters: ConfigServerCounters;
  readonly limits: DoorLimits;
}

export const DOOR_LIMITS = {
  /** A config of the largest size with room for the rest. */
  bodyBytes: 4 * 1024 * 1024,
  /** Requests that wait for something, of all doors together; more are answered with ServerBusy before anything is done. */
  inProgress: 2000,
  /** For the store to answer; agents give up after 15 s. */
  storeMs: 10_000,
  idLength: 200,
  /** Of an agent whose generation or version does not tell it. */
  beatMs: 10_000,
  longestBeatMs: 3_600_000,
  /** Beats that may be missed. */
  missedBeats: 3,
  /** Agents that beat here. */
  agents: 200_000,
} as const;

export type DoorLimits = { readonly [Name in keyof typeof DOOR_LIMITS]: number };

/** Databases refuse some of what the wire allows, and terminals obey some. */
export function isUsableText(text: string): boolean {
  return text.length <= DOOR_LIMITS.idLength && !/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(text);
}
