/**
 * What an agent can do, whatever protocol it speaks. The fleet asks for these and never for a protocol's name.
 * - command: runs commands                      - journal: remembers what it started, so a command may be sent again
 * - output: streams output while a command runs - cancel: stops a command's whole process tree
 * - metrics: reports host metrics               - backfill: keeps samples until we say they are stored
 * - drain: obeys a reconnect delay             - inputs: its collectors are configured from here
 * - configs: keeps files that are given to it   - pipelines: runs pipelines of logs that are given to it
 * - settings: takes its own settings from here  - onetime: runs a pipeline once, until it expires
 * - verdict: says whether it could apply a config
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
  "configs",
  "pipelines",
  "settings",
  "onetime",
  "verdict",
] as const;

export type Capability = (typeof CAPABILITIES)[number];
