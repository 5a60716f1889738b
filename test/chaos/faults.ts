import { delay, systemClock } from "@muster/core";
import type { Cluster } from "./cluster.ts";
import type { Member } from "./member.ts";

/** How long things stay broken. */
export interface FaultTimes {
  /** A process or engine that was killed stays away so long, at the most. */
  readonly awayMs: number;
  readonly natsAwayMs: number;
  readonly partitionMs: number;
  readonly clockMs: number;
}

interface FaultScene {
  readonly cluster: Cluster;
  /** The server that is hit, where one is. */
  readonly member: Member;
  readonly times: FaultTimes;
  readonly random: () => number;
}

const HOUR_MS = 3_600_000;

const wait = (ms: number) => delay(systemClock, ms);

/** What can go wrong. Each breaks something, waits, and mends it. */
export const FAULTS = {
  "kill -9 a server": ({ member, times, random }: FaultScene) => member.kill("SIGKILL", random() * times.awayMs),
  "restart a server": ({ member }: FaultScene) => member.kill("SIGTERM", 0),
  "restart PostgreSQL": async ({ cluster, times, random }: FaultScene) => {
    await cluster.postgres.stop();
    await wait(random() * times.awayMs);
    await cluster.postgres.start();
  },
  "kill -9 PostgreSQL": async ({ cluster, times }: FaultScene) => {
    await cluster.postgres.kill();
    await wait(times.awayMs);
    await cluster.postgres.start();
  },
  "stop NATS": async ({ cluster, times }: FaultScene) => {
    await cluster.nats.stop();
    await wait(times.natsAwayMs);
    await cluster.nats.start();
  },
  "cut PostgreSQL off": ({ member, times }: FaultScene) => breakWire(member.postgres, "cut", times),
  "black hole to PostgreSQL": ({ member, times }: FaultScene) => breakWire(member.postgres, "stall", times),
  "cut NATS off": ({ member, times }: FaultScene) => breakWire(member.nats, "cut", times),
  "black hole to NATS": ({ member, times }: FaultScene) => breakWire(member.nats, "stall", times),
  "clock one hour ahead": ({ member, times }: FaultScene) => moveClock(member, HOUR_MS, times),
  "clock one hour behind": ({ member, times }: FaultScene) => moveClock(member, -HOUR_MS, times),
  "kill -9 agents": ({ cluster, random }: FaultScene) => cluster.killAgents(random),
} as const;

export type FaultName = keyof typeof FAULTS;

export const ALL_FAULTS = Object.keys(FAULTS) as FaultName[];

/** What a fault breaks, so that no two break the same at once; undefined: one server, whichever. */
export function engineOf(name: FaultName): string | undefined {
  if (name === "restart PostgreSQL" || name === "kill -9 PostgreSQL") return "PostgreSQL";
  if (name === "stop NATS") return "NATS";
  return name === "kill -9 agents" ? "agents" : undefined;
}

async function breakWire(wire: Member["postgres"], how: "cut" | "stall", times: FaultTimes): Promise<void> {
  wire[how]();
  await wait(times.partitionMs);
  wire.heal();
}

async function moveClock(member: Member, offsetMs: number, times: FaultTimes): Promise<void> {
  member.moveClock(offsetMs);
  await wait(times.clockMs);
  member.moveClock(0);
}
