import type { Point } from "@muster/core";
import * as z from "zod/mini";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { duration, integer, options } from "../shared/options.ts";
import { nowNs, pointOf, present, type RawFields } from "../shared/values.ts";
import { withDeadline } from "./deadline.ts";
import { portOf, shownAddress, webAddresses } from "./endpoint.ts";
import { ServiceTrouble } from "./failure.ts";
import { authHeaders, HTTP_OPTIONS, HTTP_SAMPLE, loadTls, secretsOf, type TlsMaterial } from "./http-options.ts";
import { requestHttp } from "./http-request.ts";
import { asObject, PLUS_PATHS, type PlusAnswers, readPlus } from "./nginx-plus.ts";
import { pickNumbers, readFloat, readNumeric } from "./numbers.ts";
import { withSynonyms } from "./synonyms.ts";
import { readTargets } from "./targets.ts";

/** The page has some hundred characters. */
const MAX_STUB_STATUS = 4096;
/** Zones of one status page that become points. */
const MAX_ZONES = 1000;

const nginxOptions = withSynonyms(
  options({
    ...HTTP_OPTIONS,
    // JSON takes many times its length once it is read
    max_body_size: integer(4 * 1024 * 1024, { min: 1024, max: 256 * 1024 * 1024 }),
    urls: webAddresses(["http://127.0.0.1/server_status"]),
    format: z._default(z.enum(["auto", "stub_status", "vts", "plus"]), "auto"),
    timeout: duration(5000, { minMs: 100, maxMs: 60_000 }),
  }),
  { url: { name: "urls", isList: true }, response_timeout: { name: "timeout" } },
);
type NginxOptions = z.output<typeof nginxOptions>;

type Tags = Readonly<Record<string, string>>;
type Json = Readonly<Record<string, unknown>>;

/** The four lines of `stub_status`; undefined when it is something else. */
export function parseStubStatus(text: string): RawFields | undefined {
  const active = /^Active connections:\s+(\d+)/m.exec(text);
  const totals = /^server accepts handled requests\s*\n\s*(\d+)\s+(\d+)\s+(\d+)/m.exec(text);
  const states = /^Reading:\s+(\d+)\s+Writing:\s+(\d+)\s+Waiting:\s+(\d+)/m.exec(text);
  if (!active || !totals || !states) return undefined;
  const names = ["accepts", "handled", "requests", "reading", "writing", "waiting"];
  const values = [...totals.slice(1, 4), ...states.slice(1, 4)];
  const fields = names.map((name, index) => [`connection_${name}`, readNumeric(values[index])]);
  return { connection_active: readNumeric(active[1]), ...Object.fromEntries(fields) };
}

/** The JSON of the module vhost_traffic_status: connections, server zones, upstreams and caches. */
export function readVts(json: Json, tags: Tags, timeNs: bigint): Point[] {
  const connections = asObject(json.connections);
  const states = ["active", "accepts", "handled", "requests", "reading", "writing", "waiting"].map((name) => [
    `connection_${name}`,
    readNumeric(connections[name] ?? (name === "accepts" ? connections.accepted : undefined)),
  ]);
  const peers = Object.entries(asObject(json.upstreamZones)).flatMap(([upstream, servers]) =>
    (Array.isArray(servers) ? servers : []).slice(0, MAX_ZONES).map((server) => ({ upstream, peer: asObject(server) })),
  );
  const upstreams = peers.slice(0, MAX_ZONES).map(({ upstream, peer }) => {
    const own = { ...tags, upstream_zone: upstream, upstream_server: String(peer.server ?? "") };
    return pointOf("nginx_upstream_zone", { tags: own, fields: zoneFields(peer), timeNs });
  });
  const zones = (measurement: string, tag: string, from: unknown) =>
    Object.entries(asObject(from))
      .slice(0, MAX_ZONES)
      .map(([zone, value]) =>
        pointOf(measurement, { tags: { ...tags, [tag]: zone }, fields: zoneFields(asObject(value)), timeNs }),
      );
  const version = typeof json.nginxVersion === "string" ? json.nginxVersion : undefined;
  return present([
    pointOf("nginx", { tags: { ...tags, nginx_version: version }, fields: Object.fromEntries(states), timeNs }),
    ...zones("nginx_server_zone", "server_zone", json.serverZones),
    ...upstreams,
    ...zones("nginx_cache_zone", "cache_zone", json.cacheZones),
  ]);
}

function zoneFields(zone: Json): RawFields {
  const responses = asObject(zone.responses);
  return {
    ...pickNumbers(
      {
        request_count: zone.requestCounter,
        received: zone.inBytes,
        send: zone.outBytes,
        max_size: zone.maxSize,
        used_size: zone.usedSize,
        ...Object.fromEntries(Object.entries(responses).map(([name, count]) => [`response_${name}`, count])),
      },
      ZONE_FIELDS,
    ),
    response_time: zone.responseMsec === undefined ? undefined : (readFloat(zone.responseMsec) ?? 0) / 1000,
    is_down: typeof zone.down === "boolean" ? (zone.down ? 1n : 0n) : undefined,
  };
}

export function createNginx(wanted: NginxOptions, tools: KindTools): Collector {
  let tls: TlsMaterial;

  const fetchText = async (url: URL, signal: AbortSignal): Promise<string> => {
    const { status, body } = await requestHttp({
      url,
      tls,
      signal,
      clock: tools.clock,
      maxBytes: wanted.max_body_size,
      headers: { "accept-encoding": "gzip", ...(await authHeaders(wanted, url)) },
    });
    if (status !== 200) throw new ServiceTrouble(`${shownAddress(url)} answered with status ${status}`);
    return body.toString("utf8");
  };

  const fetchPlus = async (base: URL, signal: AbortSignal): Promise<PlusAnswers> => {
    const folder = base.href.endsWith("/") ? base.href : `${base.href}/`;
    const answers = Object.entries(PLUS_PATHS).map(async ([name, path]) => {
      return [name, parseJson(await fetchText(new URL(path, folder), signal))];
    });
    const plus: PlusAnswers = Object.fromEntries(await Promise.all(answers));
    if (!("accepted" in plus.connections)) throw new ServiceTrouble(`${shownAddress(base)} is no API of NGINX Plus`);
    return plus;
  };

  const read = async (url: URL, signal: AbortSignal): Promise<Point[]> => {
    const place = shownAddress(url);
    const timeNs = nowNs(tools.clock);
    const tags = { nginx_server: url.hostname.replace(/^\[|\]$/g, ""), nginx_port: portOf(url) };
    if (wanted.format === "plus") return readPlus(await fetchPlus(url, signal), { tags, timeNs, maxZones: MAX_ZONES });
    const text = await fetchText(url, signal);
    if (wanted.format === "vts" || (wanted.format === "auto" && text.trimStart().startsWith("{"))) {
      const json = parseJson(text);
      if (!("connections" in json))
        throw new ServiceTrouble(`${place} is no status of the module vhost_traffic_status`);
      return readVts(json, tags, timeNs);
    }
    const fields = parseStubStatus(text.slice(0, MAX_STUB_STATUS));
    if (!fields) throw new ServiceTrouble(`${place} is no page of stub_status`);
    return present([pointOf("nginx", { tags, fields, timeNs })]);
  };

  return {
    async start() {
      tls = await loadTls(wanted);
    },
    async collect(signal) {
      await readTargets(tools, {
        targets: wanted.urls,
        place: shownAddress,
        secrets: secretsOf(wanted, wanted.urls),
        read: (url) => {
          const deadline = { clock: tools.clock, signal, timeoutMs: wanted.timeout, place: shownAddress(url) };
          return withDeadline(deadline, (own) => read(url, own));
        },
      });
    },
  };
}

function parseJson(text: string): Json {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return {};
  }
}

const ZONE_TAGS = { nginx_server: "host of the status page", nginx_port: "port of the status page" };

const ZONE_FIELDS: Readonly<Record<string, string>> = {
  request_count: "requests since the start, a count",
  received: "bytes received from clients since the start",
  send: "bytes sent to clients since the start",
  response_1xx: "answers with a status of 100 and above, a count",
  response_2xx: "answers with a status of 200 and above, a count",
  response_3xx: "answers with a status of 300 and above, a count",
  response_4xx: "answers with a status of 400 and above, a count",
  response_5xx: "answers with a status of 500 and above, a count",
  response_miss: "answers that were not in the cache, a count",
  response_hit: "answers from the cache, a count",
  response_expired: "answers whose copy in the cache was too old, a count",
  max_size: "size of the cache at most, bytes",
  used_size: "size of the cache now, bytes",
};

const MORE_ZONE_FIELDS = {
  response_time: "mean time of an answer, seconds",
  is_down: "1 when the server of an upstream is marked as down, else 0",
};

const zoneDoc = (name: string, about: string, tags: Readonly<Record<string, string>>) => ({
  name,
  category: "metric" as const,
  about: `${about} Not from stub_status.`,
  tags: { ...ZONE_TAGS, ...tags },
  fields: { ...ZONE_FIELDS, ...MORE_ZONE_FIELDS },
});

export const nginx = defineKind({
  name: "nginx",
  catalog: "nginx",
  summary: "Connections and requests of nginx, from stub_status, vhost_traffic_status or the API of NGINX Plus",
  defaultIntervalMs: 10_000,
  options: nginxOptions,
  create: createNginx,
  sample: sampleOf({
    name: "nginx",
    about: `Reads the status page of nginx. It needs one, for example:
      server { listen 127.0.0.1:80; location = /server_status { stub_status; allow 127.0.0.1; deny all; } }
      With the module vhost_traffic_status give the address of its JSON, /status/format/json.`,
    interval: "10s",
    body: `
  urls = ["http://127.0.0.1/server_status"]
  # "stub_status", "vts", or "auto" to see from the answer; "plus" for the API of NGINX Plus, whose
  # address ends with its version: http://127.0.0.1/api/9
  format = "auto"
  timeout = "5s"${HTTP_SAMPLE}`,
  }),
  measurements: [
    {
      name: "nginx",
      category: "metric",
      about: "One point for each status page.",
      tags: { ...ZONE_TAGS, nginx_version: "version of nginx; with vhost_traffic_status" },
      fields: {
        connection_active: "open connections, a count",
        connection_accepts: "accepted connections since the start, a count",
        connection_dropped: "connections that were not handled since the start, a count; NGINX Plus",
        connection_handled: "handled connections since the start, a count",
        connection_requests: "requests since the start, a count",
        connection_reading: "connections whose request is being read, a count",
        connection_writing: "connections that are being answered, a count",
        connection_waiting: "connections without a request, a count",
      },
    },
    zoneDoc("nginx_server_zone", "Traffic of a server.", { server_zone: "name of the server" }),
    zoneDoc("nginx_upstream_zone", "Traffic with a server behind nginx.", {
      upstream_zone: "name of the upstream",
      upstream_server: "address of the server",
    }),
    zoneDoc("nginx_cache_zone", "Use of a cache.", { cache_zone: "name of the cache" }),
  ],
});
