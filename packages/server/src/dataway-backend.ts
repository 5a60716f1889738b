import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@muster/core";
import { isXid, makeXid } from "@muster/protocols/dataway";
import type { Logger } from "pino";
import type { Reading } from "./api/context.ts";
import type { DatawayBackendChoice } from "./config-dataway.ts";
import type { DatawayDoor } from "./doors/dataway/dataway-door.ts";
import type { Access } from "./fleet/access.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { BackendLink } from "./links/dataway/backend-link.ts";
import { DatakitReports } from "./links/dataway/reports.ts";
import { BackendReporter } from "./outbound/backend-reporter.ts";
import { DatawayBackend } from "./outbound/dataway-backend.ts";
import { ReportQueue } from "./outbound/report-queue.ts";

interface BackendParts {
  readonly choice: DatawayBackendChoice;
  readonly dataDir: string;
  readonly version: string;
  /** For people: where this process runs. */
  readonly place: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The backend behind the gateway: asked about tokens and the web, told of DataKits, and dialled for its commands. */
export interface GatewayBackend {
  readonly checks: DatawayBackend;
  /** Begins to tell it of the DataKits of this door, and to serve what it asks for. */
  attach(door: DatawayDoor, fleet: Fleet, audit: Access["audit"]): void;
  readings(): Iterable<Reading>;
  close(): Promise<void>;
}

/** Opens what is configured; nothing of it needs the backend to be there now. */
export async function openGatewayBackend(parts: BackendParts): Promise<GatewayBackend> {
  const { choice, dataDir, version, place, clock, log } = parts;
  const { url, token, queueBytes } = choice;
  const gatewayId = await readGatewayId(dataDir, clock);
  const backend = new DatawayBackend({ url, token, gatewayId, version, clock });
  const queue = await ReportQueue.open(join(dataDir, "queue", "dataway-reports.jsonl"), queueBytes);
  const reporter = new BackendReporter({
    backend,
    queue,
    clock,
    report: (message, details) => log.warn({ ...details, part: "dataway backend" }, message),
  });
  const stops: (() => unknown)[] = [];
  return {
    checks: backend,
    attach(door, fleet, audit) {
      const reports = new DatakitReports({ fleet, sink: reporter, gateway: { id: gatewayId, place }, clock, log });
      const link = new BackendLink({
        url,
        token,
        gatewayId,
        version,
        fleet,
        audit,
        clock,
        log,
        connected: () => door.connected(),
      });
      const unwatch = door.watch((change) => {
        reports.note(change);
        link.announce(change);
      });
      reports.start();
      link.start();
      stops.push(
        unwatch,
        () => link.close(),
        () => reports.close(),
      );
    },
    *readings() {
      const name = (rest: string) => `muster_dataway_backend_${rest}`;
      const { sent, failures, refused } = reporter.counters;
      yield {
        name: name("reports_waiting"),
        help: "DataKits whose state waits to be told",
        type: "gauge",
        value: queue.length,
      };
      yield { name: name("reports_total"), help: "Reports that the backend took", type: "counter", value: sent };
      yield {
        name: name("failures_total"),
        help: "Reports that failed and are repeated",
        type: "counter",
        value: failures,
      };
      const dropped = refused + queue.dropped;
      yield { name: name("dropped_total"), help: "Reports refused, or too many", type: "counter", value: dropped };
    },
    async close() {
      for (const stop of stops) await stop();
      backend.close();
      await reporter.close();
    },
  };
}

/** `agnt_…`, made once: the backend binds DataKits to it. */
async function readGatewayId(dataDir: string, clock: Clock): Promise<string> {
  const path = join(dataDir, "dataway-id");
  const known = (await readFile(path, "utf8").catch(() => "")).trim();
  if (known.startsWith("agnt_") && isXid(known.slice(5))) return known;
  const id = makeXid("agnt_", clock.now());
  await writeFile(`${path}.new`, `${id}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return id;
}
