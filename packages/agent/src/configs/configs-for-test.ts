import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@muster/core";
import { createLogger } from "../log.ts";
import { DEFAULT_POLICY } from "../policy.ts";
import { GivenConfigs, type GivenConfigsOptions } from "./given-configs.ts";

/** For tests: the configs of a host whose data folder this is. */
export function openConfigs(folder: string, more: Partial<GivenConfigsOptions> = {}): GivenConfigs {
  return GivenConfigs.open({
    dataDir: folder,
    folder: join(folder, "agent/configs"),
    origin: "native",
    hook: undefined,
    environment: { PATH: "/usr/bin:/bin", MUSTER_TOKEN: "tkn_secret" },
    loadPolicy: async () => DEFAULT_POLICY,
    onChange: () => {},
    clock: systemClock,
    log: createLogger({ level: "error", clock: systemClock, write: () => {} }),
    ...more,
  });
}

/** A program that is asked after each change. */
export function writeHook(folder: string, script: string): { readonly program: string; readonly timeoutMs: number } {
  const program = join(folder, "hook.sh");
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o700);
  return { program, timeoutMs: 10_000 };
}
