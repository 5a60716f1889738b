import { readdirSync } from "node:fs";
import { join } from "node:path";
import type * as z from "zod/mini";
import { Rates } from "../../../collectors/rates.ts";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { flag, options, patterns } from "../shared/options.ts";
import { int, nowNs, pointOf, present, type RawFields } from "../shared/values.ts";
import { HOST_ROOTS, type HostRoots, readNeeded, readSmall, requireLinux } from "./proc.ts";

/** The columns of /proc/net/dev that are told: field → place after the name. */
const COLUMNS = {
  bytes_recv: 0,
  packets_recv: 1,
  err_in: 2,
  drop_in: 3,
  bytes_sent: 8,
  packets_sent: 9,
  err_out: 10,
  drop_out: 11,
} as const;
type Counter = keyof typeof COLUMNS;

/** Those that are told as a pace as well. */
const PACED: readonly Counter[] = ["bytes_recv", "bytes_sent", "packets_recv", "packets_sent"];
const PROTOCOLS = /^(Tcp|Udp|Icmp|Ip|UdpLite|IcmpMsg)$/;
/** Where /sys does not tell what is virtual. */
const VIRTUAL =
  /^(lo|veth|docker|br-|virbr|cni|flannel|cali|vxlan|ifb|dummy|tun|tap|wg|kube-|nodelocaldns|lxc|lxdbr|podman)/;

const netOptions = options({
  interfaces: patterns(),
  enable_virtual_interfaces: flag(false),
  ignore_protocol_stats: flag(false),
});
type NetOptions = z.output<typeof netOptions>;

/** Counters of each interface since it came up. */
export function parseNetDev(text: string): Map<string, Readonly<Record<Counter, number>>> {
  const interfaces = new Map<string, Readonly<Record<Counter, number>>>();
  for (const line of text.split("\n")) {
    // the two lines of headings have no colon; an alias such as eth0:1 has two
    const end = line.lastIndexOf(":");
    if (end < 0) continue;
    const columns = line
      .slice(end + 1)
      .trim()
      .split(/\s+/);
    const counters = Object.entries(COLUMNS).map(([field, at]) => [field, Number(columns[at]) || 0]);
    interfaces.set(line.slice(0, end).trim(), Object.fromEntries(counters) as Record<Counter, number>);
  }
  return interfaces;
}

/** `tcp_insegs` and the like from /proc/net/snmp, which gives a line of names and a line of values for each protocol. */
export function parseSnmp(text: string): Record<string, number> {
  const stats: Record<string, number> = {};
  let names: string[] = [];
  for (const line of text.split("\n")) {
    const [head = "", ...words] = line.split(/\s+/);
    const protocol = head.slice(0, -1);
    if (!PROTOCOLS.test(protocol)) continue;
    if (names[0] !== head) {
      names = [head, ...words];
      continue;
    }
    for (const [index, word] of words.entries()) {
      const value = Number(word);
      if (Number.isInteger(value)) stats[`${protocol}_${names[index + 1]}`.toLowerCase()] = value;
    }
    names = [];
  }
  return stats;
}

export function createNet(wanted: NetOptions, tools: KindTools, roots: HostRoots = HOST_ROOTS): Collector {
  const rates = new Rates();

  const listVirtual = (): ReadonlySet<string> | undefined => {
    try {
      return new Set(readdirSync(join(roots.sys, "devices/virtual/net")));
    } catch {
      return undefined;
    }
  };

  /** Inside a container every interface is virtual: then all but lo are told. */
  const select = (names: readonly string[]): ReadonlySet<string> => {
    const virtual = listVirtual();
    const isVirtual = (name: string) => (virtual ? virtual.has(name) : VIRTUAL.test(name));
    const named = names.filter(
      (name) => wanted.interfaces.length === 0 || wanted.interfaces.some((pattern) => pattern.test(name)),
    );
    if (wanted.enable_virtual_interfaces) return new Set(named);
    const hasPhysical = names.some((name) => !isVirtual(name));
    return new Set(named.filter((name) => (hasPhysical ? !isVirtual(name) : name !== "lo")));
  };

  const readInterfaces = (): { name: string; fields: RawFields }[] => {
    const all = parseNetDev(readNeeded(join(roots.proc, "net/dev")));
    const selected = select([...all.keys()]);
    return [...all]
      .filter(([name]) => selected.has(name))
      .map(([name, counters]) => {
        const pace = rates.next(
          name,
          PACED.map((field) => counters[field]),
        );
        const counts = Object.entries(counters).map(([field, value]) => [field, int(value)]);
        const paces = PACED.map((field, index) => [`${field}/sec`, int(pace?.[index])]);
        return { name, fields: Object.fromEntries([...counts, ...paces]) };
      });
  };

  const readProtocols = (): RawFields => {
    const stats = parseSnmp(readSmall(join(roots.proc, "net/snmp")) ?? "");
    const names = Object.keys(stats);
    const pace = rates.next("protocols of the host", Object.values(stats));
    const told = names.filter((name) => /^(tcp|udp)_/.test(name));
    return Object.fromEntries([
      ...names.map((name) => [name, int(stats[name])]),
      ...told.map((name) => [`${name}/sec`, int(pace?.[names.indexOf(name)])]),
    ]);
  };

  const read = () => {
    rates.begin(tools.clock.monotonic());
    return { interfaces: readInterfaces(), protocols: wanted.ignore_protocol_stats ? undefined : readProtocols() };
  };

  return {
    async start() {
      requireLinux("net");
      read();
    },
    async collect() {
      const timeNs = nowNs(tools.clock);
      const { interfaces, protocols } = read();
      const points = interfaces.map(({ name, fields }) =>
        pointOf("net", { tags: { interface: name }, fields, timeNs }),
      );
      if (protocols) points.push(pointOf("net", { tags: { interface: "all" }, fields: protocols, timeNs }));
      await tools.emit("metric", present(points));
    },
  };
}

/** Names of the kernel's counters (RFC 4022, RFC 4113, RFC 4293 and Linux' own), as fields. */
const PROTOCOL_FIELDS: Readonly<Record<string, string>> = {
  tcp: "rtoalgorithm rtomin rtomax maxconn activeopens passiveopens attemptfails estabresets currestab insegs outsegs retranssegs inerrs outrsts incsumerrors",
  udp: "indatagrams noports inerrors outdatagrams rcvbuferrors sndbuferrors incsumerrors ignoredmulti memerrors",
  udplite: "indatagrams noports inerrors outdatagrams rcvbuferrors sndbuferrors incsumerrors ignoredmulti memerrors",
  ip: "forwarding defaultttl inreceives inhdrerrors inaddrerrors forwdatagrams inunknownprotos indiscards indelivers outrequests outdiscards outnoroutes reasmtimeout reasmreqds reasmoks reasmfails fragoks fragfails fragcreates outtransmits",
  icmp: "inmsgs inerrors incsumerrors indestunreachs intimeexcds inparmprobs insrcquenchs inredirects inechos inechoreps intimestamps intimestampreps inaddrmasks inaddrmaskreps outmsgs outerrors outratelimitglobal outratelimithost outdestunreachs outtimeexcds outparmprobs outsrcquenchs outredirects outechos outechoreps outtimestamps outtimestampreps outaddrmasks outaddrmaskreps",
  icmpmsg: "intype0 intype3 intype5 intype8 intype11 outtype0 outtype3 outtype8 outtype11",
};

function describeProtocols(): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [protocol, names] of Object.entries(PROTOCOL_FIELDS)) {
    for (const name of names.split(" ")) {
      fields[`${protocol}_${name}`] = `${name} of ${protocol} as the kernel counts it, interface "all" only`;
      if (protocol === "tcp" || protocol === "udp") {
        fields[`${protocol}_${name}/sec`] = `the same per second since the reading before, interface "all" only`;
      }
    }
  }
  return fields;
}

export const net = defineKind({
  name: "net",
  catalog: "host",
  summary: "Traffic, errors and drops by interface, and the counters of TCP, UDP and the others",
  defaultIntervalMs: 10_000,
  singleton: true,
  options: netOptions,
  create: (wanted, tools) => createNet(wanted, tools),
  sample: sampleOf({
    name: "net",
    about: "Traffic of the network interfaces.",
    interval: "10s",
    body: `
  # Only interfaces whose name matches one of these regular expressions; empty for all.
  # interfaces = ["^eth[0-9]+$", "^en"]
  interfaces = []
  # Also lo, bridges, tunnels and the host's ends of containers' links. Inside a container, where every interface is
  # virtual, all but lo are told in any case.
  enable_virtual_interfaces = false
  # Leave out the counters of TCP, UDP, IP and ICMP (the point with interface=all).
  ignore_protocol_stats = false`,
  }),
  measurements: [
    {
      name: "net",
      category: "metric",
      about: "One point for each interface, and one for the protocols of the whole host.",
      tags: { interface: "name of the interface, or all" },
      fields: {
        bytes_recv: "received since the interface came up, bytes",
        packets_recv: "received packets, a count",
        err_in: "packets received with errors, a count",
        drop_in: "received packets that were dropped, a count",
        bytes_sent: "sent since the interface came up, bytes",
        packets_sent: "sent packets, a count",
        err_out: "packets that could not be sent, a count",
        drop_out: "packets dropped before they were sent, a count",
        "bytes_recv/sec": "received since the reading before, bytes per second",
        "bytes_sent/sec": "sent since the reading before, bytes per second",
        "packets_recv/sec": "received since the reading before, packets per second",
        "packets_sent/sec": "sent since the reading before, packets per second",
        ...describeProtocols(),
      },
    },
  ],
});
