import type { HostDetail, HostValues } from "@muster/core";
import { Fields } from "./fields.ts";

/** Ticks per state; the order of /proc/stat: user nice system idle iowait irq softirq steal (guest is within user). */
const STATES = 8;

type CoreShares = HostDetail["cores"][number];

/** Reads /proc/stat (proc(5)): the line `cpu` is the host, `cpu<n>` a core. Shares are of the ticks since the reading before. */
export class CpuCollector {
  readonly #fields = new Fields();
  /** Row 0 is the host, row n+1 is core n. */
  #before: Float64Array = new Float64Array(STATES * 2);
  #now: Float64Array = new Float64Array(STATES * 2);
  #rows = 0;
  #rowsBefore = 0;

  /** Takes a reading. Until there are two there is nothing to tell. */
  collect(content: Uint8Array, values: HostValues): CoreShares[] {
    this.#read(content);
    const cores: CoreShares[] = [];
    // a core that was switched off or on shifts the rows: then this reading only starts anew
    if (this.#rows === this.#rowsBefore) {
      this.#putTotals(values);
      for (let row = 1; row < this.#rows; row++) cores.push(this.#shares(row));
    }
    [this.#before, this.#now] = [this.#now, this.#before];
    this.#rowsBefore = this.#rows;
    return cores;
  }

  #read(content: Uint8Array): void {
    const fields = this.#fields.reset(content);
    this.#rows = 0;
    // the cpu lines come first; what follows (one number per interrupt) is long and not looked at
    while (fields.take("cpu")) {
      fields.skipRest(); // the core's number
      this.#makeRoom();
      for (let state = 0; state < STATES; state++) {
        // old kernels and some containers tell fewer states
        this.#now[this.#rows * STATES + state] = fields.hasMore ? fields.number() : 0;
      }
      this.#rows += 1;
      fields.nextLine();
    }
  }

  #makeRoom(): void {
    if ((this.#rows + 1) * STATES <= this.#now.length) return;
    const grow = (old: Float64Array) => {
      const larger = new Float64Array(old.length * 2);
      larger.set(old);
      return larger;
    };
    this.#before = grow(this.#before);
    this.#now = grow(this.#now);
  }

  /** Ticks of one state since the reading before; iowait is known to run backwards at times. */
  #ticks(row: number, state: number): number {
    const index = row * STATES + state;
    return Math.max(0, (this.#now[index] ?? 0) - (this.#before[index] ?? 0));
  }

  #total(row: number): number {
    let total = 0;
    for (let state = 0; state < STATES; state++) total += this.#ticks(row, state);
    return total;
  }

  #putTotals(values: HostValues): void {
    const total = this.#rows > 0 ? this.#total(0) : 0;
    if (total === 0) return;
    values["system.cpu.utilization"] = 1 - (this.#ticks(0, 3) + this.#ticks(0, 4)) / total;
    values["system.cpu.user"] = (this.#ticks(0, 0) + this.#ticks(0, 1)) / total;
    values["system.cpu.system"] = (this.#ticks(0, 2) + this.#ticks(0, 5) + this.#ticks(0, 6)) / total;
    values["system.cpu.iowait"] = this.#ticks(0, 4) / total;
    values["system.cpu.steal"] = this.#ticks(0, 7) / total;
  }

  #shares(row: number): CoreShares {
    const total = this.#total(row) || 1;
    return {
      user: (this.#ticks(row, 0) + this.#ticks(row, 1)) / total,
      system: (this.#ticks(row, 2) + this.#ticks(row, 5) + this.#ticks(row, 6)) / total,
      iowait: this.#ticks(row, 4) / total,
    };
  }
}
