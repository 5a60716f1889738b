import { createContext, Script } from "node:vm";

/**
 * Whether a stranger's text matches an operator's expression; "late" when that takes longer than `ms`. Even a plain
 * expression such as `status.*ok` takes minutes of a text that was made for it, and nothing else would run meanwhile.
 */
export function matchWithin(expression: RegExp, text: string, ms: number): boolean | "late" {
  try {
    return MATCH.runInContext(createContext({ expression, text }), { timeout: ms }) === true;
  } catch (error) {
    // an error of the context, which is none of ours
    if ((error as { code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return "late";
    throw error;
  }
}

const MATCH = new Script("expression.test(text)");
