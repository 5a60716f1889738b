import { join } from "node:path";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { options } from "../shared/options.ts";
import { int, nowNs, percent, pointOf, present, type RawFields } from "../shared/values.ts";
import { HOST_ROOTS, type HostRoots, parsePairs, readNeeded, readPageSize, readSmall, requireLinux } from "./proc.ts";

const KIB = 1024;

/** Field → name in /proc/meminfo, as far as one is the other, in KiB. */
const SIZES = {
  total: "MemTotal",
  free: "MemFree",
  active: "Active",
  inactive: "Inactive",
  slab: "Slab",
  buffered: "Buffers",
  commit_limit: "CommitLimit",
  committed_as: "Committed_AS",
  dirty: "Dirty",
  high_free: "HighFree",
  high_total: "HighTotal",
  low_free: "LowFree",
  low_total: "LowTotal",
  huge_page_size: "Hugepagesize",
  mapped: "Mapped",
  page_tables: "PageTables",
  shared: "Shmem",
  sreclaimable: "SReclaimable",
  sunreclaim: "SUnreclaim",
  swap_cached: "SwapCached",
  swap_free: "SwapFree",
  swap_total: "SwapTotal",
  vmalloc_chunk: "VmallocChunk",
  vmalloc_total: "VmallocTotal",
  vmalloc_used: "VmallocUsed",
  write_back: "Writeback",
  write_back_tmp: "WritebackTmp",
} as const;

/** Sizes in bytes. Used is what cannot be had without swapping: the total less what is available. */
export function readMemory(meminfo: string): RawFields {
  const kib = parsePairs(meminfo);
  const bytes = (name: string) => (kib.has(name) ? (kib.get(name) ?? 0) * KIB : undefined);
  const total = bytes("MemTotal") ?? 0;
  if (total === 0) throw new Error("meminfo tells no MemTotal");
  const cached = (bytes("Cached") ?? 0) + (bytes("SReclaimable") ?? 0);
  // kernels before 3.14 and some containers do not tell what is available
  const available = bytes("MemAvailable") ?? (bytes("MemFree") ?? 0) + (bytes("Buffers") ?? 0) + cached;
  const used = Math.max(0, total - available);
  return {
    ...Object.fromEntries(Object.entries(SIZES).map(([field, name]) => [field, int(bytes(name))])),
    cached: int(cached),
    available: int(available),
    available_percent: percent(available, total),
    used: int(used),
    used_percent: percent(used, total),
    huge_pages_free: int(kib.get("HugePages_Free")),
    huge_pages_total: int(kib.get("HugePages_Total")),
  };
}

/** Swap in bytes; `in` and `out` count since the start of the host. */
export function readSwap(meminfo: string, vmstat: string, pageSize: number): RawFields {
  const kib = parsePairs(meminfo);
  const moved = parsePairs(vmstat);
  const total = (kib.get("SwapTotal") ?? 0) * KIB;
  const free = (kib.get("SwapFree") ?? 0) * KIB;
  const pages = (name: string) => (moved.has(name) ? int((moved.get(name) ?? 0) * pageSize) : undefined);
  return {
    total: int(total),
    free: int(free),
    used: int(Math.max(0, total - free)),
    used_percent: percent(total - free, total),
    in: pages("pswpin"),
    out: pages("pswpout"),
  };
}

export function createMem(tools: KindTools, roots: HostRoots = HOST_ROOTS): Collector {
  return reader("mem", tools, () => readMemory(readNeeded(join(roots.proc, "meminfo"))));
}

export function createSwap(tools: KindTools, roots: HostRoots = HOST_ROOTS): Collector {
  const vmstat = () => readSmall(join(roots.proc, "vmstat")) ?? "";
  const pageSize = readPageSize(roots.proc);
  return reader("swap", tools, () => readSwap(readNeeded(join(roots.proc, "meminfo")), vmstat(), pageSize));
}

/** A collector of one point without tags. */
function reader(name: string, tools: KindTools, read: () => RawFields): Collector {
  return {
    async start() {
      requireLinux(name);
      read();
    },
    async collect() {
      await tools.emit("metric", present([pointOf(name, { fields: read(), timeNs: nowNs(tools.clock) })]));
    },
  };
}

const MEANINGS: Readonly<Record<keyof typeof SIZES, string>> = {
  total: "all memory",
  free: "memory without any use",
  active: "used a short while ago",
  inactive: "not used for a while",
  slab: "the kernel's own structures",
  buffered: "buffers of block devices",
  commit_limit: "what may be promised to programs",
  committed_as: "what was promised to programs",
  dirty: "waits to be written to disk",
  high_free: "free memory above the direct map (32 bit)",
  high_total: "memory above the direct map (32 bit)",
  low_free: "free memory inside the direct map (32 bit)",
  low_total: "memory inside the direct map (32 bit)",
  huge_page_size: "size of a huge page",
  mapped: "files mapped into programs",
  page_tables: "tables of pages",
  shared: "shared between programs and tmpfs",
  sreclaimable: "the part of slab that can be had back",
  sunreclaim: "the part of slab that cannot be had back",
  swap_cached: "in memory and in swap at once",
  swap_free: "free swap",
  swap_total: "all swap",
  vmalloc_chunk: "largest free block of the vmalloc area",
  vmalloc_total: "the vmalloc area",
  vmalloc_used: "used part of the vmalloc area",
  write_back: "being written to disk",
  write_back_tmp: "being written by FUSE",
};

export const mem = defineKind({
  name: "mem",
  catalog: "host",
  summary: "Memory: used, available, cached and what the kernel does with it",
  defaultIntervalMs: 10_000,
  singleton: true,
  options: options({}),
  create: (_options, tools) => createMem(tools),
  sample: sampleOf({ name: "mem", about: "Memory of the host.", interval: "10s" }),
  measurements: [
    {
      name: "mem",
      category: "metric",
      about: "What /proc/meminfo tells, in bytes.",
      tags: {},
      fields: {
        ...Object.fromEntries(Object.entries(MEANINGS).map(([field, meaning]) => [field, `${meaning}, bytes`])),
        cached: "files kept in memory and reclaimable slab, bytes",
        available: "can be had without swapping, bytes",
        available_percent: "available of total, per cent",
        used: "total less available, bytes",
        used_percent: "used of total, per cent",
        huge_pages_free: "free huge pages, a count",
        huge_pages_total: "huge pages, a count",
      },
    },
  ],
});

export const swap = defineKind({
  name: "swap",
  catalog: "host",
  summary: "Swap: size, use and what went in and out",
  defaultIntervalMs: 10_000,
  singleton: true,
  options: options({}),
  create: (_options, tools) => createSwap(tools),
  sample: sampleOf({ name: "swap", about: "Swap of the host.", interval: "10s" }),
  measurements: [
    {
      name: "swap",
      category: "metric",
      about: "Swap from /proc/meminfo and /proc/vmstat.",
      tags: {},
      fields: {
        total: "all swap, bytes",
        free: "free swap, bytes",
        used: "used swap, bytes",
        used_percent: "used of total, per cent",
        in: "brought back from swap since the start of the host, bytes",
        out: "put into swap since the start of the host, bytes",
      },
    },
  ],
});
