import { createReadStream, existsSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { MusterError } from "@muster/core";

/** Node itself is over 100 MB; this many hosts may fetch it at a time. */
const MAX_NODE_DOWNLOADS = 16;

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** A file on its way out. */
export interface FileDownload {
  readonly body: Readable;
  readonly bytes: number;
}

/** What hosts fetch from the server: the agent as one file, and this server's own Node. */
export class InstallFiles {
  readonly #cacheDir: string;
  #downloads = 0;
  #building: Promise<string> | undefined;

  constructor(cacheDir: string) {
    this.#cacheDir = cacheDir;
  }

  async openAgent(): Promise<FileDownload> {
    return open(await this.#findAgent());
  }

  async openNode(): Promise<FileDownload> {
    if (this.#downloads >= MAX_NODE_DOWNLOADS) {
      throw new MusterError("unavailable", "too many hosts fetch Node at once", { retryAfterMs: 10_000 });
    }
    this.#downloads += 1;
    const download = await open(process.execPath).catch((error: unknown) => {
      this.#downloads -= 1;
      throw error;
    });
    download.body.once("close", () => {
      this.#downloads -= 1;
    });
    return download;
  }

  /** Beside the server's bundle, or built once from the sources of a checkout. */
  async #findAgent(): Promise<string> {
    const shipped = join(HERE, "agent.mjs");
    if (existsSync(shipped)) return shipped;
    const source = join(HERE, "../../../agent/src/main.ts");
    if (!existsSync(source)) throw new MusterError("unavailable", "this server was installed without the agent");
    this.#building ??= this.#build(source);
    try {
      return await this.#building;
    } catch (error) {
      this.#building = undefined;
      throw new MusterError("unavailable", "the agent could not be bundled; run `npm run build`", {}, error);
    }
  }

  async #build(source: string): Promise<string> {
    // only a checkout has it, and only a checkout comes here: no bundle may try to include it
    const bundler = "esbuild";
    const { build } = (await import(bundler)) as typeof import("esbuild");
    const recipe = new URL("../../../../scripts/agent-bundle.mjs", import.meta.url).href;
    const { agentBundle } = (await import(recipe)) as { agentBundle: object };
    const outfile = join(this.#cacheDir, "agent.mjs");
    await mkdir(this.#cacheDir, { recursive: true });
    await build({
      entryPoints: [source],
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node22.18",
      minify: true,
      ...agentBundle,
      banner: {
        js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
      },
      logLevel: "silent",
    });
    return outfile;
  }
}

/** What `uname -s -m` says where this process's Node runs; empty where no Linux or macOS host can use it. */
export function hostOfThisNode(platform = process.platform, arch = process.arch): string {
  const systems: Partial<Record<NodeJS.Platform, string>> = { linux: "Linux", darwin: "Darwin" };
  const machines: Partial<Record<NodeJS.Architecture, string>> = {
    x64: "x86_64",
    arm64: platform === "darwin" ? "arm64" : "aarch64",
  };
  const system = systems[platform];
  const machine = machines[arch];
  return system && machine ? `${system} ${machine}` : "";
}

async function open(path: string): Promise<FileDownload> {
  const { size } = await stat(path);
  return { body: createReadStream(path), bytes: size };
}
