import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6, type Server, type Socket } from "node:net";
import type { Clock } from "@muster/core";
import * as z from "zod/mini";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { duration, flag, integer, options, text } from "../../shared/options.ts";
import { nowNs } from "../../shared/values.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../endpoint.ts";
import { describeFailure, ServiceTrouble } from "../failure.ts";
import { parseStatsd, STATSD_LIMITS } from "./line.ts";
import { StatsdSeries } from "./series.ts";

/** A connection without a whole line for so long is closed, however many bytes of one it sent. */
const TCP_IDLE_MS = 600_000;
const LOOK_EVERY_MS = 60_000;
/** What came in an interval and is kept for its end. */
const MAX_HELD = 64 * 1024 * 1024;

const serviceAddress = z.pipe(
  z.custom<string>((value) => parseListen(value) !== undefined, 'must be an address such as "127.0.0.1:8125"'),
  z.transform((value) => parseListen(value) ?? { host: "127.0.0.1", port: 8125 }),
);

const statsdOptions = options({
  protocol: z._default(z.enum(["udp", "tcp"]), "udp"),
  service_address: z.prefault(serviceAddress, "127.0.0.1:8125"),
  percentiles: z._default(z.array(z.number().check(z.minimum(0), z.maximum(100))).check(z.maxLength(20)), [90]),
  percentile_limit: integer(1000, { min: 10, max: 100_000 }),
  max_series: integer(10_000, { min: 1, max: 200_000 }),
  max_tcp_connections: integer(250, { min: 1, max: 10_000 }),
  datadog_tags: flag(true),
  metric_separator: text("_"),
  gauge_timeout: duration(300_000, { minMs: 1000, maxMs: 86_400_000 }),
});
type StatsdOptions = z.output<typeof statsdOptions>;

/** `:8125` is every address of this host, which somebody has to want. */
function parseListen(value: unknown): Endpoint | undefined {
  if (typeof value !== "string") return undefined;
  return parseEndpoint(value.startsWith(":") && !value.startsWith("::") ? `0.0.0.0${value}` : value);
}

interface Listener {
  close(): Promise<void>;
}

export function createStatsd(wanted: StatsdOptions, tools: KindTools): Collector & { readonly address: Endpoint } {
  const place = formatEndpoint(wanted.service_address);
  const series = new StatsdSeries({
    maxSeries: wanted.max_series,
    maxSamples: wanted.percentile_limit,
    percentiles: wanted.percentiles,
    separator: wanted.metric_separator,
    gaugeTimeoutMs: wanted.gauge_timeout,
    maxBytes: MAX_HELD,
    random: Math.random,
  });
  let listener: Listener | undefined;
  let bad: { count: number; first: string } | undefined;
  let broken: string | undefined;

  const takeLine = (line: string) => {
    const trimmed = line.trim();
    if (trimmed === "") return;
    const parsed = parseStatsd(trimmed, wanted.datadog_tags);
    if (typeof parsed === "string") bad = { count: (bad?.count ?? 0) + 1, first: bad?.first ?? parsed };
    else if (parsed) series.add(parsed, tools.clock.monotonic());
  };
  const takeText = (lines: string) => {
    for (const line of lines.split("\n")) takeLine(line);
  };
  const onBroken = (error: unknown) => {
    broken = describeFailure(error, place);
  };

  return {
    address: wanted.service_address,
    async start() {
      const listen = wanted.protocol === "udp" ? listenUdp : listenTcp;
      try {
        listener = await listen(wanted, { takeText, onBroken, clock: tools.clock });
      } catch (error) {
        throw new ServiceTrouble(describeFailure(error, place));
      }
    },
    async collect() {
      if (broken !== undefined) throw new ServiceTrouble(broken); // a crash: it is started again
      const refused = series.refused;
      const points = series.flush(tools.clock.monotonic(), nowNs(tools.clock));
      if (points.length > 0) await tools.emit("metric", points);
      const troubles = [
        bad && `${countLines(bad.count)} could not be read, the first was ${bad.first}`,
        refused > 0 && `${countLines(refused)} of new series or members of sets had no room ("max_series")`,
      ].filter((trouble) => typeof trouble === "string");
      tools.reportTrouble(troubles.length === 0 ? null : troubles.join("; "));
      bad = undefined;
    },
    async stop() {
      await listener?.close();
      listener = undefined;
    },
  };
}

function countLines(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}

interface Receiver {
  readonly clock: Clock;
  takeText(lines: string): void;
  onBroken(error: unknown): void;
}

async function listenUdp({ service_address: { host, port } }: StatsdOptions, receiver: Receiver): Promise<Listener> {
  const socket: DatagramSocket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  socket.on("message", (bytes) => receiver.takeText(bytes.toString("utf8")));
  const failed = once(socket, "error").then(([error]) => Promise.reject(error));
  socket.bind(port, host);
  try {
    await Promise.race([once(socket, "listening"), failed]);
  } catch (error) {
    socket.close();
    throw error;
  }
  failed.catch(receiver.onBroken);
  return { close: () => new Promise<void>((resolve) => void socket.close(() => resolve())) };
}

async function listenTcp(wanted: StatsdOptions, receiver: Receiver): Promise<Listener> {
  const { clock, takeText } = receiver;
  /** With the clock's monotonic time of the latest whole line. */
  const sockets = new Map<Socket, number>();
  const server: Server = createServer((socket) => {
    sockets.set(socket, clock.monotonic());
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    readLines(socket, (lines) => {
      sockets.set(socket, clock.monotonic());
      takeText(lines);
    });
  });
  server.maxConnections = wanted.max_tcp_connections;
  const { host, port } = wanted.service_address;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen({ host, port }, () => {
      server.off("error", reject).on("error", receiver.onBroken);
      resolve();
    });
  });
  const stopLooking = clock.every(LOOK_EVERY_MS, () => {
    for (const [socket, at] of sockets) if (clock.monotonic() - at > TCP_IDLE_MS) socket.destroy();
  });
  return {
    close: async () => {
      stopLooking();
      for (const socket of sockets.keys()) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

/** Lines of a connection. One that sends no end of a line is closed. */
function readLines(socket: Socket, take: (lines: string) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (piece: string) => {
    const whole = rest + piece;
    const end = whole.lastIndexOf("\n");
    if (end >= 0) take(whole.slice(0, end));
    rest = whole.slice(end + 1);
    if (rest.length > STATSD_LIMITS.line) socket.destroy();
  });
  socket.once("end", () => {
    take(rest);
    socket.end();
  });
}

const TIMING_FIELDS = {
  count: "values, those that the sample rate left out as well, a count",
  sum: "of all values, in their unit",
  mean: "of all values, in their unit",
  lower: "least value, in its unit",
  upper: "largest value, in its unit",
  stddev: "how much values differ, in their unit",
  "90_percentile": "90 per cent of the values are no larger; one field for each of the option percentiles",
};

export const statsd = defineKind({
  name: "statsd",
  catalog: "statsd",
  summary: "Takes in what programs send in the StatsD protocol, with dogstatsd's tags",
  defaultIntervalMs: 10_000,
  exclusive: true,
  options: statsdOptions,
  create: createStatsd,
  sample: sampleOf({
    name: "statsd",
    about: "Listens for StatsD and dogstatsd metrics, and hands over at each interval what came.",
    interval: "10s",
    body: `
  # "udp" or "tcp" (one metric a line).
  protocol = "udp"
  # Nobody else's packets: only this host. ":8125" takes them from everywhere.
  service_address = "127.0.0.1:8125"
  # Of timings, histograms and distributions.
  percentiles = [90]
  # Values of one of them that are kept in an interval; of more, a fair choice.
  percentile_limit = 1000
  # Names with their tags in an interval; lines of further ones are dropped, and said so.
  max_series = 10000
  # Read dogstatsd's tags: |#key:value,other
  datadog_tags = true
  # Takes the place of dots in names.
  metric_separator = "_"
  # A gauge is repeated until nothing was heard of it for so long.
  gauge_timeout = "5m"
  # max_tcp_connections = 250`,
  }),
  measurements: [
    {
      name: "(the metric's)",
      category: "metric",
      about:
        "The name of the metric, with _ for dots. Counters, sets and timings are of the interval, gauges are the latest value.",
      tags: {
        metric_type: "counter, gauge, set, timing, histogram or distribution",
        "(tags)": "every tag of the metric",
      },
      fields: {
        value: "sum of a counter, value of a gauge, members of a set; a float",
        ...TIMING_FIELDS,
      },
    },
  ],
});
