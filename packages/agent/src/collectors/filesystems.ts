import { readFile, statfs } from "node:fs/promises";
import type { HostDetail, HostValues } from "@muster/core";

type Filesystem = HostDetail["filesystems"][number];

/** One line of /proc/self/mounts. */
export interface Mount {
  readonly device: string;
  readonly mount: string;
  readonly type: string;
}

/** The filesystems that hold data on this host. Anything on a network or in user space may hang and is never asked. */
const LOCAL_TYPES = new Set([
  "ext2",
  "ext3",
  "ext4",
  "xfs",
  "btrfs",
  "zfs",
  "f2fs",
  "jfs",
  "reiserfs",
  "bcachefs",
  "vfat",
  "exfat",
  "ntfs3",
  "ufs",
  "hfsplus",
  "apfs",
  "nilfs2",
]);
const MAX_MOUNTS = 64;

/** Lists mounts worth measuring: local ones and the root whatever it is, each device once at its shortest path. */
export function parseMounts(text: string): Mount[] {
  const byDevice = new Map<string, Mount>();
  for (const line of text.split("\n")) {
    const [device = "", target = "", type = ""] = line.split(" ");
    const mount = unescapeMount(target);
    if (mount === "" || (!LOCAL_TYPES.has(type) && !(mount === "/" && type !== "rootfs"))) continue;
    const key = device.startsWith("/") ? device : `${device} ${mount}`;
    const known = byDevice.get(key);
    if (!known || mount.length < known.mount.length) byDevice.set(key, { device: unescapeMount(device), mount, type });
  }
  return [...byDevice.values()].slice(0, MAX_MOUNTS);
}

/** Blanks in paths are written as octal escapes. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Measures how full the filesystems are, at a slow pace and beside everything else: a disk that hangs holds up nothing. */
export class FilesystemCollector {
  readonly #mountsPath: string;
  readonly #pending = new Set<string>();
  #known = new Map<string, Filesystem>();
  #isReading = false;

  constructor(mountsPath = "/proc/self/mounts") {
    this.#mountsPath = mountsPath;
  }

  /** Starts a measurement. One that has not come back is not started again. */
  async refresh(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const mounts = parseMounts(await readFile(this.#mountsPath, "utf8"));
      const present = new Set(mounts.map((mount) => mount.mount));
      for (const mount of this.#known.keys()) if (!present.has(mount)) this.#known.delete(mount);
      // statfs runs on the thread pool, and a hanging one keeps its thread: never more than two are under way
      for (const mount of mounts) if (this.#pending.size < 2) await this.#measureWithin(mount, 2000);
    } catch {
      // no mount table: nothing is known
    } finally {
      this.#isReading = false;
    }
  }

  /** The last measurement. The host's values are those of the root, else of the fullest. */
  collect(values: HostValues): Filesystem[] {
    const known = [...this.#known.values()];
    const shown = this.#known.get("/") ?? known.toSorted((a, b) => fill(b) - fill(a))[0];
    if (shown) {
      values["system.filesystem.limit"] = shown.total;
      values["system.filesystem.usage"] = shown.used;
      values["system.filesystem.utilization"] = fill(shown);
    }
    return known;
  }

  async #measureWithin(mount: Mount, limitMs: number): Promise<void> {
    if (this.#pending.has(mount.mount)) return;
    this.#pending.add(mount.mount);
    const measured = this.#measure(mount).finally(() => this.#pending.delete(mount.mount));
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs).unref();
    });
    await Promise.race([measured, limit]);
    clearTimeout(timer);
  }

  async #measure(mount: Mount): Promise<void> {
    try {
      const { blocks, bsize, bfree, bavail } = await statfs(mount.mount);
      if (blocks === 0) return;
      const used = (blocks - bfree) * bsize;
      // what users can have: blocks kept for root are neither free nor part of the whole, as in the share that `df` shows
      this.#known.set(mount.mount, { ...mount, total: used + bavail * bsize, used });
    } catch {
      this.#known.delete(mount.mount);
    }
  }
}

function fill(filesystem: { used: number; total: number }): number {
  return filesystem.total === 0 ? 0 : filesystem.used / filesystem.total;
}
