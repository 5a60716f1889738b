import { type ErrorDetails, MusterError } from "@muster/core";
import type { ConfigFormat } from "@muster/core/resources";

/** A group as a folder declares it. */
export interface DeclaredGroup {
  readonly name: string;
  readonly description: string;
  readonly selector: string | null;
  readonly tags: readonly { readonly name: string; readonly value: string }[];
  /** Ids or names of agents that belong to it by hand. */
  readonly agents: readonly string[];
  /** Undefined: it stays where it is, or comes behind all others. */
  readonly position: number | undefined;
}

/** A group that should have a config. */
export interface DeclaredAssignment {
  readonly group: string;
  /** Undefined: the newest one, which is the text of the folder. */
  readonly revision: number | undefined;
}

/** A config as a folder declares it. */
export interface DeclaredConfig {
  readonly name: string;
  readonly kind: string;
  /** Undefined: the one that it has, or the first that its kind knows. */
  readonly format: ConfigFormat | undefined;
  readonly description: string;
  readonly agentType: string;
  /** RFC 3339; null for never. */
  readonly expiresAt: string | null;
  /** Undefined: whoever has it keeps it. */
  readonly groups: readonly DeclaredAssignment[] | undefined;
  readonly text: string;
  /** The file that declares it, for messages. */
  readonly place: string;
}

/** What a folder declares; a part that it has no files for is undefined, and left alone. */
export interface Folder {
  readonly groups: readonly DeclaredGroup[] | undefined;
  readonly configs: readonly DeclaredConfig[] | undefined;
}

/**
 * A mistake in a folder. It is not an invalid_argument: exit code 2 says that a dry run has found something to do, and a
 * pipeline must not take a mistake for that.
 */
export function folderError(place: string, message: string, details: ErrorDetails = {}): MusterError {
  return new MusterError("failed_precondition", `${place}: ${message}`, { hint: "nothing was changed", ...details });
}
