import { unifiedDiff } from "../terminal/line-diff.ts";
import type { Step } from "./plan.ts";

/** A step in a line. */
export function describeStep(step: Step): string {
  switch (step.what) {
    case "create_group":
      return `create group ${step.group}`;
    case "change_group":
      return `change group ${step.group}: ${step.fields.join(", ")}`;
    case "create_config":
      return `create config ${step.config}`;
    case "change_config":
      return `change config ${step.config}: ${step.fields.join(", ")}`;
    case "give":
      return `give ${step.config} ${step.revision === null ? "" : `(revision ${step.revision}) `}to group ${step.group}`;
    case "take":
      return `take ${step.config} from group ${step.group}`;
    case "remove_config":
      return `remove config ${step.config}`;
    case "remove_group":
      return `remove group ${step.group}`;
  }
}

/** The difference that a step makes to a text, in unified form; no lines when it makes none. */
export function diffOfStep(step: Step): string[] {
  if (step.what === "create_config")
    return unifiedDiff("", step.write.text, { before: "/dev/null", after: step.place });
  if (step.what !== "change_config" || step.change.text === undefined) return [];
  const before = `${step.config} (revision ${step.change.baseRevision})`;
  return unifiedDiff(step.before, step.change.text, { before, after: step.place });
}

/** A step for programs: what, of which, and which fields. Texts are not in it. */
export function summarizeStep(step: Step): Record<string, unknown> {
  return {
    what: step.what,
    ...("config" in step && { config: step.config }),
    ...("group" in step && { group: step.group }),
    ...("fields" in step && { fields: step.fields }),
    ...("revision" in step && { revision: step.revision }),
  };
}
