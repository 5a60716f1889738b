import { readFile, statfs } from "node:fs/promises";
import { basename, join } from "node:path";
import type * as z from "zod/mini";
import type { Collector } from "../../collector.ts";
import { defineKind, type KindTools, sampleOf } from "../shared/kind.ts";
import { flag, options, pattern, texts } from "../shared/options.ts";
import { int, nowNs, percent, pointOf, present, type RawFields } from "../shared/values.ts";
import { HOST_ROOTS, type HostRoots, requireLinux } from "./proc.ts";

const MIB = 1024 * 1024;
/** Thread-pool threads that hanging filesystems may hold: Node has four, and files must still be read. */
const MAX_PENDING = 2;
const STATFS_LIMIT_MS = 2000;

export interface Mount {
  readonly device: string;
  readonly mountPoint: string;
  readonly fstype: string;
  /** rw or ro. */
  readonly mode: string;
}

const diskOptions = options({
  mount_points: texts(),
  only_physical_device: flag(false),
  merge_on_device: flag(true),
  extra_device: texts(),
  exclude_device: texts(),
  ignore_fs: texts(),
  ignore_fstypes: pattern(
    "^(tmpfs|autofs|binfmt_misc|devpts|devtmpfs|fuse.lxcfs|overlay|proc|squashfs|sysfs|nsfs|ramfs|cgroup2?|mqueue|debugfs|tracefs|securityfs|pstore|bpf|configfs|fusectl|hugetlbfs|rpc_pipefs|efivarfs)$",
  ),
  ignore_mountpoints: pattern("^(/usr/local/datakit/.*|/run/containerd/.*)$"),
});
type DiskOptions = z.output<typeof diskOptions>;

/** The lines of /proc/self/mounts; later mounts on the same point hide earlier ones. */
export function parseMountTable(text: string): Mount[] {
  const byPoint = new Map<string, Mount>();
  for (const line of text.split("\n")) {
    const [device = "", target = "", fstype = "", flags = ""] = line.split(" ");
    if (fstype === "") continue;
    const mountPoint = unescapePath(target);
    byPoint.set(mountPoint, { device: unescapePath(device), mountPoint, fstype, mode: flags.split(",")[0] ?? "" });
  }
  return [...byPoint.values()];
}

/** Blanks in paths are written as octal escapes. */
function unescapePath(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The mounts that the options ask for; with `merge_on_device` each device once, at its shortest mount point. */
export function selectMounts(mounts: readonly Mount[], wanted: DiskOptions): Mount[] {
  const chosen = mounts.filter((mount) => isWanted(mount, wanted));
  if (!wanted.merge_on_device) return chosen;
  const byDevice = new Map<string, Mount>();
  for (const mount of chosen) {
    const key = mount.device.startsWith("/") ? mount.device : `${mount.device} ${mount.mountPoint}`;
    const known = byDevice.get(key);
    if (!known || mount.mountPoint.length < known.mountPoint.length) byDevice.set(key, mount);
  }
  return [...byDevice.values()];
}

function isWanted(mount: Mount, wanted: DiskOptions): boolean {
  if (wanted.mount_points.length > 0) return wanted.mount_points.includes(mount.mountPoint);
  if (wanted.exclude_device.includes(mount.device)) return false;
  if (wanted.extra_device.includes(mount.device)) return true;
  // the root of a container is an overlay, and the one that fills up
  if (mount.mountPoint === "/" && mount.fstype === "overlay") return !wanted.only_physical_device;
  if (wanted.ignore_fs.includes(mount.fstype)) return false;
  if (wanted.ignore_fstypes?.test(mount.fstype) || wanted.ignore_mountpoints?.test(mount.mountPoint)) return false;
  return !wanted.only_physical_device || mount.device.startsWith("/dev/");
}

interface Measured {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

/** Sizes in bytes, counts of inodes in millions. Used of total leaves out what only root may fill, as df does. */
export function fillOf({ bsize, blocks, bfree, bavail, files, ffree }: Measured): RawFields {
  const used = (blocks - bfree) * bsize;
  const usable = used + bavail * bsize;
  return {
    total: int(blocks * bsize),
    free: int(bavail * bsize),
    used: int(used),
    used_percent: percent(used, usable),
    inodes_total: int(files),
    inodes_free: int(ffree),
    inodes_used: int(files - ffree),
    inodes_total_mb: int(files / MIB),
    inodes_free_mb: int(ffree / MIB),
    inodes_used_mb: int((files - ffree) / MIB),
    inodes_used_percent: percent(files - ffree, files),
  };
}

export function createDisk(wanted: DiskOptions, tools: KindTools, roots: HostRoots = HOST_ROOTS): Collector {
  const pending = new Set<string>();

  /** Undefined when the filesystem does not answer in time; it is not asked again before it has. */
  const measure = async (mountPoint: string): Promise<Measured | undefined> => {
    if (pending.has(mountPoint) || pending.size >= MAX_PENDING) return undefined;
    pending.add(mountPoint);
    const measured = statfs(mountPoint)
      .catch(() => undefined)
      .finally(() => pending.delete(mountPoint));
    let cancel = () => {};
    const limit = new Promise<undefined>((resolve) => {
      cancel = tools.clock.after(STATFS_LIMIT_MS, () => resolve(undefined));
    });
    return Promise.race([measured, limit]).finally(() => cancel());
  };

  const pointAt = async (mount: Mount) => {
    const measured = await measure(mount.mountPoint);
    if (!measured || measured.blocks === 0) return undefined;
    return pointOf("disk", {
      tags: {
        device: mount.device,
        disk_name: basename(mount.device),
        mount_point: mount.mountPoint,
        fstype: mount.fstype,
        mode: mount.mode,
      },
      fields: fillOf(measured),
      timeNs: nowNs(tools.clock),
    });
  };

  const list = async () =>
    selectMounts(parseMountTable(await readFile(join(roots.proc, "self/mounts"), "utf8")), wanted);
  return {
    async start() {
      requireLinux("disk");
      await list();
    },
    async collect(signal) {
      const points = [];
      for (const mount of await list()) if (!signal.aborted) points.push(await pointAt(mount));
      await tools.emit("metric", present(points));
      const hanging = [...pending];
      tools.reportTrouble(hanging.length === 0 ? null : `does not answer: ${hanging.join(", ")}`);
    },
  };
}

export const disk = defineKind({
  name: "disk",
  catalog: "host",
  summary: "Filesystems: size, use and inodes",
  defaultIntervalMs: 10_000,
  singleton: true,
  options: diskOptions,
  create: (wanted, tools) => createDisk(wanted, tools),
  sample: sampleOf({
    name: "disk",
    about: "How full the filesystems are.",
    interval: "10s",
    body: `
  # Only these mount points; empty for all that the options below leave.
  mount_points = []
  # Only what lies on a device under /dev.
  only_physical_device = false
  # A device that is mounted several times is told once, at its shortest mount point.
  merge_on_device = true
  # Devices that are told although their type is ignored, and devices that are never told.
  extra_device = []
  exclude_device = []
  # Types that are left out by name, and types and mount points by regular expressions.
  ignore_fs = []
  ignore_fstypes = '''^(tmpfs|autofs|binfmt_misc|devpts|devtmpfs|fuse.lxcfs|overlay|proc|squashfs|sysfs|nsfs|ramfs|cgroup2?|mqueue|debugfs|tracefs|securityfs|pstore|bpf|configfs|fusectl|hugetlbfs|rpc_pipefs|efivarfs)$'''
  ignore_mountpoints = '''^(/usr/local/datakit/.*|/run/containerd/.*)$'''`,
  }),
  measurements: [
    {
      name: "disk",
      category: "metric",
      about: "One point for each filesystem. One that does not answer is left out and reported as a trouble.",
      tags: {
        device: "the device as mounted",
        disk_name: "the last part of the device's path",
        mount_point: "where it is mounted",
        fstype: "type of the filesystem",
        mode: "rw or ro",
      },
      fields: {
        total: "size, bytes",
        free: "free for programs, bytes",
        used: "used, bytes",
        used_percent: "used of what programs can use, per cent",
        inodes_total: "inodes, a count",
        inodes_free: "free inodes, a count",
        inodes_used: "used inodes, a count",
        inodes_total_mb: "inodes, in 1048576",
        inodes_free_mb: "free inodes, in 1048576",
        inodes_used_mb: "used inodes, in 1048576",
        inodes_used_percent: "used inodes of all, per cent",
      },
    },
  ],
});
