import { collectDefaultMetrics, Registry } from "prom-client";
import type { Reading } from "./context.ts";
import type { RawAnswer } from "./route.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The process's numbers as Prometheus reads them. Never throws: a process out of descriptors must still say so. */
export class Telemetry {
  readonly #registry = new Registry();
  readonly #readings: () => Iterable<Reading>;

  constructor(readings: () => Iterable<Reading>) {
    this.#readings = readings;
    collectDefaultMetrics({ register: this.#registry });
  }

  async render(): Promise<RawAnswer> {
    const own = [...this.#lines()].join("\n");
    const process = await this.#registry.metrics().catch(() => "# the process's numbers could not be read\n");
    return { contentType: CONTENT_TYPE, body: `${own}\n${process}` };
  }

  /** Stops the observers of the event loop and of garbage collection. */
  close(): void {
    this.#registry.clear();
  }

  *#lines(): Generator<string> {
    const described = new Set<string>();
    for (const reading of this.#readings()) {
      if (!described.has(reading.name)) {
        described.add(reading.name);
        yield `# HELP ${reading.name} ${reading.help}`;
        yield `# TYPE ${reading.name} ${reading.type}`;
      }
      const labels = Object.entries(reading.labels ?? {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      yield `${reading.name}${labels.length === 0 ? "" : `{${labels.join(",")}}`} ${reading.value}`;
    }
  }
}
