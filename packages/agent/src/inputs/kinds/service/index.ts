import type { CollectorKind } from "../../collector.ts";

/** What services on this host and elsewhere tell about themselves. */
export const SERVICE_KINDS: readonly CollectorKind[] = [];
