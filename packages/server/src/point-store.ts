import { join } from "node:path";
import type { Clock } from "@muster/core";
import type { Logger } from "pino";
import type { Reading } from "./api/context.ts";
import type { ForwardChoice } from "./config-points.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { PointForwarder } from "./outbound/point-forwarder.ts";
import { PointJournal } from "./store/point-journal.ts";

/** What the fleet needs to keep points and to send them on. Closed after the fleet has stopped. */
export interface PointStore {
  readonly journal: PointJournal;
  readonly forwarder: PointForwarder | undefined;
  readings(fleet: Fleet): Iterable<Reading>;
  close(): Promise<void>;
}

interface PointStoreParts {
  readonly forward: ForwardChoice | undefined;
  readonly dataDir: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export async function openPointStore({ forward, dataDir, log, ...parts }: PointStoreParts): Promise<PointStore> {
  const report = (message: string, details: object) => log.warn({ ...details, part: "forwarding" }, message);
  const journal = await PointJournal.open(join(dataDir, "queue", "points"));
  const queueFolder = join(dataDir, "queue", "forward");
  const forwarder = forward && (await PointForwarder.open({ ...forward, queueFolder, report, ...parts }));
  return {
    journal,
    forwarder,
    *readings(fleet) {
      yield* readPoints(fleet, journal);
      if (forwarder) yield* readForwarder(forwarder);
    },
    async close() {
      await forwarder?.close();
    },
  };
}

function* readPoints({ points, records }: Fleet, journal: PointJournal): Generator<Reading> {
  const { gatherer } = points;
  for (const [category, value] of Object.entries(points.received))
    yield { ...counter("muster_points_total", "Points taken in", value), labels: { category } };
  for (const [reason, value] of Object.entries({ ...gatherer.counters.dropped, record_time: records.counters.dropped }))
    yield {
      ...counter("muster_points_dropped_total", "Points, fields or rows that were left out", value),
      labels: { reason },
    };
  yield counter("muster_point_rows_written_total", "Rows of history made of points", gatherer.counters.rowsWritten);
  yield counter("muster_records_written_total", "Logs, objects, events and others written", records.counters.written);
  yield gauge("muster_point_series", "Series that are being written", gatherer.seriesCount);
  yield gauge("muster_point_rows_pending", "Rows of history that wait to be written", gatherer.pending);
  yield gauge(
    "muster_point_journal_bytes",
    "Bytes of points on the disk that the database does not have",
    journal.bytes,
  );
}

function* readForwarder({ length, queueBytes, counters, losses }: PointForwarder): Generator<Reading> {
  yield gauge("muster_forward_queue_requests", "Requests that wait to be forwarded", length);
  yield gauge("muster_forward_queue_bytes", "Bytes of them on the disk", queueBytes);
  yield counter("muster_forward_points_sent_total", "Points that the other side took", counters.sent);
  yield counter("muster_forward_failures_total", "Requests that failed and are repeated", counters.failures);
  const help = "Points that the other side refused or has no place for, and requests that the queue lost";
  for (const [reason, value] of Object.entries({ refused: counters.refused, skipped: counters.skipped, ...losses }))
    yield { ...counter("muster_forward_dropped_total", help, value), labels: { reason } };
}

function gauge(name: string, help: string, value: number): Reading {
  return { name, help, type: "gauge", value };
}

function counter(name: string, help: string, value: number): Reading {
  return { name, help, type: "counter", value };
}
