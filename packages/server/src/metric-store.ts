import { join } from "node:path";
import type { Clock } from "@muster/core";
import type { Logger } from "pino";
import type { Reading } from "./api/context.ts";
import type { MetricStoreChoice } from "./config-metrics.ts";
import type { MetricExporter } from "./fleet/metric-export.ts";
import type { MetricReader } from "./fleet/metric-reader.ts";
import { RemoteReader } from "./outbound/remote-reader.ts";
import { RemoteWriter } from "./outbound/remote-writer.ts";

/** The store of metrics beside ours: what the fleet writes to and reads from. Closed after the fleet has stopped. */
export interface MetricStore {
  readonly exporter: MetricExporter | undefined;
  readonly reader: MetricReader | undefined;
  readings(): Iterable<Reading>;
  close(): Promise<void>;
}

interface MetricStoreParts {
  readonly choice: MetricStoreChoice;
  readonly dataDir: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Opens what is configured; nothing of it needs the store to be there now. */
export async function openMetricStore({ choice, dataDir, log, ...parts }: MetricStoreParts): Promise<MetricStore> {
  const report = (message: string, details: object) => log.warn({ ...details, part: "metric store" }, message);
  const { writeUrl, readUrl, credentials, labels, queueBytes } = choice;
  const queueFolder = join(dataDir, "queue", "remote-write");
  const reader = readUrl === undefined ? undefined : new RemoteReader({ url: readUrl, credentials, report, ...parts });
  const writer =
    writeUrl === undefined
      ? undefined
      : await RemoteWriter.open({ url: writeUrl, credentials, labels, queueFolder, queueBytes, report, ...parts });
  return {
    exporter: writer,
    reader,
    *readings() {
      if (writer) yield* readWriter(writer);
      if (reader) yield* readReader(reader);
    },
    async close() {
      reader?.close();
      await writer?.close();
    },
  };
}

function* readWriter({ length, queueBytes, counters, losses }: RemoteWriter): Generator<Reading> {
  const name = (rest: string) => `muster_remote_write_${rest}`;
  yield { name: name("queue_rows"), help: "Rows of history that wait to be sent", type: "gauge", value: length };
  yield { name: name("queue_bytes"), help: "Bytes of them on the disk", type: "gauge", value: queueBytes };
  yield { name: name("sent_rows_total"), help: "Rows that the store took", type: "counter", value: counters.sent };
  yield {
    name: name("failures_total"),
    help: "Requests that failed and are repeated",
    type: "counter",
    value: counters.failures,
  };
  for (const [reason, value] of Object.entries({ ...losses, refused: counters.refused })) {
    const help = "Rows that will never be sent: refused by the store, queue full, disk failed, queue damaged";
    yield { name: name("dropped_rows_total"), help, type: "counter", value, labels: { reason } };
  }
}

function* readReader({ counters }: RemoteReader): Generator<Reading> {
  yield {
    name: "muster_remote_read_answers_total",
    help: "Charts answered from the store of metrics",
    type: "counter",
    value: counters.answered,
  };
  yield {
    name: "muster_remote_read_failures_total",
    help: "Charts that had to do without it",
    type: "counter",
    value: counters.failures,
  };
}
