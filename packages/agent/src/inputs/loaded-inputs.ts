import { hostname } from "node:os";
import { join } from "node:path";
import { AGENT_VERSION } from "../version.ts";
import type { AgentInputsOptions } from "./agent-inputs.ts";
import { AVAILABLE_INPUTS } from "./available.ts";
import { HostInputs } from "./host-inputs.ts";
import { COLLECTOR_KINDS } from "./kinds/index.ts";
import { PointQueue } from "./point-queue.ts";
import { PointSender } from "./sender.ts";

/** The inputs with everything that they need: only agents that collect something load this module. */
export interface LoadedInputs {
  readonly inputs: HostInputs;
  /** Collectors first, so that their last points are still sent. */
  stop(): Promise<void>;
}

/** Collections under way get this long when the agent stops, and then the points so long to leave. */
const STOP_GRACE_MS = 1000;
const FLUSH_MS = 2000;
/** Lost points are told at most this often. */
const COMPLAIN_EVERY_MS = 60_000;

export async function loadInputs(options: AgentInputsOptions): Promise<LoadedInputs> {
  const { folder, servers, agentId, authorities, clock, log, random, address } = options;
  let dropped = 0;
  let complainedAt = Number.NEGATIVE_INFINITY;
  const queue = PointQueue.open({
    folder: join(folder, "queue"),
    onAdded: () => sender.notice(),
    onDropped: (points) => {
      dropped += points;
      const now = clock.monotonic();
      if (now - complainedAt < COMPLAIN_EVERY_MS) return;
      complainedAt = now;
      log.warn("oldest points were dropped, since the queue was full", { points: dropped });
      dropped = 0;
    },
  });
  const userAgent = `muster-agent/${AGENT_VERSION}`;
  const sender = new PointSender({ queue, servers, agentId, userAgent, authorities, clock, log, random });
  const inputs = new HostInputs({
    kinds: options.kinds ?? COLLECTOR_KINDS,
    available: AVAILABLE_INPUTS,
    confDir: options.confDir,
    folder,
    facts: { id: agentId, hostname: hostname(), address },
    labels: options.labels,
    emit: (category, points, batch) => queue.add(category, points, batch),
    loadPolicy: options.loadPolicy,
    onChange: options.onChange,
    clock,
    log,
    random,
  });
  sender.start();
  await inputs.start();
  return {
    inputs,
    async stop() {
      await inputs.stop(STOP_GRACE_MS);
      await sender.stop(FLUSH_MS);
      await queue.close();
    },
  };
}
