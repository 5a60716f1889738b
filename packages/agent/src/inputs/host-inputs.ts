import { join } from "node:path";
import type { CancelTimer, Clock, Labels } from "@muster/core";
import type { AvailableInput, InputAnswer, InputCall, InputContent, InputInventory } from "@muster/core/resources";
import { errorText, type Logger } from "../log.ts";
import { type Policy, refuseAction, refuseExec, refusePaths } from "../policy.ts";
import type { BlockPlan } from "./block-run.ts";
import type { CollectorKind } from "./collector.ts";
import { CONF_LIMITS, ConfDir, isManagedId } from "./conf-dir.ts";
import { ConfiguredInputs } from "./configured.ts";
import type { Configured } from "./configured-entry.ts";
import { keyOf, LastGood } from "./last-good.ts";
import { sweepLeftovers } from "./leftovers.ts";
import { listPaths } from "./named-paths.ts";
import { type FilePlan, Planner } from "./plan.ts";
import type { HostFacts } from "./point-tags.ts";
import { failureOf, refuse } from "./refusal.ts";
import { Runtime, type RuntimeOptions } from "./runtime.ts";
import { tryBlocks } from "./trial.ts";

/** A change waits this long for the first collection, so that its answer can tell how that went. */
const SETTLE_MS = 800;
/** How often the folder is looked at for what somebody edited by hand, while something is configured. */
const LOOK_EVERY_MS = 2000;
/** A file must have stayed the same for this long: editors write in several steps. */
const QUIET_MS = 300;
/** Changes that come together are told together. */
const TELL_AFTER_MS = 100;

export interface HostInputsOptions {
  readonly kinds: readonly CollectorKind[];
  readonly available: readonly AvailableInput[];
  /** The folder of configurations. */
  readonly confDir: string;
  /** The agent's own, for what inputs keep. */
  readonly folder: string;
  readonly facts: HostFacts;
  readonly labels: Labels;
  readonly emit: RuntimeOptions["emit"];
  readonly loadPolicy: () => Promise<Policy>;
  /** The inventory has changed. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}

/** The inputs of this host: runs what the folder holds, and answers what the fleet asks about it. */
export class HostInputs {
  readonly #options: HostInputsOptions;
  readonly #dir: ConfDir;
  readonly #planner: Planner;
  readonly #configured: ConfiguredInputs;
  readonly #globalTags: Readonly<Record<string, string>>;
  /** Everything that changes something takes turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #cancelLook: CancelTimer | undefined;
  #cancelTell: CancelTimer | undefined;
  #seen: string | undefined;
  /** That what runs was held against as a whole. */
  #policy: Policy | undefined;
  #isStopped = false;

  constructor(options: HostInputsOptions) {
    this.#options = options;
    const { clock, log, random, facts, folder, labels, emit } = options;
    this.#dir = new ConfDir(options.confDir);
    this.#planner = new Planner(options.kinds, facts);
    this.#globalTags = { ...labels, host: facts.hostname };
    const runtime = new Runtime({
      clock,
      log,
      random,
      hostname: facts.hostname,
      globalTags: this.#globalTags,
      stateFolder: join(folder, "state"),
      emit,
      listInputs: () => this.#configured.report(),
    });
    this.#configured = new ConfiguredInputs({
      dir: this.#dir,
      planner: this.#planner,
      runtime,
      lastGood: new LastGood(join(folder, "last-good")),
      refuseBlocks: async (blocks) => refuseBlocks(await options.loadPolicy(), blocks),
      log,
      onChange: () => this.#tellSoon(),
      inTurn: (task) => void this.#inTurn(task).catch((error) => this.#onUnforeseen(error)),
    });
  }

  /** Starts what is configured. */
  async start(): Promise<void> {
    this.#dir.sweep();
    this.#policy = await this.#options.loadPolicy();
    await this.#inTurn(() => this.#configured.rescan());
    this.#sweepLeftovers();
    this.#lookWhileConfigured();
  }

  /** What can be collected, what is configured, and how it does. */
  inventory(): InputInventory {
    return { available: [...this.#options.available], inputs: this.#configured.report() };
  }

  /** Looks whether somebody has changed the folder or the policy by hand. */
  look(): void {
    void this.#followPolicy().catch((error) => this.#onUnforeseen(error));
    const { version } = this.#dir.list();
    if (this.#isStopped || version === this.#configured.version) {
      this.#seen = undefined;
      return;
    }
    if (version === this.#seen) {
      this.#seen = undefined;
      const rescan = this.#inTurn(() => this.#configured.rescan());
      void rescan.then(
        () => this.#lookWhileConfigured(),
        (error) => this.#onUnforeseen(error),
      );
      return;
    }
    this.#seen = version;
    this.#options.clock.after(QUIET_MS, () => this.look());
  }

  /** Answers a call; never throws. */
  async answer(call: InputCall): Promise<InputAnswer> {
    try {
      return { ok: true, content: await this.#carryOut(call) };
    } catch (error) {
      const failure = failureOf(error);
      if (failure) return { ok: false, failure };
      this.#onUnforeseen(error);
      const message = "the agent could not do it; its log says why";
      return { ok: false, failure: { code: "datakit.internalError", status: 500, message } };
    } finally {
      this.#lookWhileConfigured();
    }
  }

  /** Ends everything; collections under way may finish within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.#cancelLook?.();
    this.#cancelTell?.();
    await this.#turn;
    await this.#configured.stop(graceMs);
  }

  async #carryOut(call: InputCall): Promise<InputContent> {
    switch (call.method) {
      case "inputs.list":
        return this.#inTurn(async () => {
          await this.#configured.rescan();
          return { inventory: this.inventory() };
        });
      case "inputs.sample":
        return { toml: this.#planner.getKind(call.input, "datakit").sample };
      case "inputs.read":
        await this.#assertAllowed();
        return this.#inTurn(async () => ({ toml: this.#dir.read((await this.#getManaged(call.id)).file) }));
      case "inputs.set":
        await this.#assertAllowed();
        return this.#changing(() => this.#set(call));
      case "inputs.remove":
        await this.#assertAllowed();
        return this.#changing(() => this.#remove(call.id));
      case "inputs.enable":
        await this.#assertAllowed();
        return this.#changing(() => this.#enable(call.ids));
      case "inputs.disable":
        await this.#assertAllowed();
        return this.#changing(() => this.#disable(call.ids));
      case "inputs.test": {
        const plan = this.#planner.planGiven(call);
        await this.#assertAllowed(plan);
        return { output: await tryBlocks(plan.blocks, this.#trialOptions()) };
      }
      case "inputs.reload":
        await this.#assertAllowed();
        return this.#changing(() => this.#configured.retryFailed());
    }
  }

  /** Does something after a look at the folder as it is now, and answers with what has become of it. */
  #changing(task: () => Promise<void>): Promise<InputContent> {
    return this.#inTurn(async () => {
      await this.#configured.rescan();
      await task();
      this.#tellSoon();
      return { inventory: this.inventory() };
    });
  }

  async #set(call: Extract<InputCall, { method: "inputs.set" }>): Promise<void> {
    const known = this.#configured.find(call.id);
    if (known && !known.file.managed) throw unmanaged(call.id);
    if (!isManagedId(call.id)) throw refuse("badRequest", "an input's id is dkinput_ and twenty of 0-9 and a-v");
    if (!known && this.#configured.size >= CONF_LIMITS.files) {
      throw refuse("badRequest", `there are ${CONF_LIMITS.files} configurations already`);
    }
    const plan = this.#planner.planGiven(call);
    await this.#assertAllowed(plan);
    if (Buffer.byteLength(call.toml) > CONF_LIMITS.fileBytes) {
      throw refuse("invalidConfig", `it is larger than ${CONF_LIMITS.fileBytes / 1024} KiB`);
    }
    if (known?.file.disabled) {
      this.#write(call, { disabled: true });
      await this.#configured.reread(call.id);
      return;
    }
    if (known?.text === call.toml && known.run && !known.isFallback) {
      known.run.retryNow(); // it is what runs: nothing to write, and no sample to lose
    } else {
      this.#configured.assertUnique(plan.blocks, [call.id]);
      await this.#replace(call, plan);
    }
    await this.#configured.settle(call.id, SETTLE_MS);
  }

  async #replace(call: { readonly id: string; readonly toml: string }, plan: FilePlan): Promise<void> {
    const commit = () => this.#write(call, { disabled: false });
    try {
      await this.#configured.replace(call.id, { plan, text: call.toml, commit });
    } catch (error) {
      throw startFailed(error);
    }
  }

  async #remove(id: string): Promise<void> {
    await this.#getManaged(id);
    this.#toDisk(() => this.#dir.remove(id));
    await this.#configured.reread(id);
    this.#configured.forget(id);
  }

  async #enable(listed: readonly string[]): Promise<void> {
    const ids = uniqueIds(listed);
    const entries = await Promise.all(ids.map((id) => this.#getManaged(id)));
    for (const { file } of entries) {
      if (!file.disabled) throw refuse("inputAlreadyEnabled", `input ${file.id} is enabled already`);
    }
    const plans = entries.map((entry) => this.#planOf(entry));
    for (const plan of plans) await this.#assertAllowed(plan);
    this.#configured.assertUnique(
      plans.flatMap((plan) => plan.blocks),
      ids,
    );
    const started: string[] = [];
    await this.#switchTogether(ids, async () => {
      try {
        for (const [index, { file, text = "" }] of entries.entries()) {
          const commit = () => this.#move(file.id, { disabled: false });
          await this.#configured.replace(file.id, { plan: plans[index] as FilePlan, text, commit });
          started.push(file.id);
        }
      } catch (error) {
        for (const id of started) await this.#switchOff(id);
        throw startFailed(error);
      }
    });
    await Promise.all(ids.map((id) => this.#configured.settle(id, SETTLE_MS)));
  }

  async #disable(listed: readonly string[]): Promise<void> {
    const ids = uniqueIds(listed);
    for (const { file } of await Promise.all(ids.map((id) => this.#getManaged(id)))) {
      if (file.disabled) throw refuse("inputNotEnabled", `input ${file.id} is disabled already`);
    }
    const moved: string[] = [];
    await this.#switchTogether(ids, async () => {
      try {
        for (const id of ids) {
          this.#move(id, { disabled: true });
          moved.push(id);
        }
      } catch (error) {
        for (const id of moved) this.#move(id, { disabled: false });
        throw error;
      }
    });
    for (const id of ids) await this.#configured.reread(id);
  }

  async #switchTogether(ids: readonly string[], task: () => Promise<void>): Promise<void> {
    try {
      await this.#dir.switchTogether(ids, task);
    } catch (error) {
      throw failureOf(error) ? error : unwritten(error);
    }
  }

  async #switchOff(id: string): Promise<void> {
    this.#move(id, { disabled: true });
    await this.#configured.reread(id);
  }

  #planOf(entry: Configured): FilePlan {
    const { plan } = entry;
    if (!plan || plan.isEmpty)
      throw refuse("invalidConfig", entry.problem ?? `input ${entry.file.id} has only comments`);
    if (plan.problems[0]) throw plan.problems[0];
    return plan;
  }

  /** An input that may be changed from afar, as it is now. */
  async #getManaged(id: string): Promise<Configured> {
    await this.#configured.rescan();
    const entry = this.#configured.find(id);
    if (!entry) throw refuse("inputNotFound", `input ${id} does not exist`);
    if (!entry.file.managed) throw unmanaged(id);
    return entry;
  }

  /** Holds what runs against a policy that somebody has changed. */
  async #followPolicy(): Promise<void> {
    const policy = await this.#options.loadPolicy();
    if (policy === this.#policy || this.#isStopped) return;
    this.#policy = policy;
    await this.#inTurn(() => this.#configured.obeyPolicy());
  }

  /** Throws `forbiddenInput` when whoever owns this host does not want that. */
  async #assertAllowed(plan?: FilePlan): Promise<void> {
    const policy = await this.#options.loadPolicy();
    const refused = refuseAction(policy, "inputs") ?? refuseBlocks(policy, plan?.blocks ?? []);
    if (refused !== undefined) throw refuse("forbiddenInput", refused);
  }

  #write(call: { readonly id: string; readonly toml: string }, state: { readonly disabled: boolean }) {
    this.#toDisk(() => this.#dir.write(call.id, call.toml, state));
    return this.#written(call.id);
  }

  #move(id: string, state: { readonly disabled: boolean }) {
    this.#toDisk(() => this.#dir.move(id, state));
    return this.#written(id);
  }

  #written(id: string) {
    const file = this.#dir.find(id);
    if (!file) throw refuse("internalError", "the file vanished as soon as it was written");
    return file;
  }

  #toDisk(task: () => void): void {
    try {
      task();
    } catch (error) {
      throw unwritten(error);
    }
  }

  #trialOptions() {
    const { clock, log, facts } = this.#options;
    return { clock, log, hostname: facts.hostname, globalTags: this.#globalTags };
  }

  #sweepLeftovers(): void {
    const { files, cut } = this.#dir.list();
    if (cut || files.length === 0) return; // a folder that is not mounted yet is no reason to forget anything
    const folders = ["state", "last-good"].map((name) => join(this.#options.folder, name));
    const keys = new Set(files.map(({ id }) => keyOf(id)));
    try {
      sweepLeftovers({ folders, keys, now: this.#options.clock.now() });
    } catch (error) {
      this.#options.log.warn("what inputs left could not be deleted", { reason: errorText(error) });
    }
  }

  #lookWhileConfigured(): void {
    if (this.#configured.size > 0 && !this.#isStopped) {
      this.#cancelLook ??= this.#options.clock.every(LOOK_EVERY_MS, () => this.look());
    } else {
      this.#cancelLook?.();
      this.#cancelLook = undefined;
    }
  }

  #tellSoon(): void {
    if (this.#isStopped) return;
    this.#cancelTell ??= this.#options.clock.after(TELL_AFTER_MS, () => {
      this.#cancelTell = undefined;
      this.#options.onChange();
    });
  }

  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => {});
    return result;
  }

  #onUnforeseen(error: unknown): void {
    this.#options.log.error("inputs met an error that nobody foresaw", { reason: errorText(error) });
  }
}

function refuseBlocks(policy: Policy, blocks: readonly BlockPlan[]): string | undefined {
  return blocks.map((block) => refuseBlock(policy, block)).find((reason) => reason !== undefined);
}

/** An input reaches no further into this host than a command from the server would. */
function refuseBlock(policy: Policy, { kind, options }: BlockPlan): string | undefined {
  const program = kind.programOf?.(options);
  const refused = program
    ? refuseExec(policy, { ...program, user: null })
    : kind.runsPrograms === true
      ? refuseAction(policy, "exec")
      : undefined;
  return refused ?? refusePaths(policy, listPaths(options));
}

function uniqueIds(ids: readonly string[]): readonly string[] {
  if (ids.length === 0) throw refuse("badRequest", "no input is named");
  return [...new Set(ids)];
}

function unmanaged(id: string) {
  return refuse("inputUnmanaged", `${id} is a file of this host and cannot be managed from here`);
}

function unwritten(error: unknown) {
  return refuse("internalError", `the configuration could not be written: ${errorText(error)}`);
}

/** What a collector throws when it is started becomes a refusal with its words. */
function startFailed(error: unknown) {
  return failureOf(error) ? error : refuse("invalidConfig", errorText(error));
}
