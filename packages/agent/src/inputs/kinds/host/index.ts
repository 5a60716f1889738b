import type { CollectorKind } from "../../collector.ts";

/** What a host tells about itself. */
export const HOST_KINDS: readonly CollectorKind[] = [];
