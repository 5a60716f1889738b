import { isMusterError } from "@muster/core";
import type { InputReport } from "@muster/core/resources";
import { errorText, type Logger } from "../log.ts";
import type { BlockPlan } from "./block-run.ts";
import type { ConfDir, ConfFile } from "./conf-dir.ts";
import { type Configured, reportOf, untouched } from "./configured-entry.ts";
import type { InputRun, InputRunListener } from "./input-run.ts";
import type { LastGood } from "./last-good.ts";
import type { FilePlan, Planner } from "./plan.ts";
import { refuse } from "./refusal.ts";
import type { Runtime } from "./runtime.ts";

/** Collections under way get this long when their collector is replaced or switched off. */
const STOP_GRACE_MS = 3000;
/** A new collector may take this long for its first collection before the old one ends. */
const HAND_OVER_MS = 700;

export interface ConfiguredOptions {
  readonly dir: ConfDir;
  readonly planner: Planner;
  readonly runtime: Runtime;
  readonly lastGood: LastGood;
  /** Why the host's policy does not let somebody afar run that; undefined when it does. */
  readonly refuseBlocks: (blocks: readonly BlockPlan[]) => Promise<string | undefined>;
  readonly log: Logger;
  /** What an inventory tells has changed. */
  readonly onChange: () => void;
  /** Runs a task after all that were given before. */
  readonly inTurn: (task: () => Promise<void>) => void;
}

/**
 * The inputs as they are configured in the folder, and what runs of them. It follows the folder, keeps what ran when a text
 * fails, and never lets two configurations collect the same. Callers take turns: nothing here runs twice at once.
 */
export class ConfiguredInputs {
  readonly #options: ConfiguredOptions;
  readonly #entries = new Map<string, Configured>();
  readonly #listener: InputRunListener;
  #version = "";

  constructor(options: ConfiguredOptions) {
    this.#options = options;
    this.#listener = {
      onChange: () => options.onChange(),
      onUnproven: (run, reason) => options.inTurn(() => this.#onUnproven(run, reason)),
      onProven: (run) => this.#onProven(run),
    };
  }

  /** Of the folder when it was last looked at. */
  get version(): string {
    return this.#version;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(id: string): Configured | undefined {
    return this.#entries.get(id);
  }

  /** What the folder holds and what runs of it. */
  report(): InputReport[] {
    return [...this.#entries.values()].map(reportOf);
  }

  /** Looks at the folder again; what is new or has changed is started, what is gone is stopped, the rest runs on. */
  async rescan(): Promise<void> {
    const { dir, log } = this.#options;
    const listing = dir.list();
    if (listing.version === this.#version) return;
    this.#version = listing.version;
    if (listing.cut) log.warn("there are more configurations than are read", { folder: dir.folder });
    const ids = new Set(listing.files.map((file) => file.id));
    for (const id of [...this.#entries.keys()]) if (!ids.has(id)) await this.#drop(id);
    for (const file of listing.files) {
      const known = this.#entries.get(file.id);
      if (known?.file.version !== file.version || known.file.disabled !== file.disabled) await this.#follow(file);
    }
    await this.#wakeWaiting();
    this.#options.onChange();
  }

  /** Ends what somebody afar made run and the host's policy is against by now, and starts what it allows again. */
  async obeyPolicy(): Promise<void> {
    for (const entry of this.#entries.values()) {
      const isRefused = (await this.#refusalOf(entry.file, entry.run?.plans)) !== undefined;
      if (isRefused || entry.isForbidden) await this.#adopt(entry);
    }
    await this.#wakeWaiting();
    this.#options.onChange();
  }

  /** Gives everything that failed another try now. */
  async retryFailed(): Promise<void> {
    await this.obeyPolicy();
    for (const entry of this.#entries.values()) {
      if (entry.isFallback || (!entry.run && !entry.file.disabled)) await this.#adopt(entry);
      else entry.run?.retryNow();
    }
    await this.#wakeWaiting();
  }

  /** Throws `duplicateInput` when something that runs, other than these, or one of the blocks itself collects the same. */
  assertUnique(blocks: readonly BlockPlan[], exceptIds: readonly string[]): void {
    const taken = this.#taken(exceptIds);
    for (const block of blocks) {
      const holder = holderOf(block, taken);
      if (holder !== undefined) throw refuse("duplicateInput", describeHolder(block, holder));
      take(block, { taken, by: "another block of it" });
    }
  }

  /**
   * Lets a new text of a managed input run: started, then written by `commit`, and only then the old one is ended, unless both
   * cannot run side by side. Throws when it does not start or cannot be written, and then the old one runs as before.
   */
  async replace(id: string, what: { plan: FilePlan; text: string; commit: () => ConfFile }): Promise<void> {
    const { plan, text, commit } = what;
    const entry = this.#entries.get(id);
    const next = this.#createRun(id, text, plan.blocks);
    const old = entry?.run;
    const hasEnded = await this.#openBeside(next, entry);
    let file: ConfFile;
    try {
      file = commit();
    } catch (error) {
      await next.stop(0);
      if (hasEnded && entry && old) this.#revive(entry, old);
      throw error;
    }
    if (old?.hasWorked && !entry?.isFallback) this.#onProven(old);
    const changed: Configured = { ...untouched(file), text, plan, run: next };
    this.#entries.set(id, changed);
    next.begin(old);
    if (old && !hasEnded) await this.#handOver(changed, { next, old });
    await this.#wakeWaiting();
    this.#noteVersion();
  }

  /** Waits a moment for the first collection of an input, and falls back at once when it fails. */
  async settle(id: string, ms: number): Promise<void> {
    const run = this.#entries.get(id)?.run;
    if (!run) return;
    await run.waitForFirst(ms);
    if (run.failedEarly !== undefined) await this.#onUnproven(run, run.failedEarly);
  }

  /** Takes over what was done to a file without touching what runs, such as a new text of one that is switched off. */
  async reread(id: string): Promise<void> {
    const file = this.#options.dir.find(id);
    if (file) await this.#follow(file);
    else await this.#drop(id);
    await this.#wakeWaiting();
    this.#noteVersion();
  }

  /** Deletes what was kept for an input that somebody removed for good. */
  forget(id: string): void {
    this.#options.lastGood.forget(id);
    this.#options.runtime.forget(id);
  }

  /** Ends everything; collections under way may finish. */
  async stop(graceMs: number): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => entry.run?.stop(graceMs)));
    this.#options.runtime.close();
  }

  /** Brings an entry up to its file. */
  async #follow(file: ConfFile): Promise<void> {
    const known = this.#entries.get(file.id);
    const text = this.#read(file);
    const isSame = known !== undefined && text.content !== undefined && known.text === text.content;
    const entry: Configured = known ?? untouched(file);
    const wasDisabled = entry.file.disabled;
    entry.file = file;
    this.#entries.set(file.id, entry);
    if (isSame && wasDisabled === file.disabled) return; // only touched
    entry.text = text.content;
    entry.plan = text.content === undefined ? undefined : this.#options.planner.plan(text.content);
    entry.problem = text.fault ?? null;
    await this.#adopt(entry);
  }

  /** Makes what its file says run, as far as it can. */
  async #adopt(entry: Configured): Promise<void> {
    const { plan, text, file } = entry;
    entry.isWaiting = false;
    entry.isForbidden = false;
    if (plan) entry.problem = plan.problems[0]?.message ?? null;
    if (file.disabled || plan?.isEmpty) return this.#end(entry);
    if ((await this.#refusalOf(file, entry.run?.plans)) !== undefined) await this.#end(entry);
    const refusal = await this.#refusalOf(file, plan?.blocks);
    if (refusal !== undefined) {
      entry.problem = refusal;
      entry.isForbidden = true;
      return this.#end(entry);
    }
    if (entry.problem !== null && (await this.#fallBack(entry))) return;
    const taken = this.#taken([file.id]);
    const blocks: BlockPlan[] = [];
    for (const block of plan?.blocks ?? []) {
      const holder = holderOf(block, taken);
      if (holder === undefined) {
        take(block, { taken, by: "another block of the file" });
        blocks.push(block);
      } else {
        entry.isWaiting = true;
        entry.problem = describeHolder(block, holder);
      }
    }
    if (blocks.length === 0 || text === undefined) return this.#end(entry);
    await this.#switchTo(entry, { text, blocks });
  }

  /** Starts what a file says now, and keeps what ran when it does not start. */
  async #switchTo(entry: Configured, what: { text: string; blocks: readonly BlockPlan[] }): Promise<void> {
    const next = this.#createRun(entry.file.id, what.text, what.blocks);
    const old = entry.run;
    if (!old) {
      entry.run = next;
      entry.isFallback = false;
      next.launch();
      return;
    }
    try {
      const hasEnded = await this.#openBeside(next, entry);
      entry.run = next;
      entry.isFallback = false;
      next.begin(old);
      if (!hasEnded) await this.#handOver(entry, { next, old });
    } catch (error) {
      entry.problem = errorText(error);
      entry.isFallback = true;
    }
  }

  /** Ends the old run once the new one has collected, or the new one when it cannot while the old one could. */
  async #handOver(entry: Configured, { next, old }: { next: InputRun; old: InputRun }): Promise<void> {
    await next.waitForFirst(HAND_OVER_MS);
    if (next.failedEarly === undefined || !old.hasWorked) return old.stop(STOP_GRACE_MS);
    entry.run = old;
    entry.isFallback = true;
    entry.problem = next.failedEarly;
    await next.stop(0);
  }

  /** Opens a run while the one before it goes on; true when that one had to end first. Throws when it does not open. */
  async #openBeside(next: InputRun, entry: Configured | undefined): Promise<boolean> {
    const old = entry?.run;
    if (!old || !next.isExclusive) {
      try {
        await next.open();
        return false;
      } catch (error) {
        if (!old || !isAddressInUse(error)) throw error;
      }
    }
    await old.stop(STOP_GRACE_MS);
    try {
      await next.open();
      return true;
    } catch (error) {
      if (entry) this.#revive(entry, old);
      throw error;
    }
  }

  #revive(entry: Configured, old: InputRun): void {
    entry.run = this.#createRun(entry.file.id, old.text, old.plans);
    entry.run.launch();
  }

  /** Keeps the last good text running, or makes it run; false when there is none that could. */
  async #fallBack(entry: Configured): Promise<boolean> {
    const { planner, lastGood } = this.#options;
    if (entry.run && entry.run.text !== entry.text) {
      entry.isFallback = true;
      return true;
    }
    const good = lastGood.find(entry.file.id);
    if (good === undefined || good === entry.text) return false;
    const plan = planner.plan(good);
    const taken = this.#taken([entry.file.id]);
    if (plan.problems.length > 0 || plan.blocks.some((block) => holderOf(block, taken) !== undefined)) return false;
    if ((await this.#refusalOf(entry.file, plan.blocks)) !== undefined) return false;
    await entry.run?.stop(0);
    entry.run = this.#createRun(entry.file.id, good, plan.blocks);
    entry.isFallback = true;
    entry.run.launch();
    return true;
  }

  /** Why the policy is against that, if it is. Files of the host are its owner's business. */
  async #refusalOf(file: ConfFile, blocks: readonly BlockPlan[] = []): Promise<string | undefined> {
    return file.managed ? this.#options.refuseBlocks(blocks) : undefined;
  }

  /** A text failed before it had proven itself: the last good one runs again. */
  async #onUnproven(run: InputRun, reason: string): Promise<void> {
    const entry = [...this.#entries.values()].find((candidate) => candidate.run === run);
    if (!entry || entry.isFallback) return;
    entry.problem = reason;
    if (!(await this.#fallBack(entry))) {
      entry.problem = null; // the run tells its failure itself, and goes on trying
      return;
    }
    this.#options.log.warn("input fell back to its last good configuration", { inputId: entry.file.id, reason });
    this.#options.onChange();
  }

  #onProven(run: InputRun): void {
    const entry = [...this.#entries.values()].find((candidate) => candidate.run === run);
    if (!entry || entry.isFallback) return;
    try {
      this.#options.lastGood.keep(entry.file.id, run.text);
    } catch (error) {
      this.#options.log.warn("last good configuration could not be kept", { reason: errorText(error) });
    }
  }

  /** Those that waited for others to end. */
  async #wakeWaiting(): Promise<void> {
    for (const entry of this.#entries.values()) {
      if (entry.isWaiting) await this.#adopt(entry);
    }
  }

  async #drop(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    await entry.run?.stop(STOP_GRACE_MS);
  }

  async #end(entry: Configured): Promise<void> {
    const { run } = entry;
    entry.run = undefined;
    entry.isFallback = false;
    await run?.stop(STOP_GRACE_MS);
  }

  #createRun(id: string, text: string, blocks: readonly BlockPlan[]): InputRun {
    return this.#options.runtime.create(id, { text, blocks, listener: this.#listener });
  }

  #read(file: ConfFile): { readonly content?: string; readonly fault?: string } {
    try {
      return { content: this.#options.dir.read(file) };
    } catch (error) {
      if (isMusterError(error)) return { fault: error.message };
      throw error;
    }
  }

  /** Who collects what, by the keys of `keysOf`. */
  #taken(exceptIds: readonly string[]): Map<string, string> {
    const taken = new Map<string, string>();
    for (const { file, run } of this.#entries.values()) {
      if (exceptIds.includes(file.id)) continue;
      for (const block of run?.plans ?? []) take(block, { taken, by: file.file });
    }
    return taken;
  }

  /** What we did to the folder ourselves is no change. */
  #noteVersion(): void {
    const listing = this.#options.dir.list();
    const isOurs = listing.files.every((file) => this.#entries.get(file.id)?.file.version === file.version);
    if (isOurs && listing.files.length === this.#entries.size) this.#version = listing.version;
  }
}

/** What only one configuration may have. */
function keysOf(block: BlockPlan): string[] {
  return [block.digest, ...(block.kind.singleton === true ? [`only ${block.kind.name}`] : [])];
}

function take(block: BlockPlan, { taken, by }: { taken: Map<string, string>; by: string }): void {
  for (const key of keysOf(block)) taken.set(key, by);
}

function holderOf(block: BlockPlan, taken: ReadonlyMap<string, string>): string | undefined {
  return keysOf(block)
    .map((key) => taken.get(key))
    .find((holder) => holder !== undefined);
}

function describeHolder(block: BlockPlan, holder: string): string {
  const why =
    block.kind.singleton === true ? "runs once on a host, and does already" : "runs already with the same meaning";
  return `${block.kind.name} ${why}: ${holder}`;
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
