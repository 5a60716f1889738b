/**
 * What an agent can do, whatever protocol it speaks. The fleet asks for these and never for a protocol's name.
 * - command: runs commands                      - journal: remembers what it started, so a command may be sent again
 * - output: streams output while a command runs - cancel: stops a command's whole process tree
 * - metrics: reports host metrics               - backfill: keeps samples until we say they are stored
 * - drain: obeys a reconnect delay             - inputs: its collectors are configured from here
 */
export const CAPABILITIES = [
  "command",
  "journal",
  "output",
  "cancel",
  "metrics",
  "backfill",
  "drain",
  "inputs",
] as const;

export type Capability = (typeof CAPABILITIES)[number];
