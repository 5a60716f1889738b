import { INPUT_LIMITS, toIso } from "@muster/core";
import type { InputReport } from "@muster/core/resources";
import type { ConfFile } from "./conf-dir.ts";
import type { InputRun } from "./input-run.ts";
import type { FilePlan } from "./plan.ts";

/** A file of the folder and what became of it. */
export interface Configured {
  file: ConfFile;
  /** Undefined when it cannot be read. */
  text: string | undefined;
  plan: FilePlan | undefined;
  run: InputRun | undefined;
  /** Why the text of the file does not run, or not all of it. */
  problem: string | null;
  /** An earlier text runs instead. */
  isFallback: boolean;
  /** Another file collects the same; it takes over when that one ends. */
  isWaiting: boolean;
  /** The host's policy is against it; it runs once that allows it. */
  isForbidden: boolean;
}

/** An entry of which nothing runs yet. */
export function untouched(file: ConfFile): Configured {
  return {
    file,
    text: undefined,
    plan: undefined,
    run: undefined,
    problem: null,
    isFallback: false,
    isWaiting: false,
    isForbidden: false,
  };
}

/** As an inventory tells it. */
export function reportOf(entry: Configured): InputReport {
  const { file, plan, run } = entry;
  const [status, error] = stateOf(entry);
  const lastPointAt = run?.lastPointAt ?? null;
  return {
    id: file.id,
    inputs: [...(plan?.names ?? [])],
    inputType: "datakit",
    managed: file.managed,
    status,
    error: error?.slice(0, INPUT_LIMITS.messageLength) ?? null,
    file: file.file,
    digest: plan?.digest ?? null,
    points: run?.points ?? 0,
    lastPointAt: lastPointAt === null ? null : toIso(lastPointAt),
  };
}

function stateOf({ file, plan, run, problem, isFallback }: Configured): [InputReport["status"], string | null] {
  if (file.disabled || plan?.isEmpty) return ["disabled", null];
  if (!run) return ["failed", problem ?? "it could not be started"];
  if (isFallback) return ["fallback", problem];
  if (run.error !== null) return ["failed", run.error];
  return ["running", run.trouble ?? problem];
}
