import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "@muster/core";
import { makeTempDir, onEnd, type Scope } from "@muster/testing";
import { openConfigs } from "../../configs/configs-for-test.ts";
import type { GivenConfigs, GivenConfigsOptions } from "../../configs/given-configs.ts";
import { createLogger } from "../../log.ts";
import { ConfigServerLink, type ConfigServerLinkOptions } from "./link.ts";

/** For tests: a running link, what it keeps, and what it complained about. */
export interface LinkUnderTest {
  readonly folder: string;
  readonly configs: GivenConfigs;
  readonly lines: string[];
  /** Name and text of everything in a folder of configs. */
  files(below?: string): Record<string, string>;
  stop(): Promise<void>;
}

export async function startLink(
  scope: Scope,
  options: Pick<ConfigServerLinkOptions, "generation" | "servers"> & {
    readonly folder?: string;
    readonly clock?: Clock;
    readonly configs?: Partial<GivenConfigsOptions>;
    readonly link?: Partial<ConfigServerLinkOptions>;
  },
): Promise<LinkUnderTest> {
  const { generation, servers, clock = systemClock } = options;
  const folder = options.folder ?? (await makeTempDir(scope));
  const lines: string[] = [];
  const log = createLogger({ level: "info", clock, write: (line) => lines.push(line) });
  const configs = openConfigs(folder, { origin: `configserver-${generation}`, log, clock, ...options.configs });
  const link = new ConfigServerLink({
    ...{ generation, servers, configs, clock, log },
    ...{ token: "", authorities: undefined, random: () => 0.5, onReady: () => {} },
    self: { id: "agent-1", name: "web-1", labels: { role: "web", region: "eu" }, capabilities: [] },
    ...{ reconnectMinMs: 20, reconnectMaxMs: 100, intervalMs: 60 },
    ...options.link,
  });
  link.start();
  const stop = async () => {
    await link.stop();
    await configs.stop();
  };
  onEnd(scope, stop);
  return {
    ...{ folder, configs, lines, stop },
    files: (below = "pipelines") => {
      const found: Record<string, string> = {};
      try {
        for (const entry of readdirSync(join(folder, below), { withFileTypes: true }))
          if (entry.isFile()) found[entry.name] = readFileSync(join(folder, below, entry.name), "utf8");
      } catch {
        // nothing was given yet
      }
      return found;
    },
  };
}
