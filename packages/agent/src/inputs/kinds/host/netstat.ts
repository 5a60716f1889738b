import { createReadStream } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { block, options } from "../shared/options.ts";
import { nowNs, pointOf, present } from "../shared/values.ts";
import { HOST_ROOTS, type HostRoots, requireLinux } from "./proc.ts";

/** By the number of the kernel's state (include/net/tcp_states.h), the first being 1. */
const STATES = [
  "tcp_established",
  "tcp_syn_sent",
  "tcp_syn_recv",
  "tcp_fin_wait1",
  "tcp_fin_wait2",
  "tcp_time_wait",
  "tcp_close",
  "tcp_close_wait",
  "tcp_last_ack",
  "tcp_listen",
  "tcp_closing",
  "tcp_syn_recv", // a request that is not yet a socket of its own
] as const;

const netstatOptions = options({
  addr_ports: z._default(
    z.array(
      block({
        ports: z.array(
          z.string().check(z.regex(/^(\*|[0-9a-fA-F.:[\]]+):\d{1,5}$/, 'must look like "*:80" or "10.0.0.5:443"')),
        ),
        tags: z._default(z.record(z.string(), z.string()), {}),
      }),
    ),
    [],
  ),
});
type NetstatOptions = z.output<typeof netstatOptions>;

/** Counts by name of a field: states of TCP, and udp_socket. */
type Counts = Map<string, number>;

/** One line of /proc/net/tcp and its kin. */
export interface SocketLine {
  /** Address and port as the options write them: `127.0.0.1:80`, `[::1]:80`. */
  readonly local: string;
  readonly port: number;
  readonly state: number;
}

/** Reads one line; undefined for the heading and for anything else. Addresses are read only when somebody asks for them. */
export function parseSocketLine(line: string, withAddress: boolean): SocketLine | undefined {
  const match = /^\s*\d+: ([0-9A-F]{8,32}):([0-9A-F]{4}) [0-9A-F]{8,32}:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line);
  if (!match) return undefined;
  const [, address = "", port = "", state = ""] = match;
  const number = Number.parseInt(port, 16);
  const local = withAddress ? `${formatAddress(address)}:${number}` : "";
  return { local, port: number, state: Number.parseInt(state, 16) };
}

/** Each 32 bits are written in the host's order, which is little-endian on everything that runs this. */
function formatAddress(hex: string): string {
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    for (let at = 6; at >= 0; at -= 2) bytes.push(Number.parseInt(hex.slice(word + at, word + at + 2), 16));
  }
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255) return bytes.slice(12).join(".");
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16),
  );
  return `[${new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1)}]`;
}

const add = (counts: Counts, name: string) => void counts.set(name, (counts.get(name) ?? 0) + 1);

/** Every state is told, those without a socket as zero. */
function fieldsFrom(counts: Counts): Record<string, bigint> {
  const names = [...new Set<string>(STATES), "udp_socket"];
  return Object.fromEntries(names.map((name) => [name, BigInt(counts.get(name) ?? 0)]));
}

export function createNetstat(wanted: NetstatOptions, tools: KindTools, roots: HostRoots = HOST_ROOTS): Collector {
  const watched = new Map<string, Readonly<Record<string, string>>>();
  for (const group of wanted.addr_ports) for (const port of group.ports) watched.set(port, group.tags);
  const withAddress = [...watched.keys()].some((name) => !name.startsWith("*:"));

  /** Hosts with a hundred thousand sockets exist: the file is read in pieces. */
  const readTable = async (file: string, signal: AbortSignal, take: (line: SocketLine) => void) => {
    let rest = "";
    try {
      for await (const piece of createReadStream(join(roots.proc, "net", file), { encoding: "latin1", signal })) {
        const lines = (rest + piece).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const socket = parseSocketLine(line, withAddress);
          if (socket) take(socket);
        }
      }
    } catch (error) {
      if (signal.aborted) throw error;
      // a host without IPv6 has no tcp6
    }
  };

  const count = async (version: "4" | "6", signal: AbortSignal) => {
    const all: Counts = new Map();
    const byPort = new Map<string, Counts>([...watched.keys()].map((name) => [name, new Map()]));
    const take = (nameOf: (socket: SocketLine) => string) => (socket: SocketLine) => {
      const name = nameOf(socket);
      add(all, name);
      for (const key of [`*:${socket.port}`, socket.local]) {
        const counts = byPort.get(key);
        if (counts) add(counts, name);
      }
    };
    const suffix = version === "6" ? "6" : "";
    await readTable(
      `tcp${suffix}`,
      signal,
      take(({ state }) => STATES[state - 1] ?? "tcp_none"),
    );
    await readTable(
      `udp${suffix}`,
      signal,
      take(() => "udp_socket"),
    );
    return { all, byPort };
  };

  const pointsOf = async (version: "4" | "6", signal: AbortSignal) => {
    const { all, byPort } = await count(version, signal);
    const timeNs = nowNs(tools.clock);
    const ipVersion = `ipv${version}`;
    const whole = pointOf("netstat", { tags: { ip_version: ipVersion }, fields: fieldsFrom(all), timeNs });
    const ports = [...byPort].map(([addr_port, counts]) => {
      const tags = { ...watched.get(addr_port), addr_port, ip_version: ipVersion };
      return counts.size > 0 ? pointOf("netstat", { tags, fields: fieldsFrom(counts), timeNs }) : undefined;
    });
    return { all, points: [whole, ...ports] };
  };

  return {
    async start() {
      requireLinux("netstat");
    },
    async collect(signal) {
      const four = await pointsOf("4", signal);
      const six = await pointsOf("6", signal);
      const sum: Counts = new Map(four.all);
      for (const [name, value] of six.all) sum.set(name, (sum.get(name) ?? 0) + value);
      const both = pointOf("netstat", {
        tags: { ip_version: "all" },
        fields: fieldsFrom(sum),
        timeNs: nowNs(tools.clock),
      });
      await tools.emit("metric", present([both, ...four.points, ...six.points]));
    },
  };
}

export const netstat = defineKind({
  name: "netstat",
  catalog: "host",
  summary: "Connections by state, for the host and for chosen ports",
  defaultIntervalMs: 10_000,
  singleton: true,
  options: netstatOptions,
  create: (wanted, tools) => createNetstat(wanted, tools),
  sample: sampleOf({
    name: "netstat",
    about: "How many connections are in which state.",
    interval: "10s",
    body: `
  # Ports that are also counted by themselves, with tags of their own.
  # [[inputs.netstat.addr_ports]]
  #   ports = ["*:80", "10.0.0.5:443"]
  #   [inputs.netstat.addr_ports.tags]
  #     service = "http"`,
  }),
  measurements: [
    {
      name: "netstat",
      category: "metric",
      about:
        "Sockets of the host by state, for both versions of IP together and for each; and for each port of addr_ports that has one.",
      tags: { ip_version: "all, ipv4 or ipv6", addr_port: "the port as the options write it" },
      fields: {
        tcp_established: "established, a count",
        tcp_syn_sent: "being opened from here, a count",
        tcp_syn_recv: "being opened from elsewhere, a count",
        tcp_fin_wait1: "closed here, not yet acknowledged, a count",
        tcp_fin_wait2: "closed here, acknowledged, a count",
        tcp_time_wait: "closed, kept for late packets, a count",
        tcp_close: "closed, a count",
        tcp_close_wait: "closed by the other end, not yet here, a count",
        tcp_last_ack: "closed by both, not yet acknowledged, a count",
        tcp_listen: "listening, a count",
        tcp_closing: "closed by both at once, a count",
        udp_socket: "sockets of UDP, a count",
      },
    },
  ],
});
