import type { AvailableInput } from "@muster/core/resources";

/** What this agent can collect: `COLLECTOR_KINDS` without loading it. documents.test.ts holds both equal. */
export const AVAILABLE_INPUTS: readonly AvailableInput[] = [];
