import type { HostSample } from "@muster/core";
import type { RunnerListener } from "../commands/runner.ts";

/** The agent's end of a protocol: one connection at a time, kept for ever. Told what runs do, and what cannot be sent is its own concern. */
export interface AgentLink extends RunnerListener {
  /** Connects, and connects again, until `stop`. */
  start(): void;
  /** Says goodbye and stays away. */
  stop(): Promise<void>;
  /** True while everything may flow. */
  readonly isReady: boolean;
  /** Sends a beat with a reading, without one when the host's policy allows no metrics. Dropped while not connected. */
  beat(sample: HostSample | undefined): void;
  /** The inventory of inputs has changed. Whoever connects later is told it then. */
  tellInputs(): void;
  /** A config has come, gone or failed. Whoever connects later is told it then. */
  tellConfigs(): void;
}
