import type { Clock } from "@muster/core";
import type { Queries, Store } from "../store/store.ts";
import type { RolloutOverride, RolloutOverrides } from "./config-rollout-seam.ts";
import { supersedeRollouts } from "./rollout-acts.ts";
import { isOpen, OPEN_STATES, readGroups } from "./rollout-rows.ts";

/** A rollout that may have given agents something which their groups do not have yet. */
interface Giving {
  readonly id: string;
  readonly number: number;
  readonly config_id: string;
  readonly revision: number;
  readonly state: string;
  readonly groups: readonly { readonly id: string }[];
}

/** States of rollouts that may have given something. */
const GIVING = [...OPEN_STATES, "cancelled", "superseded"] as const;

/**
 * Who was given what by rollouts, in memory: asked at every beat of an agent. A rollout that was stopped counts where its
 * groups have an older revision, so that what an agent wants does not fall back by itself; where they do not have the
 * config at all it is as if nothing had been given.
 */
export class RolloutPlan implements RolloutOverrides {
  readonly #store: Store;
  readonly #clock: Clock;
  #overrides: readonly RolloutOverride[] = [];
  #open: ReadonlyMap<string, RolloutOverride> = new Map();
  #reading: Promise<void> = Promise.resolve();
  #isStale = false;

  constructor(parts: { readonly store: Store; readonly clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** Those that are asked for while one is under way follow it, so that the last one knows what the last one has to. */
  reload(): Promise<void> {
    this.#reading = this.#reading.catch(() => {}).then(() => this.#read());
    return this.#reading;
  }

  rolloutFor(configId: string): RolloutOverride | undefined {
    return this.#open.get(configId);
  }

  /** Of one config the newest revision last: whoever was given two wants the newer one. */
  open(): Iterable<RolloutOverride> {
    return this.#overrides;
  }

  /** A rollout was superseded, and what it gave is still counted here. */
  get isStale(): boolean {
    return this.#isStale;
  }

  async supersede(queries: Queries, configId: string, by: string): Promise<void> {
    this.#isStale = true; // its transaction has not ended yet: whoever steps next reads again
    await supersedeRollouts(queries, configId, { by: `a change by ${by}`, now: this.#clock.now() });
  }

  async #read(): Promise<void> {
    this.#isStale = false;
    const { db } = this.#store;
    const giving = await listGiving(db);
    const begun = await readBegun(db, giving);
    const overrides = giving.map((rollout) => ({ rollout, override: toOverride(rollout, begun) }));
    this.#overrides = overrides.map(({ override }) => override);
    this.#open = new Map(
      overrides.filter(({ rollout }) => isOpen(rollout)).map(({ override }) => [override.configId, override]),
    );
  }
}

function toOverride(rollout: Giving, begun: ReadonlyMap<number, ReadonlySet<number>>): RolloutOverride {
  const agents = begun.get(rollout.number);
  return {
    rolloutId: rollout.id,
    configId: rollout.config_id,
    revision: rollout.revision,
    groups: new Set(rollout.groups.map(({ id }) => id)),
    hasBegun: (agent) => agents?.has(agent) ?? false,
  };
}

/** The newest revisions last. */
async function listGiving(db: Queries): Promise<Giving[]> {
  const rows = await db
    .selectFrom("rollouts")
    .innerJoin("configs", "configs.id", "rollouts.config_id")
    .select([
      "rollouts.id",
      "rollouts.number",
      "rollouts.config_id",
      "rollouts.revision",
      "rollouts.groups",
      "rollouts.state",
    ])
    .where("rollouts.state", "in", [...GIVING])
    .where("configs.deleted_at", "is", null)
    .orderBy("rollouts.revision")
    .orderBy("rollouts.number")
    .execute();
  if (rows.length === 0) return [];
  const assignments = await db
    .selectFrom("config_assignments")
    .select(["config_id", "group_id", "revision"])
    .where("config_id", "in", [...new Set(rows.map((row) => row.config_id))])
    .execute();
  const assigned = new Map(assignments.map((row) => [`${row.config_id}\n${row.group_id}`, row.revision]));
  const parsed = rows.map((row) => ({ ...row, groups: readGroups(row) }));
  const underWay = new Set(
    parsed.filter(isOpen).flatMap(({ config_id, groups }) => groups.map(({ id }) => `${config_id}\n${id}`)),
  );
  const counts = (rollout: Giving, key: string) => {
    const revision = assigned.get(key);
    return isOpen(rollout) || (revision === undefined ? underWay.has(key) : revision < rollout.revision);
  };
  return parsed
    .map((row) => ({ ...row, groups: row.groups.filter(({ id }) => counts(row, `${row.config_id}\n${id}`)) }))
    .filter(({ groups }) => groups.length > 0);
}

async function readBegun(db: Queries, rollouts: readonly Giving[]): Promise<Map<number, Set<number>>> {
  const begun = new Map<number, Set<number>>(rollouts.map(({ number }) => [number, new Set()]));
  if (rollouts.length === 0) return begun;
  const rows = await db
    .selectFrom("rollout_agents")
    .select(["rollout_number", "agent_number"])
    .where("rollout_number", "in", [...begun.keys()])
    .where("begun_at", "is not", null)
    .execute();
  for (const row of rows) begun.get(row.rollout_number)?.add(row.agent_number);
  return begun;
}
