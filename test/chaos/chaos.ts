import { delay, systemClock } from "@muster/core";
import { compareLedger, type LedgerComparison, type Scope } from "@muster/testing";
import { Callers } from "./callers.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { engineOf, FAULTS, type FaultName, type FaultTimes } from "./faults.ts";
import { formatTimeline, Timeline, type TimelineRow } from "./timeline.ts";

/** How much goes wrong, for how long, while how many work. */
export interface ChaosOptions extends ClusterOptions {
  /** Played in a random order, all of them once per round. */
  readonly faults: readonly FaultName[];
  readonly rounds: number;
  /** Faults under way at once. */
  readonly atOnce: number;
  readonly times: FaultTimes;
  /** Between the end of a fault and the next. */
  readonly breathMs: number;
  readonly callers: number;
  readonly pauseMs: number;
  /** So many commands are given at least, although a busy machine may find little time between the faults. */
  readonly leastCommands: number;
  readonly settleMs: number;
  /** The same number plays the same faults in the same order. */
  readonly seed: number;
  readonly say?: (text: string) => void;
}

export interface ChaosOutcome extends LedgerComparison {
  readonly acknowledged: number;
  readonly retries: number;
  /** How often each fault was played. */
  readonly played: Readonly<Partial<Record<FaultName, number>>>;
  /** Servers that ended although nobody asked them to, and answers that nobody should get. */
  readonly crashes: readonly string[];
  readonly oddAnswers: readonly string[];
  readonly rows: readonly TimelineRow[];
  readonly timeline: string;
  readonly seconds: number;
}

/** How long callers are waited for. */
const PATIENCE_MS = 30_000;

/** Breaks things at random while commands are given, mends everything, lets it settle, and holds the ledger against the witnesses. */
export async function runChaos(scope: Scope, options: ChaosOptions): Promise<ChaosOutcome> {
  const startedAt = systemClock.monotonic();
  const random = seededRandom(options.seed);
  const cluster = await Cluster.start(scope, options);
  const timeline = new Timeline();
  try {
    const callers = new Callers(
      { cluster, ...options, random: Math.random, onAcknowledged: () => timeline.acknowledge() },
      await cluster.listAgentIds(),
    );
    timeline.start(cluster);
    callers.start();
    // nothing breaks before everybody is at work
    await callers.waitFor(options.callers, PATIENCE_MS);
    const played = await playFaults(cluster, { options, timeline, random });
    await callers.waitFor(options.leastCommands, PATIENCE_MS);
    await callers.stop();
    options.say?.("everything is mended and all commands are given; waiting for the ends");
    await cluster.waitUntilReady(60_000);
    await cluster.waitForAgents(options.realAgents + options.simulatedAgents, 120_000);
    const comparison = await compareLedger({
      acknowledged: callers.acknowledged,
      witness: cluster.witness,
      settleMs: options.settleMs,
      call: (method, path) => callAny(cluster, method, path),
    });
    await timeline.stop();
    return {
      ...comparison,
      acknowledged: callers.acknowledged.length,
      retries: callers.retries,
      played,
      crashes: cluster.crashes,
      oddAnswers: callers.oddAnswers,
      rows: timeline.rows,
      timeline: formatTimeline(
        timeline.rows,
        cluster.members.map((member) => member.name),
      ),
      seconds: Math.round((systemClock.monotonic() - startedAt) / 1000),
    };
  } catch (error) {
    options.say?.(
      formatTimeline(
        timeline.rows,
        cluster.members.map((member) => member.name),
      ),
    );
    for (const member of cluster.members) options.say?.(member.describe());
    throw error;
  } finally {
    await timeline.stop();
    await cluster.end();
  }
}

interface Play {
  readonly options: ChaosOptions;
  readonly timeline: Timeline;
  readonly random: () => number;
}

async function playFaults(cluster: Cluster, { options, timeline, random }: Play): Promise<ChaosOutcome["played"]> {
  const played: Partial<Record<FaultName, number>> = {};
  const deck = Array.from({ length: options.rounds }, () => shuffle(options.faults, random)).flat();
  const broken = new Set<string>();
  const playNext = async () => {
    while (deck.length > 0) {
      const free = cluster.members.filter((member) => !broken.has(member.name));
      const member = free[Math.floor(random() * free.length)];
      const index = deck.findIndex((name) => !broken.has(engineOf(name) ?? ""));
      const [name] = index === -1 ? [] : deck.splice(index, 1);
      if (!name || !member) {
        await delay(systemClock, 100);
        continue;
      }
      const target = engineOf(name) ?? member.name;
      const label = engineOf(name) ? name : `${name} (${target})`;
      options.say?.(`${label}; ${deck.length} to come`);
      broken.add(target);
      await timeline.during(label, () => FAULTS[name]({ cluster, member, times: options.times, random }));
      broken.delete(target);
      played[name] = (played[name] ?? 0) + 1;
      await delay(systemClock, options.breathMs * (0.5 + random()));
    }
  };
  await Promise.all(Array.from({ length: options.atOnce }, () => playNext()));
  return played;
}

async function callAny(cluster: Cluster, method: string, path: string): Promise<Response | undefined> {
  for (const member of cluster.members) {
    const answer = await cluster.ask(member, method, path);
    if (answer && answer.status > 0 && answer.status < 500) return new Response(answer.text, { status: answer.status });
  }
  return undefined;
}

function shuffle<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Mulberry32: short, and good enough to choose what breaks next. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
