import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeTempDir, type Scope } from "@muster/testing";
import { build } from "esbuild";

/** The agent as one minified file, made as `scripts/build.mjs agent` makes what ships. */
export async function bundleAgent(scope: Scope): Promise<string> {
  const outfile = join(await makeTempDir(scope), "agent.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("../../packages/agent/src/main.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22.18",
    minify: true,
    legalComments: "none",
    external: ["bufferutil", "utf-8-validate"],
    banner: {
      js: 'import { createRequire as __require } from "node:module"; const require = __require(import.meta.url);',
    },
    logLevel: "warning",
  });
  return outfile;
}
