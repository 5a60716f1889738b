import { type ErrorCode, MusterError, toMusterError } from "@muster/core";
import { rootCause } from "@muster/sdk";
import type { Context } from "./context.ts";
import { EXIT_BY_ERROR } from "./exit-codes.ts";
import { sanitizeLine } from "./terminal/sanitize.ts";

/** A mistake in how the command was called. */
export function usageError(message: string): MusterError {
  return new MusterError("invalid_argument", message);
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  unauthenticated: "log in with `muster login`, or set MUSTER_API_TOKEN",
  permission_denied: "your role does not allow it; `muster whoami` shows who you are",
  unavailable: "`muster doctor` finds where the way to the server breaks; --server names another one",
  invalid_argument: "add --help to see how the command is called",
};

/** Says what happened, why and what to try; answers the exit code. */
export function reportFailure(context: Context, thrown: unknown): number {
  const error = toMusterError(thrown);
  // what nobody foresaw is our own defect on the user's own machine: its text helps and hides nothing
  const message = error.code === "internal" && error.cause !== undefined ? rootCause(error) : error.message;
  if (context.json) {
    const { code, details } = error;
    context.terminal.note(JSON.stringify({ error: { code, message, details } }));
    return EXIT_BY_ERROR[code];
  }
  const style = context.terminal.errorStyle;
  context.terminal.setStatus("");
  context.terminal.note(`${style.red("muster:")} ${message.split("\n").map(sanitizeLine).join("\n")}`);
  if (typeof error.details.errorId === "string") {
    context.terminal.note(style.dim(`  in the server's log: ${sanitizeLine(error.details.errorId)}`));
  }
  const hint = findHint(error);
  if (hint !== undefined) context.terminal.note(style.dim(`  ${hint}`));
  return EXIT_BY_ERROR[error.code];
}

function findHint({ code, details }: MusterError): string | undefined {
  if (typeof details.hint === "string") return details.hint;
  if (details.reason === "offline")
    return "nothing waits for its return: try again when `muster agents` shows it online";
  if (details.reason === "lost") return "it may have been done all the same: look before you try again";
  return HINTS[code];
}
