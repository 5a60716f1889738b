import type { Point } from "@muster/core";
import { pointOf, present, type RawFields } from "../shared/values.ts";
import { readFloat, readNumeric } from "./numbers.ts";

type Json = Readonly<Record<string, unknown>>;

export interface PlusReading {
  readonly tags: Readonly<Record<string, string>>;
  readonly timeNs: bigint;
  /** Zones of one kind that become points. */
  readonly maxZones: number;
}

/** What is read of NGINX Plus' API, below the address of its version such as `/api/9`. */
export const PLUS_PATHS = {
  connections: "connections",
  requests: "http/requests",
  servers: "http/server_zones",
  upstreams: "http/upstreams",
} as const;

export type PlusAnswers = Readonly<Record<keyof typeof PLUS_PATHS, Json>>;

/** The answers as the points that the other formats give. */
export function readPlus(answers: PlusAnswers, { tags, timeNs, maxZones }: PlusReading): Point[] {
  const { connections, requests } = answers;
  const states: RawFields = {
    connection_active: readNumeric(connections.active),
    connection_accepts: readNumeric(connections.accepted),
    connection_dropped: readNumeric(connections.dropped),
    connection_waiting: readNumeric(connections.idle),
    connection_requests: readNumeric(requests.total),
  };
  const servers = Object.entries(answers.servers).map(([zone, value]) =>
    pointOf("nginx_server_zone", { tags: { ...tags, server_zone: zone }, fields: plusFields(asObject(value)), timeNs }),
  );
  const upstreams = Object.entries(answers.upstreams).flatMap(([upstream, value]) => {
    const { peers } = asObject(value);
    return (Array.isArray(peers) ? peers : []).map((each) => {
      const peer = asObject(each);
      const own = { ...tags, upstream_zone: upstream, upstream_server: String(peer.server ?? "") };
      return pointOf("nginx_upstream_zone", { tags: own, fields: plusFields(peer), timeNs });
    });
  });
  const zones = [...servers.slice(0, maxZones), ...upstreams.slice(0, maxZones)];
  return present([pointOf("nginx", { tags, fields: states, timeNs }), ...zones]);
}

function plusFields(zone: Json): RawFields {
  const responses = asObject(zone.responses);
  const counts = ["1xx", "2xx", "3xx", "4xx", "5xx"].map((name) => [`response_${name}`, readNumeric(responses[name])]);
  const time = readFloat(zone.response_time);
  return {
    request_count: readNumeric(zone.requests),
    received: readNumeric(zone.received),
    send: readNumeric(zone.sent),
    ...Object.fromEntries(counts),
    response_time: time === undefined ? undefined : time / 1000,
    is_down: zone.state === undefined ? undefined : zone.state === "up" ? 0n : 1n,
  };
}

/** The value when it is an object, else an empty one. */
export function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
