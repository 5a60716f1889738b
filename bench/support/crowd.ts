import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onEnd, type Scope } from "@muster/testing";
import type { StormOrder, StormResult } from "../programs/storm-agents.ts";

const PROGRAM = fileURLToPath(new URL("../programs/storm-agents.ts", import.meta.url));

/** One generator process: answers when all its agents are registered. */
export type Crowd = (order: StormOrder) => Promise<StormResult>;

export function startCrowd(scope: Scope): Crowd {
  const child = fork(PROGRAM, { execArgv: [] });
  onEnd(scope, () => void child.kill("SIGKILL"));
  return async (order) => {
    const answered = once(child, "message") as Promise<[{ answer?: StormResult; error?: string }]>;
    child.send(order);
    const [{ answer, error }] = await answered;
    if (!answer) throw new Error(error ?? "no answer");
    return answer;
  };
}
