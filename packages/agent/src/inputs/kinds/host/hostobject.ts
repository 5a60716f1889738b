import { readFile, statfs } from "node:fs/promises";
import { arch, availableParallelism, cpus, networkInterfaces, release, totalmem, type, uptime } from "node:os";
import { join } from "node:path";
import type { InputReport } from "@muster/core/resources";
import type * as z from "zod/mini";
import { AGENT_VERSION } from "../../../version.ts";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { flag, options, texts } from "../shared/options.ts";
import { int, nowNs, percent, pointOf, present } from "../shared/values.ts";
import { type CpuRows, parseCpuTicks, usageBetween } from "./cpu.ts";
import { parseMountTable } from "./disk.ts";
import { readMemory } from "./mem.ts";
import { readNumber, readSmall } from "./proc.ts";

const hostobjectOptions = options({
  ignore_fstypes: texts(["tmpfs", "devtmpfs", "squashfs", "overlay", "proc", "sysfs", "cgroup", "cgroup2"]),
  enable_net_virtual_interfaces: flag(false),
});
type HostobjectOptions = z.output<typeof hostobjectOptions>;

export interface HostobjectRoots {
  readonly proc: string;
  readonly sys: string;
  readonly etc: string;
}

/** Name and version of the system, from a file such as /etc/os-release; the kernel's where there is none. */
export function parseOsRelease(text: string): { platform: string; version: string; title: string } {
  const value = (name: string) =>
    new RegExp(`^${name}=(?:"(.*)"|'(.*)'|(.*))$`, "m").exec(text)?.slice(1).find(Boolean) ?? "";
  return { platform: value("ID") || type().toLowerCase(), version: value("VERSION_ID"), title: value("PRETTY_NAME") };
}

/** One line for each processor that is built in. */
function describeProcessors() {
  const byModel = new Map<string, { model_name: string; mhz: number; cores: number }>();
  for (const { model, speed } of cpus()) {
    const known = byModel.get(model);
    byModel.set(model, { model_name: model, mhz: speed, cores: (known?.cores ?? 0) + 1 });
  }
  return [...byModel.values()];
}

function describeNetwork(withVirtual: boolean, sys: string) {
  return Object.entries(networkInterfaces())
    .filter(([name]) => withVirtual || isPhysical(name, sys))
    .map(([name, addresses = []]) => ({
      interface: name,
      mac: addresses[0]?.mac ?? "",
      mtu: readNumber(join(sys, "class/net", name, "mtu")),
      ip4: addresses.filter(({ family }) => family === "IPv4").map(({ cidr }) => cidr),
      ip6: addresses.filter(({ family }) => family === "IPv6").map(({ cidr }) => cidr),
    }));
}

/** A virtual interface has no device behind it. */
function isPhysical(name: string, sys: string): boolean {
  return (
    name !== "lo" &&
    (process.platform !== "linux" || readSmall(join(sys, "class/net", name, "device/uevent")) !== undefined)
  );
}

/** The first address by which others may reach this host. */
function findAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ internal, family }) => !internal && family === "IPv4")?.address;
}

function describeInputs(inputs: readonly InputReport[]) {
  return inputs.flatMap(({ inputs: names, status, error, lastPointAt, points, id }) =>
    names.map((name) => ({ name, id, status, count: points, last_time: lastPointAt, last_err: error })),
  );
}

export function createHostobject(
  wanted: HostobjectOptions,
  tools: KindTools,
  roots: HostobjectRoots = { proc: "/proc", sys: "/sys", etc: "/etc" },
): Collector {
  let ticks: CpuRows = new Map();

  const readTicks = () => parseCpuTicks(readSmall(join(roots.proc, "stat")) ?? "");

  const readCpu = () => {
    const before = ticks.get("cpu-total");
    ticks = readTicks();
    const now = ticks.get("cpu-total");
    return before && now ? usageBetween(before, now, false)?.usage_total : undefined;
  };

  /** Only what lies on devices: anything on a network may hang. */
  const readFilesystems = async () => {
    const mounts = parseMountTable(await readFile(join(roots.proc, "self/mounts"), "utf8").catch(() => ""));
    const wantedMounts = mounts.filter(
      ({ device, mountPoint, fstype }) =>
        mountPoint === "/" || (device.startsWith("/dev/") && !wanted.ignore_fstypes.includes(fstype)),
    );
    const described = [];
    for (const { device, mountPoint, fstype } of wantedMounts.slice(0, 100)) {
      const size = await statfs(mountPoint).catch(() => undefined);
      if (!size) continue;
      const total = size.blocks * size.bsize;
      described.push({ device, mountpoint: mountPoint, fstype, total, used: total - size.bfree * size.bsize });
    }
    return described;
  };

  const describe = async () => {
    const meminfo = readSmall(join(roots.proc, "meminfo"));
    const memory = meminfo === undefined ? undefined : readMemory(meminfo);
    const release_ = parseOsRelease(readSmall(join(roots.etc, "os-release")) ?? "");
    const filesystems = await readFilesystems();
    return {
      memory,
      filesystems,
      message: {
        host: {
          meta: {
            host_name: tools.hostname,
            os: process.platform,
            platform: release_.platform,
            platform_version: release_.version,
            title: release_.title,
            kernel_release: release(),
            arch: arch(),
            boot_time: Math.round(tools.clock.now() / 1000 - uptime()),
          },
          cpu: describeProcessors(),
          mem: {
            memory_total: totalmem(),
            swap_total: memory?.swap_total === undefined ? 0 : Number(memory.swap_total),
          },
          net: describeNetwork(wanted.enable_net_virtual_interfaces, roots.sys),
          disk: filesystems,
        },
        agent: { version: AGENT_VERSION, runtime: process.version },
        collectors: describeInputs(tools.listInputs?.() ?? []),
      },
    };
  };

  return {
    async start() {
      ticks = readTicks();
    },
    async collect() {
      const { memory, filesystems, message } = await describe();
      const sum = (pick: (one: (typeof filesystems)[number]) => number) =>
        filesystems.reduce((all, one) => all + pick(one), 0);
      const load = Number.parseFloat(readSmall(join(roots.proc, "loadavg")) ?? "");
      const point = pointOf("HOST", {
        tags: { name: tools.hostname, os: process.platform, arch: arch(), ip: findAddress() },
        fields: {
          message: JSON.stringify(message),
          cpu_usage: readCpu(),
          mem_used_percent: memory?.used_percent,
          disk_total: int(sum(({ total }) => total)),
          disk_used_percent: percent(
            sum(({ used }) => used),
            sum(({ total }) => total),
          ),
          load: load,
          n_cpus: int(availableParallelism()),
          uptime: int(uptime()),
          start_time: int(tools.clock.now() - uptime() * 1000),
          agent_version: AGENT_VERSION,
        },
        timeNs: nowNs(tools.clock),
      });
      await tools.emit("object", present([point]));
    },
  };
}

export const hostobject = defineKind({
  name: "hostobject",
  catalog: "host",
  summary: "One object for the host: system, hardware, filesystems, network, the agent and its inputs",
  defaultIntervalMs: 300_000,
  singleton: true,
  options: hostobjectOptions,
  create: (wanted, tools) => createHostobject(wanted, tools),
  sample: sampleOf({
    name: "hostobject",
    about: "The host as one object: what it is made of and what runs in this agent.",
    interval: "5m",
    body: `
  # Types of filesystems that are left out.
  ignore_fstypes = ["tmpfs", "devtmpfs", "squashfs", "overlay", "proc", "sysfs", "cgroup", "cgroup2"]
  # Also interfaces without a device behind them: bridges, tunnels, links of containers.
  enable_net_virtual_interfaces = false`,
  }),
  measurements: [
    {
      name: "HOST",
      category: "object",
      about: "The host. On systems without /proc the shares that are read there are missing.",
      tags: {
        name: "name of the host",
        os: "linux, darwin or win32",
        arch: "architecture of the agent: x64, arm64",
        ip: "first address by which others may reach it",
      },
      fields: {
        message:
          "host (meta, cpu, mem, net, disk), agent (version, runtime) and collectors (name, id, status, count, last_time, last_err) as JSON",
        cpu_usage: "use of all processors since the reading before, per cent",
        mem_used_percent: "used memory, per cent",
        disk_total: "size of all filesystems in message, bytes",
        disk_used_percent: "used of disk_total, per cent",
        load: "mean number of tasks that ran or wanted to, over one minute",
        n_cpus: "cores, a count",
        uptime: "since the start of the host, seconds",
        start_time: "when the host started, milliseconds since 1970",
        agent_version: "version of this agent",
      },
    },
  ],
});
