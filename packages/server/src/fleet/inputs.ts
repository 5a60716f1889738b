import { type AgentId, type CancelTimer, type Clock, MusterError } from "@muster/core";
import type {
  AvailableInput,
  Input,
  InputBulkAnswer,
  InputCall,
  InputChange,
  InputContent,
  InputRevision,
  InputWithText,
  Targets,
} from "@muster/core/resources";
import { makeInputId } from "@muster/protocols/dataway";
import type { Store } from "../store/store.ts";
import { workingSession } from "./agent-state.ts";
import type { Agents } from "./agents.ts";
import type { Calls } from "./calls.ts";
import type { Feed } from "./feed.ts";
import { addToEach } from "./input-bulk.ts";
import { CALL_MS, InputChanges } from "./input-changes.ts";
import { inputError, inputNotFound } from "./input-failures.ts";
import { Inventories, toInput } from "./input-inventories.ts";
import { type ManagedInput, manageInputs, refuseReportedDuplicate } from "./input-ownership.ts";
import { findRevision, listRevisions, newestText, pruneRevisions } from "./input-revisions.ts";
import { digestText } from "./input-text.ts";
import type { Registry } from "./registry.ts";

interface InputsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly calls: Calls;
  readonly feed: Feed;
  readonly agents: Pick<Agents, "resolveTargets">;
}

/** A configuration as somebody gives it. */
export interface InputSpec {
  readonly input: string;
  readonly inputType: string;
  readonly toml: string;
}

/** A new one; `inputId` is taken where a gateway in front of this one has made it and nobody has it. */
export interface NewInput extends InputSpec {
  readonly inputId?: string | undefined;
}

interface Agent {
  readonly id: AgentId;
  readonly number: number;
}

/** What is only read is answered quickly or shown as it was. */
const READ_MS = 5_000;
/** How often agents are asked what became of changes whose answers were lost. */
const SWEEP_MS = 20_000;
const SWEPT_AGENTS = 100;
const PRUNE_MS = 3_600_000;

/**
 * The inputs of agents: what they could collect and what they do, changed from here. A change is written down as a
 * revision and its meaning reserved before the agent is asked; what the agent answers settles it, and where the answer is
 * lost the agent's next inventory does. An agent that is not connected cannot be changed: nothing is queued for later.
 *
 * Rejects with `not_found` (no such agent), what `Calls.call` rejects with, and failures of the inputs' own catalogue,
 * whose `details` carry `reason` (`from.errCode`), `status` and, for a wrong text, `line` and `column`.
 */
export class Inputs {
  /** What agents said last. */
  readonly inventories: Inventories;
  readonly #parts: InputsParts;
  readonly #changes: InputChanges;
  #stop: CancelTimer[] = [];

  constructor(parts: InputsParts) {
    this.#parts = parts;
    this.#changes = new InputChanges(parts);
    this.inventories = new Inventories(parts);
    parts.calls.onInventory((agent, inventory) => this.inventories.accept(agent, inventory));
  }

  start(): void {
    const { clock } = this.#parts;
    // the store may be away: the next turn tries again
    this.#stop = [
      clock.every(SWEEP_MS, () => void this.#askUnsettled().catch(() => {})),
      clock.every(PRUNE_MS, () => void this.inventories.prune().catch(() => {})),
    ];
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    for (const stop of this.#stop) stop();
    await this.settle();
  }

  /** Resolves when nothing waits to be written. */
  async settle(): Promise<void> {
    await this.#changes.settle();
    await this.inventories.settle();
  }

  /** What the agent could collect, as it said last. */
  async available(agentId: string): Promise<readonly AvailableInput[]> {
    const agent = await this.#find(agentId);
    const known = await this.inventories.find(agent.number);
    if (known) return known.available;
    await this.#ask(agent, { method: "inputs.list" }, READ_MS);
    return (await this.inventories.find(agent.number))?.available ?? [];
  }

  /** Every input of the agent: as it is now where the agent answers in time, otherwise as it said last. */
  async list(agentId: string): Promise<Input[]> {
    const agent = await this.#find(agentId);
    await this.#refresh(agent);
    return this.inventories.list(agent);
  }

  /** The commented configuration to start from. */
  async sample(agentId: string, input: string): Promise<string> {
    const agent = await this.#find(agentId);
    return (await this.#ask(agent, { method: "inputs.sample", input }, READ_MS)).toml ?? "";
  }

  /** An input with its text: the file's where the agent is connected, otherwise the newest that it took. */
  async get(agentId: string, inputId: string): Promise<InputWithText> {
    const agent = await this.#find(agentId);
    const toml = await this.#read(agent, inputId);
    return { ...(await this.#show(agent, inputId)), toml };
  }

  /** Gives the agent a new input, and answers it as the agent then reports it. */
  async add(agentId: string, spec: NewInput, by: string): Promise<Input> {
    const agent = await this.#find(agentId);
    const { input, inputType, toml } = spec;
    const isFree = spec.inputId !== undefined && !(await this.#isKnown(spec.inputId));
    const inputId = isFree && spec.inputId !== undefined ? spec.inputId : makeInputId(this.#parts.clock.now());
    const added = { inputId, input, inputType, isNew: true, agentNumber: agent.number };
    return this.#setText(agent, added, { toml, message: "added", by });
  }

  async #isKnown(inputId: string): Promise<boolean> {
    const { db } = this.#parts.store;
    return (await db.selectFrom("inputs").select("id").where("id", "=", inputId).executeTakeFirst()) !== undefined;
  }

  /** Gives an input another text. Refused when `baseRevision` is given and no longer the newest. */
  async change(agentId: string, inputId: string, change: InputChange, by: string): Promise<Input> {
    const agent = await this.#find(agentId);
    const [known] = await this.#manage(agent, [inputId], by);
    if (!known) throw inputNotFound(inputId);
    return this.#setText(agent, known, { ...change, message: change.message ?? "changed", by });
  }

  async remove(agentId: string, inputId: string, by: string): Promise<void> {
    const agent = await this.#find(agentId);
    const known = await this.#manage(agent, [inputId], by);
    const changes = known.map((input) => ({
      ...input,
      kind: "removed" as const,
      digest: null,
      message: "removed",
      by,
    }));
    await this.#changes.run(agent.id, changes, { method: "inputs.remove", id: inputId });
  }

  /** All of them or none. */
  enable(agentId: string, inputIds: readonly string[], by: string): Promise<void> {
    return this.#switch(agentId, inputIds, { kind: "enabled", method: "inputs.enable", by });
  }

  /** All of them or none; their files keep every byte. */
  disable(agentId: string, inputIds: readonly string[], by: string): Promise<void> {
    return this.#switch(agentId, inputIds, { kind: "disabled", method: "inputs.disable", by });
  }

  /** Collects once with a configuration and changes nothing; answers line protocol. */
  async test(agentId: string, spec: InputSpec): Promise<string> {
    const agent = await this.#find(agentId);
    digestText(spec.input, spec.toml);
    return (await this.#ask(agent, { method: "inputs.test", ...spec }, CALL_MS)).output ?? "";
  }

  /** Lets the agent read its files anew, and answers what came of it. Nothing of ours changes, so nobody signs it. */
  async reload(agentId: string, _by?: string): Promise<Input[]> {
    const agent = await this.#find(agentId);
    await this.#ask(agent, { method: "inputs.reload" }, CALL_MS);
    return this.inventories.list(agent);
  }

  /** Every revision of an input, newest first; also of one that is removed or was refused. */
  async revisions(agentId: string, inputId: string): Promise<InputRevision[]> {
    const agent = await this.#find(agentId);
    const revisions = await listRevisions(this.#parts.store.db, agent.number, inputId);
    if (revisions.length === 0) throw inputNotFound(inputId);
    return revisions;
  }

  /** Gives the agent the text of an earlier revision again, as a new revision. Brings back what was removed. */
  async rollBack(agentId: string, inputId: string, revision: number, by: string): Promise<Input> {
    const agent = await this.#find(agentId);
    const found = await findRevision(this.#parts.store.db, { agentNumber: agent.number, inputId, revision });
    if (!found) throw inputNotFound(inputId);
    const { input, inputType, toml } = found;
    if (toml === null) {
      const message = "that revision has no configuration to go back to";
      throw inputError({ code: "dataway.badRequest", status: 400, message }, { inputId, revision });
    }
    const known = { inputId, input, inputType, isNew: false, agentNumber: agent.number };
    return this.#setText(agent, known, { toml, message: `rolled back to ${revision}`, by });
  }

  /**
   * Adds one input to every agent that is meant, many at a time; each counts for itself. Goes on when nobody listens any
   * more, and a repeat changes nothing where it was applied.
   */
  async bulk(targets: Targets, spec: InputSpec, by: string): Promise<InputBulkAnswer> {
    digestText(spec.input, spec.toml);
    const agents = await this.#parts.agents.resolveTargets(targets);
    const named = agents.map((row) => ({ id: row.id, name: row.given_name ?? row.name }));
    return addToEach(named, (agentId) => this.add(agentId, spec, by));
  }

  async #setText(
    agent: Agent,
    known: Omit<ManagedInput, "toml" | "digest" | "isNew"> & { readonly isNew: boolean },
    change: InputChange & { readonly message: string; readonly by: string },
  ): Promise<Input> {
    const { inputId, input, inputType } = known;
    const { toml } = change;
    const digest = digestText(input, toml);
    await this.#parts.calls.assertReachable(agent.id);
    await refuseReportedDuplicate(await this.#context(agent), { input, digest, inputId });
    const set = { ...known, ...change, kind: "set" as const, digest };
    const call = { method: "inputs.set", id: inputId, input, inputType, toml } as const;
    const { inventory, revisions, at } = await this.#changes.run(agent.id, [set], call);
    if (!known.isNew) await pruneRevisions(this.#parts.store.db, inputId);
    const report = inventory?.inputs.find(({ id }) => id === inputId);
    if (!report) return this.#show(agent, inputId);
    return toInput(agent.id, report, { digest, revision: revisions[0] ?? 0, updated_at: at, updated_by: change.by });
  }

  async #switch(
    agentId: string,
    inputIds: readonly string[],
    how: { kind: "enabled" | "disabled"; method: "inputs.enable" | "inputs.disable"; by: string },
  ): Promise<void> {
    const agent = await this.#find(agentId);
    const ids = [...new Set(inputIds)];
    if (ids.length === 0) return;
    const { kind, method, by } = how;
    const known = await this.#manage(agent, ids, by);
    const changes = known.map((input) => ({ ...input, kind, message: kind, by }));
    await this.#changes.run(agent.id, changes, { method, ids });
  }

  /** Inputs that a change is meant for; throws early what can be known without the agent. */
  async #manage(agent: Agent, inputIds: readonly string[], by: string): Promise<ManagedInput[]> {
    await this.#parts.calls.assertReachable(agent.id);
    return manageInputs(inputIds, { ...(await this.#context(agent)), by });
  }

  async #context(agent: Agent) {
    const { store, clock } = this.#parts;
    const inventory = await this.inventories.find(agent.number);
    return { store, now: clock.now(), agentNumber: agent.number, inventory };
  }

  async #ask(agent: Agent, call: InputCall, timeoutMs: number): Promise<InputContent> {
    const answer = await this.#parts.calls.call(agent.id, call, { timeoutMs });
    if (!answer.ok) throw inputError(answer.failure);
    return answer.content;
  }

  /** Lets the agent say how its inputs are; whatever keeps it from that, what it said last is shown. */
  async #refresh(agent: Agent): Promise<void> {
    await this.#ask(agent, { method: "inputs.list" }, READ_MS).catch(() => {});
  }

  async #read(agent: Agent, inputId: string): Promise<string> {
    try {
      return (await this.#ask(agent, { method: "inputs.read", id: inputId }, READ_MS)).toml ?? "";
    } catch (error) {
      if (!(error instanceof MusterError) || !["unavailable", "deadline_exceeded"].includes(error.code)) throw error;
      const toml = await newestText(this.#parts.store.db, agent.number, inputId);
      if (toml === undefined) throw error;
      return toml;
    }
  }

  async #show(agent: Agent, inputId: string): Promise<Input> {
    const found = (await this.inventories.list(agent)).find(({ id }) => id === inputId);
    if (!found) throw inputNotFound(inputId);
    return found;
  }

  async #find(agentId: string): Promise<Agent> {
    const state = this.#parts.registry.get(agentId as AgentId);
    if (state) return state;
    const { db } = this.#parts.store;
    const row = await db.selectFrom("agents").select(["id", "number"]).where("id", "=", agentId).executeTakeFirst();
    if (!row) throw new MusterError("not_found", "there is no such agent", { id: agentId });
    return { id: row.id as AgentId, number: row.number };
  }

  /** Agents of this process say what became of changes whose answers were lost; their inventories settle them. */
  async #askUnsettled(): Promise<void> {
    const { store, clock, registry } = this.#parts;
    const rows = await store.db
      .selectFrom("inputs")
      .select("agent_number")
      .distinct()
      .where("unsettled", "=", 1)
      .where("busy_until", "<=", clock.now())
      .limit(SWEPT_AGENTS)
      .execute();
    const here = rows.flatMap((row) => registry.getByNumber(row.agent_number) ?? []);
    await Promise.all(here.filter(workingSession).map((state) => this.#refresh(state)));
  }
}
