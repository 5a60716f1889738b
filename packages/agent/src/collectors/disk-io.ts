import { readdirSync } from "node:fs";
import type { HostDetail, HostValues } from "@muster/core";
import { Fields } from "./fields.ts";
import { Rates } from "./rates.ts";

type DiskRates = HostDetail["disks"][number];

/** /proc/diskstats counts in sectors of 512 bytes, whatever the disk's own sectors are. */
const SECTOR = 512;
/** Not storage of its own: files, memory, drives for removable discs. */
const IGNORED = /^(loop|ram|zram|sr|fd)\d/;
/** Built on other disks that are listed too: shown, but not added to the host's total. */
const STACKED = /^(dm-|md)\d/;
/** Names of partitions, where /sys does not tell what a whole disk is. */
const PARTITION = /^((sd|vd|xvd|hd)[a-z]+\d+|(nvme\d+n\d+|mmcblk\d+|nbd\d+)p\d+)$/;

/** Reads /proc/diskstats (the kernel's admin-guide/iostats): rates since the reading before. */
export class DiskIoCollector {
  readonly #fields = new Fields();
  readonly #rates = new Rates();
  #wholeDisks: ReadonlySet<string> | undefined;

  /** What is a whole disk, by /sys/block; done at the slow pace, since disks come and go rarely. */
  refreshDisks(folder = "/sys/block"): void {
    try {
      this.#wholeDisks = new Set(readdirSync(folder));
    } catch {
      this.#wholeDisks = undefined;
    }
  }

  collect(content: Uint8Array, atMs: number, values: HostValues): DiskRates[] {
    const fields = this.#fields.reset(content);
    const disks: DiskRates[] = [];
    this.#rates.begin(atMs);
    for (; !fields.isAtEnd; fields.nextLine()) {
      fields.skip(2); // major and minor number
      const device = fields.word();
      if (!this.#isCounted(device)) continue;
      const rates = this.#rates.next(device, readCounters(fields));
      if (!rates) continue;
      const [reads = 0, readBytes = 0, writes = 0, writeBytes = 0, busyMs = 0] = rates;
      disks.push({ device, readBytes, writeBytes, reads, writes, busy: Math.min(1, busyMs / 1000) });
    }
    putTotals(disks, values);
    return disks;
  }

  #isCounted(device: string): boolean {
    if (device === "" || IGNORED.test(device)) return false;
    return this.#wholeDisks ? this.#wholeDisks.has(device) : !PARTITION.test(device);
  }
}

function readCounters(fields: Fields): number[] {
  const reads = fields.number();
  fields.skip(1); // merged
  const readBytes = fields.number() * SECTOR;
  fields.skip(1); // time reading
  const writes = fields.number();
  fields.skip(1);
  const writeBytes = fields.number() * SECTOR;
  fields.skip(2); // time writing, operations in flight
  return [reads, readBytes, writes, writeBytes, fields.number()];
}

function putTotals(disks: readonly DiskRates[], values: HostValues): void {
  const physical = disks.filter((disk) => !STACKED.test(disk.device));
  // inside some virtual machines the mapped devices are all there is
  const counted = physical.length > 0 ? physical : disks;
  if (counted.length === 0) return;
  values["system.disk.read"] = counted.reduce((sum, disk) => sum + disk.readBytes, 0);
  values["system.disk.write"] = counted.reduce((sum, disk) => sum + disk.writeBytes, 0);
}
