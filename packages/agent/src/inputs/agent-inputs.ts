import { join } from "node:path";
import type { Clock, Labels } from "@muster/core";
import type { InputAnswer, InputCall, InputInventory } from "@muster/core/resources";
import { errorText, type Logger } from "../log.ts";
import type { Policy } from "../policy.ts";
import { AVAILABLE_INPUTS } from "./available.ts";
import type { CollectorKind } from "./collector.ts";
import { ConfDir } from "./conf-dir.ts";
import type { LoadedInputs } from "./loaded-inputs.ts";
import { hasQueuedPoints } from "./queued.ts";
import type { PointServer } from "./sender.ts";

export interface AgentInputsOptions {
  /** The folder of configurations. */
  readonly confDir: string;
  /** The agent's own, for the queue, positions and the last good configurations. */
  readonly folder: string;
  readonly servers: readonly PointServer[];
  readonly agentId: string;
  readonly labels: Labels;
  readonly authorities: readonly string[] | undefined;
  /** This host's, as others know it. */
  readonly address: () => string;
  readonly loadPolicy: () => Promise<Policy>;
  /** The inventory has changed. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Other kinds of collectors than ours, for tests. */
  readonly kinds?: readonly CollectorKind[];
}

/** What links ask about the inputs of this host. */
export interface InputDesk {
  inventory(): InputInventory;
  /** Never rejects. */
  answer(call: InputCall): Promise<InputAnswer>;
}

/**
 * The agent's inputs from outside. As long as nothing is configured and nothing waits to be sent, no collector and no schema
 * library is loaded and no timer runs: the agent's beats look whether that has changed.
 */
export class AgentInputs implements InputDesk {
  readonly #options: AgentInputsOptions;
  readonly #dir: ConfDir;
  #loading: Promise<LoadedInputs> | undefined;
  #loaded: LoadedInputs | undefined;

  constructor(options: AgentInputsOptions) {
    this.#options = options;
    this.#dir = new ConfDir(options.confDir);
  }

  /** Starts what is configured, if anything is. */
  start(): void {
    if (this.#isNeeded() || hasQueuedPoints(join(this.#options.folder, "queue"))) this.#loadUnheard();
  }

  /** Called at every beat. */
  look(): void {
    if (this.#loaded) this.#loaded.inputs.look();
    else if (!this.#loading && this.#isNeeded()) this.#loadUnheard();
  }

  inventory(): InputInventory {
    return this.#loaded?.inputs.inventory() ?? { available: [...AVAILABLE_INPUTS], inputs: [] };
  }

  async answer(call: InputCall): Promise<InputAnswer> {
    if (call.method === "inputs.list" && !this.#loading && !this.#isNeeded()) {
      return { ok: true, content: { inventory: this.inventory() } };
    }
    try {
      const { inputs } = await this.#load();
      return await inputs.answer(call);
    } catch (error) {
      this.#options.log.error("inputs could not be started", { reason: errorText(error) });
      const message = "the agent could not start its inputs; its log says why";
      return { ok: false, failure: { code: "datakit.internalError", status: 500, message } };
    }
  }

  async stop(): Promise<void> {
    const loaded = await this.#loading?.catch(() => undefined);
    await loaded?.stop();
  }

  #isNeeded(): boolean {
    return this.#dir.list().files.length > 0;
  }

  #loadUnheard(): void {
    this.#load().catch((error: unknown) => {
      this.#options.log.error("inputs could not be started", { reason: errorText(error) });
    });
  }

  #load(): Promise<LoadedInputs> {
    this.#loading ??= import("./loaded-inputs.ts")
      .then(({ loadInputs }) => loadInputs(this.#options))
      .then((loaded) => {
        this.#loaded = loaded;
        return loaded;
      })
      .catch((error: unknown) => {
        this.#loading = undefined; // a full disk may have room later
        throw error;
      });
    return this.#loading;
  }
}
