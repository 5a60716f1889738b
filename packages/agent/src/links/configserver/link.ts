import { type CancelTimer, delay } from "@muster/core";
import type { Generation as GenerationName } from "@muster/protocols/configserver";
import type { GivenConfigs, HeldFile } from "../../configs/given-configs.ts";
import { errorText } from "../../log.ts";
import { AGENT_VERSION } from "../../version.ts";
import type { AgentLink } from "../link.ts";
import type { NodeLinkOptions } from "../node/link.ts";
import { type LinkEnd, ReconnectPlan } from "../node/reconnect.ts";
import { DIALECTS } from "./dialects.ts";
import { GenerationG0 } from "./g0.ts";
import { GenerationG1 } from "./g1.ts";
import { GenerationG2 } from "./g2.ts";
import { CallFailed, createCaller } from "./http.ts";
import { Intake } from "./intake.ts";
import type { Generation, TurnOptions } from "./turn.ts";

/** Beats come this much earlier or later, so that a fleet that was started together does not ask together. */
const JITTER = 0.1;
const FIRST_WAIT_MS = 900;
/** News of this host are told so long after the last beat at the earliest. */
const NEWS_AFTER_MS = 1000;
/** For the agent's own history and inputs; the server is asked at an interval of its own. */
const BEAT_MS = 10_000;
const COMPLAIN_EVERY_MS = 60_000;

const GENERATIONS: Readonly<Record<GenerationName, (options: TurnOptions) => Generation>> = {
  g0: (options) => new GenerationG0(options),
  g1: (options) => new GenerationG1(options),
  g2: (options) => new GenerationG2(options),
};

export interface ConfigServerLinkOptions
  extends Pick<
    NodeLinkOptions,
    | "servers"
    | "token"
    | "authorities"
    | "self"
    | "reconnectMinMs"
    | "reconnectMaxMs"
    | "clock"
    | "log"
    | "random"
    | "onReady"
  > {
  readonly generation: GenerationName;
  readonly configs: GivenConfigs;
  /** Between two beats. */
  readonly intervalMs: number;
  readonly answerWithinMs?: number;
}

/**
 * The agent's end of the ConfigServer protocols: it asks one server at an interval and keeps what it is given. A server that
 * does not answer well is left for the next; when all were tried the waits grow. Commands and metrics do not exist here.
 */
export class ConfigServerLink implements AgentLink {
  readonly #options: ConfigServerLinkOptions;
  readonly #plan: ReconnectPlan;
  readonly #generation: Generation;
  readonly #stopped = new AbortController();
  readonly #complainedAt = new Map<string, number>();
  #isAnswered = false;
  #hasNews = false;
  #wake: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ConfigServerLinkOptions) {
    this.#options = options;
    const { servers, reconnectMinMs: minMs, reconnectMaxMs: maxMs, random, self, clock, configs, intervalMs } = options;
    this.#plan = new ReconnectPlan({ servers: servers.length, minMs, maxMs, random });
    const intake = new Intake({ configs, onSettled: (failed) => this.#onSettled(failed) });
    const complain = (event: string, fields: Readonly<Record<string, unknown>>) => this.#complain(event, fields);
    const { id, labels } = self;
    const startedAt = clock.now();
    this.#generation = GENERATIONS[options.generation]({ id, labels, intervalMs, startedAt, intake, clock, complain });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  get isReady(): boolean {
    return this.#isAnswered;
  }

  beat(): void {}
  tellConfigs(): void {}
  tellInputs(): void {}
  onStarted(): void {}
  onOutput(): void {}
  onFinished(): void {}

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    await delay(clock, FIRST_WAIT_MS * random(), this.#stopped.signal);
    while (!this.#stopped.signal.aborted) await this.#stay(this.#plan.server);
  }

  /** Asks one server until it fails, and waits for whatever comes next. */
  async #stay(index: number): Promise<void> {
    const { servers, token, authorities, generation, clock, answerWithinMs } = this.#options;
    const server = servers[index] ?? "";
    const caller = createCaller({
      ...{ server, token, authorities, signal: this.#stopped.signal, dialect: DIALECTS[generation] },
      userAgent: `muster-agent/${AGENT_VERSION}`,
      ...(answerWithinMs === undefined ? {} : { answerWithinMs }),
    });
    try {
      while (!this.#stopped.signal.aborted) {
        await this.#options.configs.removeExpired();
        this.#hasNews = false;
        const { againMs } = await this.#generation.turn(caller.ask, server).catch((error: unknown) => {
          // it answers, and says no: asking another one, or sooner, would not help
          if (error instanceof CallFailed && error.trouble.kind === "refused") {
            this.#complain("server refused a request", { server, reason: error.message });
            return { againMs: undefined };
          }
          throw error;
        });
        this.#onAnswered(server);
        await this.#rest(againMs ?? this.#nextBeatMs());
      }
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#isAnswered = false;
      this.#complain("server did not answer as it should", { server, reason: errorText(error) });
      await delay(clock, this.#plan.next(toEnd(error)).delayMs, this.#stopped.signal);
    } finally {
      caller.close();
    }
  }

  #onAnswered(server: string): void {
    this.#plan.succeed();
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#options.log.info("server answered", { server, generation: this.#options.generation });
    this.#options.onReady(BEAT_MS);
  }

  #nextBeatMs(): number {
    const { intervalMs, random } = this.#options;
    return intervalMs * (1 - JITTER + 2 * JITTER * random());
  }

  /** Until the next beat, which news of this host bring forward. */
  async #rest(waitMs: number): Promise<void> {
    const { clock } = this.#options;
    const least = Math.min(NEWS_AFTER_MS, waitMs);
    await delay(clock, least, this.#stopped.signal);
    if (this.#hasNews || this.#stopped.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const cancel: CancelTimer = clock.after(waitMs - least, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
      this.#stopped.signal.addEventListener("abort", this.#wake, { once: true });
    });
    if (this.#wake) this.#stopped.signal.removeEventListener("abort", this.#wake);
    this.#wake = undefined;
  }

  #onSettled(failed: HeldFile | undefined): void {
    if (failed) {
      const { name, revision: version, error } = failed;
      this.#generation.onFailed?.({ name, version, error: error ?? "" });
    }
    this.#hasNews = true;
    this.#wake?.();
  }

  /** Logs what may repeat at every beat, at most once a minute per event and subject. */
  #complain(event: string, fields: Readonly<Record<string, unknown>>): void {
    const key = `${event} ${String(fields.name ?? fields.server ?? "")}`;
    const now = this.#options.clock.monotonic();
    if (now - (this.#complainedAt.get(key) ?? Number.NEGATIVE_INFINITY) < COMPLAIN_EVERY_MS) return;
    if (this.#complainedAt.size > 100) this.#complainedAt.clear();
    this.#complainedAt.set(key, now);
    this.#options.log.warn(event, fields);
  }
}

function toEnd(error: unknown): LinkEnd {
  if (!(error instanceof CallFailed)) return { kind: "unreachable" };
  const { trouble } = error;
  if (trouble.kind === "unauthorized") return { kind: "unauthorized" };
  if (trouble.kind === "refused" || trouble.waitMs === undefined) return { kind: "unreachable" };
  return { kind: "unreachable", waitMs: trouble.waitMs };
}
