import { type CountOrShare, resolveBudget, resolveCount, type Timestamp } from "@muster/core";
import type { RolloutAgentState } from "@muster/core/resources";

/** An agent of a rollout: what is stored of it, and how it is now. */
export interface StepAgent {
  readonly number: number;
  readonly wave: number;
  readonly state: RolloutAgentState;
  /** When it was given the revision; null while it waits. */
  readonly begunAt: Timestamp | null;
  /** It failed, and somebody went on all the same. */
  readonly excused: boolean;
  readonly online: boolean;
  /** Since when it is online, or away. */
  readonly presentSince: Timestamp;
  /** What it says of this revision, since when. */
  readonly told: "nothing" | "applied" | "failed";
  readonly toldAt: Timestamp;
  readonly error: string | null;
}

/** A rollout at one instant. */
export interface StepSnapshot {
  readonly now: Timestamp;
  readonly state: "running" | "paused" | "halted";
  /** Begun waves, when the last of them began, and how many there are. */
  readonly wave: number;
  readonly waveAt: Timestamp;
  readonly waves: number;
  readonly healthyMs: number;
  readonly applyTimeoutMs: number;
  readonly failureBudget: CountOrShare;
  /** How many agents it has, whether any of them is online, and how many are in the wave that began last. */
  readonly total: number;
  readonly isAnyoneOnline: boolean;
  readonly waveSize: number;
  /** How many agents are healthy and say nothing else; they are not in `agents`. */
  readonly healthy: number;
  /** All others of the waves that have begun. Who is in the next one has to be known only where the decision begins it. */
  readonly agents: readonly StepAgent[];
}

export interface AgentOutcome {
  readonly number: number;
  readonly state: RolloutAgentState;
  readonly error: string | null;
}

/** What is to be done about a rollout now. */
export interface StepDecision {
  /** Agents that are in another state than the stored one. */
  readonly outcomes: readonly AgentOutcome[];
  /** Agents that are given the revision now. */
  readonly begin: readonly number[];
  /** One more than before when a wave begins. */
  readonly wave: number;
  readonly state: "running" | "paused" | "halted" | "done";
  /** Why, when the state changes. */
  readonly reason: string | null;
}

/**
 * Decides about a rollout; knows no store and changes nothing. Whoever was given the revision is healthy or failed before
 * long, so that a wave always ends. While a rollout is paused or halted outcomes are still noted, and nobody is given
 * anything. While nobody at all is online, as after a start of the server, nothing moves on.
 */
export function stepRollout(snapshot: StepSnapshot): StepDecision {
  const judged = snapshot.agents.map((agent) => ({ agent, ...judge(agent, snapshot) }));
  const outcomes = judged
    .filter(({ agent, state, error }) => state !== agent.state || (state === "failed" && error !== agent.error))
    .map(({ agent, state, error }) => ({ number: agent.number, state, error }));
  const rest = { outcomes, begin: [], wave: snapshot.wave, reason: null };
  if (snapshot.state !== "running") return { ...rest, state: snapshot.state };

  const failed = judged.filter(({ agent, state }) => state === "failed" && !agent.excused).length;
  const begun = snapshot.healthy + judged.filter(({ agent }) => agent.begunAt !== null).length;
  const budget = resolveBudget(snapshot.failureBudget, begun);
  if (failed > budget) return { ...rest, state: "halted", reason: describeHalt(failed, begun, budget) };

  if (snapshot.total > 0 && !snapshot.isAnyoneOnline) return { ...rest, state: "running" };
  const isHeld = holdsWave(snapshot, judged);
  if (!isHeld && snapshot.wave >= snapshot.waves) return { ...rest, state: "done", reason: "every wave is through" };
  const wave = isHeld ? snapshot.wave : snapshot.wave + 1;
  const begin = snapshot.agents.filter((agent) => agent.state === "waiting" && agent.online && agent.wave <= wave);
  return { ...rest, state: "running", wave, begin: begin.map((agent) => agent.number) };
}

/**
 * A wave lasts as long as it takes to be healthy, and as long as somebody who was given the revision within that time is
 * neither healthy nor failed. Those who were away, or come later, are not waited for: in a large fleet somebody always comes.
 */
function holdsWave(
  { now, wave, waveAt, waveSize, healthyMs }: StepSnapshot,
  judged: readonly { readonly agent: StepAgent; readonly state: RolloutAgentState }[],
): boolean {
  if (wave > 0 && waveSize > 0 && now < waveAt + healthyMs) return true;
  return judged.some(
    ({ agent: { begunAt }, state }) =>
      begunAt !== null && begunAt <= waveAt + healthyMs && (state === "pending" || state === "applied"),
  );
}

/**
 * Healthy is whoever has run the revision for the time that was asked for, online and without a gap; it stays so unless it
 * says that it failed. A failure is taken back only by being healthy after all.
 */
function judge(agent: StepAgent, snapshot: StepSnapshot): { state: RolloutAgentState; error: string | null } {
  const { begunAt } = agent;
  if (begunAt === null) return { state: "waiting", error: null };
  if (agent.told === "failed") return { state: "failed", error: agent.error ?? "it refused the revision" };
  if (agent.state === "healthy") return { state: "healthy", error: null };
  const { now, healthyMs } = snapshot;
  const isRunning = agent.online && agent.told === "applied";
  if (isRunning && now - Math.max(agent.toldAt, agent.presentSince) >= healthyMs)
    return { state: "healthy", error: null };
  if (agent.state === "failed") return { state: "failed", error: agent.error };
  const error = findFailure({ ...agent, begunAt }, snapshot);
  if (error !== null) return { state: "failed", error };
  const wasRunning = !agent.online && agent.state === "applied";
  return { state: isRunning || wasRunning ? "applied" : "pending", error: null };
}

/** Why an agent that refused nothing counts as failed all the same; null while it may still become healthy. */
function findFailure(agent: StepAgent & { readonly begunAt: Timestamp }, snapshot: StepSnapshot): string | null {
  const { now, applyTimeoutMs, healthyMs } = snapshot;
  const seconds = Math.round(applyTimeoutMs / 1000);
  const waited = now - Math.max(agent.begunAt, agent.presentSince);
  if (!agent.online && waited >= applyTimeoutMs)
    return `it went away after it was given the revision, and was not back within ${seconds} s`;
  if (agent.told === "nothing" && waited >= applyTimeoutMs)
    return `it has not applied the revision within ${seconds} s`;
  // whoever comes and goes has no end of chances otherwise
  if (now - agent.begunAt >= 2 * applyTimeoutMs + healthyMs)
    return "it did not stay online with the revision for long enough";
  return null;
}

function describeHalt(failed: number, begun: number, budget: number): string {
  return `${failed} of ${begun} agents failed, and the failure budget allows ${budget}`;
}

/** Agents that are dealt to waves. */
export interface Dealt {
  readonly number: number;
  readonly wave: number;
}

/**
 * Deals agents to waves, of which each says how many have begun when it has. Always in the same order, those that are online
 * first: a wave of nobody proves nothing.
 */
export function dealWaves(
  agents: readonly { readonly number: number; readonly online: boolean }[],
  waves: readonly CountOrShare[],
): Dealt[] {
  const order = [...agents].sort(
    (left, right) =>
      Number(right.online) - Number(left.online) ||
      scatter(left.number) - scatter(right.number) ||
      left.number - right.number,
  );
  const ends = waves.map((size) => resolveCount(size, order.length));
  return order.map(({ number }, index) => {
    const wave = ends.findIndex((end) => index < end);
    return { number, wave: wave === -1 ? waves.length : wave + 1 };
  });
}

/** Spreads numbers that follow each other, the same way in every process. */
function scatter(number: number): number {
  let mixed = number | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
