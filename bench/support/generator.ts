import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onEnd, type Scope } from "@muster/testing";
import type { LoadOrder } from "../programs/load.ts";
import type { LoadResult, LoadTarget } from "./agent-load.ts";

const PROGRAM = fileURLToPath(new URL("../programs/load.ts", import.meta.url));

/** A process of its own that plays agents, so that what it costs is not counted as the server's. */
export class Generator {
  readonly #child: ChildProcess;

  constructor(scope: Scope) {
    this.#child = fork(PROGRAM, { execArgv: [] });
    onEnd(scope, () => {
      this.#child.kill("SIGKILL");
    });
  }

  /** Seconds until every agent was connected and registered. */
  connect(target: LoadTarget): Promise<number> {
    return this.#ask({ do: "connect", target });
  }

  saturate(durationMs: number, window: number): Promise<LoadResult> {
    return this.#ask({ do: "saturate", durationMs, window });
  }

  beat(durationMs: number, perSecond: number): Promise<LoadResult> {
    return this.#ask({ do: "beat", durationMs, perSecond });
  }

  /** When, by the system's clock, each of so many commands came. */
  awaitPushes(count: number): Promise<number[]> {
    return this.#ask({ do: "await-pushes", count });
  }

  countLost(): Promise<number> {
    return this.#ask({ do: "count-lost" });
  }

  /** Ends the process and with it every connection. */
  async stop(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  async #ask<Answer>(order: LoadOrder): Promise<Answer> {
    const answered = once(this.#child, "message") as Promise<[{ answer?: Answer; error?: string }]>;
    this.#child.send(order);
    const [{ answer, error }] = await answered;
    if (error !== undefined) throw new Error(`${order.do}: ${error}`);
    return answer as Answer;
  }
}
