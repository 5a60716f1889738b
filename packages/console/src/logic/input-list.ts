import type { AvailableInput, Input, InputStatus } from "@muster/core/resources";

/** How an input is, for people: what it says of itself, and whether it works. */
export type InputHealth = InputStatus | "trouble";

/** A collector that runs and cannot collect is not well. */
export function healthOf(input: Pick<Input, "status" | "error">): InputHealth {
  return input.status === "running" && input.error !== null ? "trouble" : input.status;
}

const RANK: Readonly<Record<InputHealth, number>> = {
  failed: 0,
  fallback: 1,
  trouble: 2,
  pending: 3,
  running: 4,
  disabled: 5,
};

/** What needs a look first, then by name. */
export function sortInputs(inputs: readonly Input[]): Input[] {
  return [...inputs].sort(
    (left, right) =>
      RANK[healthOf(left)] - RANK[healthOf(right)] ||
      nameOf(left).localeCompare(nameOf(right)) ||
      (left.id < right.id ? -1 : 1),
  );
}

/** The collectors in it; a file that cannot be read has none and is called by its name. */
export function nameOf(input: Pick<Input, "inputs" | "file">): string {
  return input.inputs.length === 0 ? input.file : input.inputs.join(", ");
}

/** Where an input's page is. Names of foreign files have dots, which a server may take for one of its own files. */
export function pathOfInput(agentId: string, inputId: string): string {
  return `/agents/${encodeURIComponent(agentId)}/inputs/${encodeURIComponent(inputId).replaceAll(".", "%2E")}`;
}

export interface Catalog {
  readonly name: string;
  readonly items: readonly AvailableInput[];
}

/** Collectors that have every word of `wanted` in name, catalogue or summary, by catalogue; a name that begins with it first. */
export function searchCollectors(available: readonly AvailableInput[], wanted: string): Catalog[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const first = words[0] ?? "";
  const found = available.filter((item) => {
    const text = `${item.input} ${item.catalog} ${item.summary}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const rank = (item: AvailableInput) => (first !== "" && item.input.toLowerCase().startsWith(first) ? 0 : 1);
  found.sort(
    (left, right) =>
      rank(left) - rank(right) ||
      left.catalog.localeCompare(right.catalog) ||
      left.input.localeCompare(right.input) ||
      left.inputType.localeCompare(right.inputType),
  );
  const catalogs = new Map<string, AvailableInput[]>();
  for (const item of found) {
    const items = catalogs.get(item.catalog);
    if (items) items.push(item);
    else catalogs.set(item.catalog, [item]);
  }
  return [...catalogs].map(([name, items]) => ({ name, items }));
}
