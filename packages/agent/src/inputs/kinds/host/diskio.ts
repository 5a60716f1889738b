import { join } from "node:path";
import type * as z from "zod/mini";
import { Rates } from "../../../collectors/rates.ts";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { flag, options, pattern, patterns } from "../shared/options.ts";
import { int, nowNs, pointOf, present, type RawFields } from "../shared/values.ts";
import { HOST_ROOTS, type HostRoots, readNeeded, readSmall, requireLinux } from "./proc.ts";

/** /proc/diskstats counts in sectors of 512 bytes, whatever the disk's own sectors are. */
const SECTOR = 512;

const diskioOptions = options({
  devices: patterns(),
  exclude_devices: pattern("^(loop|ram|zram|sr|fd)[0-9]+"),
  skip_serial_number: flag(true),
});
type DiskioOptions = z.output<typeof diskioOptions>;

/** Counters since the start of the host; times in milliseconds. */
export interface DiskCounters {
  readonly name: string;
  readonly reads: number;
  readonly merged_reads: number;
  readonly read_bytes: number;
  readonly read_time: number;
  readonly writes: number;
  readonly merged_writes: number;
  readonly write_bytes: number;
  readonly write_time: number;
  readonly iops_in_progress: number;
  readonly io_time: number;
  readonly weighted_io_time: number;
}

/** The lines of /proc/diskstats (the kernel's admin-guide/iostats); columns after the eleventh are not told. */
export function parseDiskstats(text: string): DiskCounters[] {
  const disks: DiskCounters[] = [];
  for (const line of text.split("\n")) {
    const [, , name, ...columns] = line.trim().split(/\s+/);
    if (name === undefined || columns.length < 11) continue;
    const at = (index: number) => Number(columns[index]) || 0;
    disks.push({
      name,
      reads: at(0),
      merged_reads: at(1),
      read_bytes: at(2) * SECTOR,
      read_time: at(3),
      writes: at(4),
      merged_writes: at(5),
      write_bytes: at(6) * SECTOR,
      write_time: at(7),
      iops_in_progress: at(8),
      io_time: at(9),
      weighted_io_time: at(10),
    });
  }
  return disks;
}

/** What passed per second since the reading before; undefined for a disk that is new. */
export function paceOf(disk: DiskCounters, rates: Rates): RawFields | undefined {
  const { reads, writes, read_bytes, write_bytes, read_time, write_time, io_time } = disk;
  const pace = rates.next(disk.name, [reads, writes, read_bytes, write_bytes, read_time + write_time, io_time]);
  if (!pace) return undefined;
  const [readsPerS = 0, writesPerS = 0, readBytes = 0, writeBytes = 0, waitedMs = 0, busyMs = 0] = pace;
  const operations = readsPerS + writesPerS;
  return {
    "read_bytes/sec": int(readBytes),
    "write_bytes/sec": int(writeBytes),
    read_iops: readsPerS,
    write_iops: writesPerS,
    io_util: Math.min(100, busyMs / 10),
    io_await: operations > 0 ? waitedMs / operations : 0,
  };
}

export function createDiskio(wanted: DiskioOptions, tools: KindTools, roots: HostRoots = HOST_ROOTS): Collector {
  const rates = new Rates();

  const isWanted = ({ name }: DiskCounters) =>
    wanted.devices.length > 0
      ? wanted.devices.some((device) => device.test(name))
      : !wanted.exclude_devices?.test(name);

  const serialOf = (name: string) => readSmall(join(roots.sys, "block", name, "device/serial"))?.trim();

  const read = () => {
    const disks = parseDiskstats(readNeeded(join(roots.proc, "diskstats"))).filter(isWanted);
    rates.begin(tools.clock.monotonic());
    return disks.map((disk) => ({ disk, pace: paceOf(disk, rates) }));
  };

  return {
    async start() {
      requireLinux("diskio");
      read();
    },
    async collect() {
      const timeNs = nowNs(tools.clock);
      const points = read().map(({ disk: { name, ...counters }, pace }) => {
        const counts = Object.fromEntries(Object.entries(counters).map(([field, value]) => [field, int(value)]));
        const serial = wanted.skip_serial_number ? undefined : serialOf(name);
        return pointOf("diskio", { tags: { name, serial }, fields: { ...counts, ...pace }, timeNs });
      });
      await tools.emit("metric", present(points));
    },
  };
}

export const diskio = defineKind({
  name: "diskio",
  catalog: "host",
  summary: "Disks: what is read and written, how long it takes, how busy they are",
  defaultIntervalMs: 10_000,
  singleton: true,
  options: diskioOptions,
  create: (wanted, tools) => createDiskio(wanted, tools),
  sample: sampleOf({
    name: "diskio",
    about: "What disks and partitions read and write.",
    interval: "10s",
    body: `
  # Only devices whose name matches one of these regular expressions; empty for all.
  # devices = ["^sda$", "^nvme"]
  devices = []
  # Devices that are left out when "devices" is empty: a regular expression.
  exclude_devices = '''^(loop|ram|zram|sr|fd)[0-9]+'''
  # Set to false for a tag with the serial number, where the disk tells one.
  skip_serial_number = true`,
  }),
  measurements: [
    {
      name: "diskio",
      category: "metric",
      about: "One point for each disk and partition, from /proc/diskstats.",
      tags: { name: "name of the device", serial: "its serial number; with skip_serial_number = false" },
      fields: {
        reads: "reads since the start of the host, a count",
        merged_reads: "reads that were joined with others, a count",
        read_bytes: "read since the start of the host, bytes",
        read_time: "waited for reads, milliseconds",
        writes: "writes since the start of the host, a count",
        merged_writes: "writes that were joined with others, a count",
        write_bytes: "written since the start of the host, bytes",
        write_time: "waited for writes, milliseconds",
        iops_in_progress: "operations under way, a count",
        io_time: "time with operations under way, milliseconds",
        weighted_io_time: "the same, times their number, milliseconds",
        "read_bytes/sec": "read since the reading before, bytes per second",
        "write_bytes/sec": "written since the reading before, bytes per second",
        read_iops: "reads per second since the reading before",
        write_iops: "writes per second since the reading before",
        io_util: "share of time with operations under way since the reading before, per cent",
        io_await: "mean time of an operation since the reading before, milliseconds",
      },
    },
  ],
});
