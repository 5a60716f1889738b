import { realpathSync } from "node:fs";
import { setInterval } from "node:timers";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { systemClock, toMusterError } from "@muster/core";
import { describeSettings, showSettings } from "@muster/core/settings";
import { type AgentTools, startAgent } from "./agent.ts";
import { AGENT_SETTINGS, loadAgentConfig } from "./config.ts";
import { createLogger } from "./log.ts";

/**
 * Call it first thing in a process that will only ever be an agent. V8's last optimising compiler costs 5 MB of resident
 * memory and gives nothing to a process that is idle; the quicker ones stay. And its young generation, which would grow
 * to 48 MB over days of small garbage, stays as small as it starts.
 */
export function saveMemory(): void {
  setFlagsFromString("--no-opt");
  setFlagsFromString("--semi-space-growth-factor=1");
}

export { type AgentTools, type RunningAgent, startAgent } from "./agent.ts";
export { createHostSampler, type HostSampler } from "./collectors/host-sampler.ts";
export { AGENT_SETTINGS, type AgentConfig, defaultDataDir, loadAgentConfig } from "./config.ts";
export { createLogger, type Logger } from "./log.ts";
export { AGENT_VERSION } from "./version.ts";

/** What the executable hands over. */
export interface AgentInvocation {
  /** The arguments after the word `agent`. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends the agent; without it SIGTERM and SIGINT do. */
  readonly signal?: AbortSignal;
  /** Takes whole lines: help and configuration on `text`, the log on `log`. */
  readonly out: { text(line: string): void; log(line: string): void };
}

/** Runs the agent until it is told to end. Returns the exit code: 0, 1 for a failure, 2 for a wrong configuration. */
export async function runAgent(invocation: AgentInvocation): Promise<number> {
  const { argv, environment, out } = invocation;
  if (argv.includes("--help") || argv.includes("-h")) {
    out.text(`${describeUsage()}\n`);
    return 0;
  }
  const loaded = await loadAgentConfig({ argv, environment });
  const [word, ...rest] = loaded.positionals;
  const mistakes = [...loaded.mistakes];
  if (rest.length > 0 || (word !== undefined && word !== "config")) {
    mistakes.push(`${loaded.positionals.join(" ")}: expected no arguments, or the word config`);
  }
  if (word === "config") out.text(`${showSettings(loaded.settings)}\n`);
  if (mistakes.length > 0) {
    out.log(`the configuration has mistakes:\n  ${mistakes.join("\n  ")}\n`);
    return 2;
  }
  if (word === "config") return 0;
  const { config } = loaded;
  const log = createLogger({ level: config.logLevel, clock: systemClock, write: out.log, secrets: [config.token] });
  return runUntilStopped({ config, clock: systemClock, log, random: Math.random, environment }, invocation.signal);
}

async function runUntilStopped(tools: AgentTools, signal: AbortSignal | undefined): Promise<number> {
  const stop = signal ? waitForAbort(signal) : waitForSignals();
  // timers of the clock do not keep a process alive, and while no server is there nothing else does
  const keepAlive = setInterval(() => {}, 2 ** 30);
  try {
    const agent = await startAgent(tools);
    const cause = await stop;
    tools.log.info("agent was told to stop", { cause });
    await agent.stop();
    return 0;
  } catch (thrown) {
    const error = toMusterError(thrown);
    const reason = error.code === "internal" ? String(thrown) : error.message;
    tools.log.error("agent could not run", { code: error.code, reason, ...error.details });
    return 1;
  } finally {
    clearInterval(keepAlive);
  }
}

function waitForAbort(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("abort");
    else signal.addEventListener("abort", () => resolve("abort"), { once: true });
  });
}

/** The first signal stops in order; a second one ends the process at once, as if nobody listened. */
function waitForSignals(): Promise<string> {
  return new Promise((resolve) => {
    const onSignal = (name: NodeJS.Signals) => {
      process.off("SIGTERM", onSignal);
      process.off("SIGINT", onSignal);
      resolve(name);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}

function describeUsage(): string {
  return [
    "Usage: muster agent --server <url> --token <token> [flags]",
    "       muster agent config [flags]   shows the configuration and where it comes from",
    "",
    describeSettings(AGENT_SETTINGS),
    "",
    "Every flag --a-b is also the variable MUSTER_A_B and the key a-b of muster.yaml (or of its part `agent:`).",
  ].join("\n");
}

/**
 * True when this file is the program and not a part of one: `node agent.mjs --server …`, as an install sets it up. The
 * name counts too, since in somebody else's bundle this code shares the address of that bundle.
 */
function isProgram(): boolean {
  const program = process.argv[1];
  try {
    if (program === undefined || !/[/\\](agent\.mjs|agent[/\\]src[/\\]main\.ts)$/.test(program)) return false;
    return realpathSync(program) === fileURLToPath(import.meta.url);
  } catch {
    return false;
  }
}

if (isProgram()) {
  saveMemory();
  const [, , ...words] = process.argv;
  const argv = words[0] === "agent" ? words.slice(1) : words; // the same line works for the whole executable
  const out = {
    text: (line: string) => void process.stdout.write(line),
    log: (line: string) => void process.stderr.write(line),
  };
  process.exitCode = await runAgent({ argv, environment: process.env, out });
}
