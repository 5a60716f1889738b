import type { CollectorKind } from "../collector.ts";
import { HOST_KINDS } from "./host/index.ts";
import { SERVICE_KINDS } from "./service/index.ts";

/** Everything that this agent can collect. Names and aliases are unique in it. */
export const COLLECTOR_KINDS: readonly CollectorKind[] = [...HOST_KINDS, ...SERVICE_KINDS];
