import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type MetricStore, startMetricStore } from "./metric-store.ts";
import { findFreePort, findProgram } from "./ports.ts";
import type { Scope } from "./scope.ts";

/** What is missing for `startPrometheus`, in words; undefined when nothing is. */
export function missingPrometheus(): string | undefined {
  return findProgram("prometheus") === undefined
    ? "prometheus is not installed: apt-get install prometheus"
    : undefined;
}

/** A private Prometheus that takes remote write, scrapes nothing and answers queries. */
export async function startPrometheus(scope: Scope): Promise<MetricStore> {
  const program = findProgram("prometheus");
  if (program === undefined) throw new Error(missingPrometheus());
  const port = await findFreePort();
  return startMetricStore(scope, {
    port,
    program,
    args: (folder) => [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-remote-write-receiver",
      "--log.level=warn",
    ],
    healthPath: "/-/ready",
    prepare: (folder) => writeFile(join(folder, "prometheus.yml"), "global: { scrape_interval: 1h }\n"),
  });
}
