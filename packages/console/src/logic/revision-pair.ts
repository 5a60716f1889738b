import type { InputRevision } from "@muster/core/resources";

/** A revision of anything. One that was refused never came to be. */
export interface Numbered {
  readonly revision: number;
  readonly outcome?: InputRevision["outcome"];
}

/** Two revisions beside each other; `before` is undefined for the first one, which is compared with nothing. */
export interface RevisionPair<Revision> {
  readonly before: Revision | undefined;
  readonly after: Revision;
}

/**
 * The pair that `?from=…&to=…` names. What makes no sense is the newest revision and what there was before it.
 * `revisions` are newest first.
 */
export function readPair<Revision extends Numbered>(
  revisions: readonly Revision[],
  parameters: URLSearchParams,
): RevisionPair<Revision> | undefined {
  const find = (name: string) => revisions.find(({ revision }) => String(revision) === parameters.get(name));
  const after = find("to") ?? revisions[0];
  if (!after) return undefined;
  return { before: find("from") ?? previousOf(revisions, after), after };
}

/** What there was before `revision`: the newest older one that was not refused. */
export function previousOf<Revision extends Numbered>(
  revisions: readonly Revision[],
  revision: Numbered,
): Revision | undefined {
  return revisions.find((older) => older.revision < revision.revision && older.outcome !== "refused");
}

/** A text that it makes sense to go back to: there is one, and it is not what the host has now. */
export function canGoBackTo(revision: InputRevision, revisions: readonly InputRevision[]): boolean {
  const current = revisions.find(({ outcome }) => outcome === "applied");
  return revision.toml !== "" && revision.toml !== current?.toml;
}

/** What was done, in words that can be translated; anything else is what somebody wrote. */
export type RevisionDeed =
  | { readonly kind: "added" | "changed" | "removed" | "enabled" | "disabled" }
  | { readonly kind: "rolledBack"; readonly revision: number }
  | { readonly kind: "said"; readonly message: string };

export function readDeed(message: string): RevisionDeed {
  switch (message) {
    case "added":
    case "changed":
    case "removed":
    case "enabled":
    case "disabled":
      return { kind: message };
  }
  const rolled = /^rolled back to (\d+)$/.exec(message);
  return rolled ? { kind: "rolledBack", revision: Number(rolled[1]) } : { kind: "said", message };
}
