import { delay, systemClock } from "@muster/core";
import type { Command } from "@muster/core/resources";
import type { Answer, Cluster } from "./cluster.ts";

export interface CallersOptions {
  readonly cluster: Cluster;
  readonly callers: number;
  /** Between two commands of one caller. */
  readonly pauseMs: number;
  readonly random: () => number;
  readonly onAcknowledged: () => void;
}

/** So long a program waits for an answer before it asks another server. */
const CALL_MS = 3000;

/** Answers that say: not now, try again. */
const LATER = new Set([0, 429, 503]);

/** People and programs that give commands to whichever server, again and again under one key until one acknowledges. */
export class Callers {
  readonly acknowledged: string[] = [];
  /** Answers that nobody should get, whatever is broken. */
  readonly oddAnswers: string[] = [];
  /** Calls that were tried again. */
  retries = 0;
  readonly #options: CallersOptions;
  readonly #agentIds: readonly string[];
  #given = 0;
  #stopped = false;
  #running: Promise<unknown> | undefined;

  constructor(options: CallersOptions, agentIds: readonly string[]) {
    this.#options = options;
    this.#agentIds = agentIds;
  }

  start(): void {
    this.#running = Promise.all(Array.from({ length: this.#options.callers }, () => this.#give()));
  }

  /** Resolves when so many commands are acknowledged, or when the time is over. */
  async waitFor(count: number, timeoutMs: number): Promise<void> {
    const deadline = systemClock.monotonic() + timeoutMs;
    while (this.acknowledged.length < count && systemClock.monotonic() < deadline) await delay(systemClock, 50);
  }

  /** Every command that was begun is acknowledged first. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #give(): Promise<void> {
    while (!this.#stopped) {
      const number = this.#given++;
      const answer = await this.#callUntilDone("POST", "commands", {
        key: `chaos-${number}`,
        body: {
          text: `echo "$MUSTER_RUN_ID" >> "$WITNESS"; echo out; ${number % 3 === 0 ? "sleep 0.3" : "true"}`,
          targets: this.#chooseTargets(number),
          timeoutMs: 20_000,
          expiresInMs: 90_000,
        },
      });
      if (answer) {
        const command = JSON.parse(answer.text) as Command;
        this.acknowledged.push(command.id);
        this.#options.onAcknowledged();
        if (number % 15 === 7) await this.#callUntilDone("POST", `commands/${command.id}/cancel`, { body: {} });
      }
      await delay(systemClock, this.#options.pauseMs);
    }
  }

  /** The answer that says yes; undefined when the answer was an odd one. */
  async #callUntilDone(
    method: string,
    path: string,
    more: { key?: string; body: unknown },
  ): Promise<Answer | undefined> {
    const { cluster, random } = this.#options;
    for (;;) {
      const member = cluster.members[Math.floor(random() * cluster.members.length)];
      const answer = member && (await cluster.ask(member, method, path, { ...more, timeoutMs: CALL_MS }));
      if (answer && answer.status > 0 && answer.status < 300) return answer;
      if (answer && !LATER.has(answer.status)) {
        this.oddAnswers.push(`${member?.name}: ${method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`);
        if (answer.status < 500) return undefined;
      }
      this.retries += 1;
      await delay(systemClock, 100 + random() * 200);
    }
  }

  #chooseTargets(number: number): object {
    if (number % 20 === 0) return { selector: `chaos=g${number % 4}` };
    const { random } = this.#options;
    const count = 1 + (number % 3);
    return { ids: Array.from({ length: count }, () => this.#agentIds[Math.floor(random() * this.#agentIds.length)]) };
  }
}
