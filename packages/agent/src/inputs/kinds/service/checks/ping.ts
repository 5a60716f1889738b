import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Point } from "@muster/core";
import * as z from "zod/mini";
import type { Collector } from "../../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../../shared/kind.ts";
import { duration, integer, options } from "../../shared/options.ts";
import { nowNs, percent, pointOf, type RawFields } from "../../shared/values.ts";
import { MAX_TARGETS } from "../endpoint.ts";
import { ServiceTrouble } from "../failure.ts";
import { runProgram } from "../program.ts";
import { withSynonyms } from "../synonyms.ts";
import { readTargets } from "../targets.ts";

const FOLDERS = ["/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"];
/** A host that cannot be taken for an option of the program. */
const HOST = /^[a-zA-Z0-9:_][a-zA-Z0-9.:_%-]*$/;
const MAX_OUTPUT = 8 * 1024;

const pingOptions = withSynonyms(
  options({
    hosts: z._default(
      z
        .array(z.string().check(z.regex(HOST, "must be the name or the address of a host"), z.maxLength(253)))
        .check(z.maxLength(MAX_TARGETS)),
      ["127.0.0.1"],
    ),
    count: integer(3, { min: 1, max: 50 }),
    ping_interval: duration(200, { minMs: 200, maxMs: 10_000 }),
    timeout: duration(1000, { minMs: 100, maxMs: 30_000 }),
  }),
  { urls: { name: "hosts" } },
);
type PingOptions = z.output<typeof pingOptions>;

/** What the program prints at its end, by iputils, BusyBox and BSD: counts, and times in ms. */
export function parsePing(output: string): RawFields | undefined {
  const counts = /(\d+) packets transmitted, (\d+)(?: packets)? received/.exec(output);
  if (!counts) return undefined;
  const [sent, received] = [Number(counts[1]), Number(counts[2])];
  const times = /= ([\d.]+)\/([\d.]+)\/([\d.]+)(?:\/([\d.]+))? ms/.exec(output) ?? [];
  const [least, mean, most, deviation] = times
    .slice(1, 5)
    .map((ms) => (ms === undefined ? undefined : Number(ms) / 1000));
  return {
    success: received > 0 ? 1n : 0n,
    packets_transmitted: BigInt(sent),
    packets_received: BigInt(received),
    packet_loss: percent(sent - received, sent),
    minimum_response: least,
    average_response: mean,
    maximum_response: most,
    standard_deviation: deviation,
  };
}

export function createPing(wanted: PingOptions, tools: KindTools, folders: readonly string[] = FOLDERS): Collector {
  let program = "";
  const args = ["-n", "-q", "-c", String(wanted.count), "-i", String(wanted.ping_interval / 1000)];
  // seconds, but milliseconds on macOS
  const patience = process.platform === "darwin" ? Math.ceil(wanted.timeout) : Math.ceil(wanted.timeout / 1000);
  const limitMs = wanted.count * wanted.ping_interval + wanted.timeout + 2000;

  const ping = async (host: string, signal: AbortSignal): Promise<Point[]> => {
    const { output, error } = await runProgram({
      argv: [program, ...args, "-W", String(patience), host],
      clock: tools.clock,
      signal,
      timeoutMs: limitMs,
      maxBytes: MAX_OUTPUT,
    });
    const fields = parsePing(output.toString("utf8"));
    const point = fields && pointOf("ping", { tags: { url: host }, fields, timeNs: nowNs(tools.clock) });
    if (point) return [point];
    throw new ServiceTrouble(`ping ${host}: ${error || "it printed nothing that we know"}`);
  };

  return {
    async start() {
      program = folders.map((folder) => join(folder, "ping")).find((path) => existsSync(path)) ?? "";
      if (program === "") throw new ServiceTrouble('the program "ping" is not on this host (Debian: iputils-ping)');
    },
    async collect(signal) {
      await readTargets(tools, { targets: wanted.hosts, place: (host) => host, read: (host) => ping(host, signal) });
    },
  };
}

export const ping = defineKind({
  name: "ping",
  catalog: "network",
  summary: "Packets lost on the way to hosts, and how long the others took",
  defaultIntervalMs: 60_000,
  options: pingOptions,
  create: (wanted, tools) => createPing(wanted, tools),
  sample: sampleOf({
    name: "ping",
    about: "Sends packets to hosts with the system's own program ping.",
    interval: "1m",
    body: `
  hosts = ["127.0.0.1"]
  # Packets for each host, the pause between them, and how long to wait for the last one.
  count = 3
  ping_interval = "200ms"
  timeout = "1s"`,
  }),
  measurements: [
    {
      name: "ping",
      category: "metric",
      about: "One point for each host.",
      tags: { url: "the host" },
      fields: {
        success: "1 when a packet came back, else 0",
        packets_transmitted: "packets sent, a count",
        packets_received: "packets that came back, a count",
        packet_loss: "packets lost, per cent",
        minimum_response: "shortest time, seconds",
        average_response: "mean time, seconds",
        maximum_response: "longest time, seconds",
        standard_deviation: "how much times differ, seconds",
      },
    },
  ],
});
