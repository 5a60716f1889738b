import type { Clock, HostSample } from "@muster/core";

/** Reads this host. `sample` is cheap and may be called at every beat; rates are since the call before. */
export interface HostSampler {
  /** Prepares what is measured at a slower pace; called once, before the first sample. */
  start(): Promise<void>;
  sample(): HostSample;
  stop(): void;
}

/** The sampler for this system: /proc where there is one, a library elsewhere (loaded only there). */
export async function createHostSampler(clock: Clock): Promise<HostSampler> {
  if (process.platform === "linux") {
    const { LinuxSampler } = await import("./linux-sampler.ts");
    return new LinuxSampler({ clock });
  }
  const { PortableSampler } = await import("./portable-sampler.ts");
  return new PortableSampler(clock);
}
