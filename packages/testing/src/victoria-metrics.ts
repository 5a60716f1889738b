import { join } from "node:path";
import { type MetricStore, startMetricStore } from "./metric-store.ts";
import { findFreePort, findProgram } from "./ports.ts";
import type { Scope } from "./scope.ts";

/** What is missing for `startVictoriaMetrics`, in words; undefined when nothing is. */
export function missingVictoriaMetrics(): string | undefined {
  return findProgram("victoria-metrics") === undefined
    ? "victoria-metrics is not installed: apt-get install victoria-metrics"
    : undefined;
}

/** A private VictoriaMetrics that takes remote write and answers queries. */
export async function startVictoriaMetrics(scope: Scope): Promise<MetricStore> {
  const program = findProgram("victoria-metrics");
  if (program === undefined) throw new Error(missingVictoriaMetrics());
  const port = await findFreePort();
  return startMetricStore(scope, {
    port,
    program,
    args: (folder) => [
      `-storageDataPath=${join(folder, "data")}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      "-retentionPeriod=1y",
      "-memory.allowedBytes=64MB",
      "-loggerLevel=WARN",
    ],
    healthPath: "/health",
    settlePath: "/internal/force_flush",
  });
}
