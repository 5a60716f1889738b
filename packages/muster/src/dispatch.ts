import { runUp } from "./up.ts";
import { readVersion } from "./version.ts";

/** Sends a command line to the program it is for. Each is loaded only when it is asked for: `muster exec` never pays for the server. */
export async function dispatch(argv: readonly string[]): Promise<number> {
  const [word = "", ...rest] = argv;
  switch (word) {
    case "up":
      return runUp(rest);
    case "server": {
      const { runServer } = await import("@muster/server");
      return runServer({ argv: rest, environment: process.env, out: processOut });
    }
    case "db": {
      const { runDatabase } = await import("@muster/server");
      return runDatabase({ argv: rest, environment: process.env, out: processOut });
    }
    case "agent":
      return runAgentProcess(rest);
    case "-v":
    case "version":
      return runClient(["--version"]);
    default:
      return runClient(argv);
  }
}

const processOut = {
  text: (line: string) => void process.stdout.write(line),
  log: (line: string) => void process.stderr.write(line),
};

async function runClient(argv: readonly string[]): Promise<number> {
  const { processHost, runCli } = await import("@muster/cli");
  return runCli(processHost(readVersion()), argv);
}

/** Below `muster up` the agent also ends when the channel to its parent breaks: an orphan would fight its successor. */
async function runAgentProcess(argv: readonly string[]): Promise<number> {
  const { runAgent, saveMemory } = await import("@muster/agent");
  saveMemory();
  const invocation = { argv, environment: process.env, out: processOut };
  if (process.channel === undefined) return runAgent(invocation);
  const stop = new AbortController();
  for (const event of ["SIGTERM", "SIGINT", "disconnect"]) process.once(event, () => stop.abort());
  return runAgent({ ...invocation, signal: stop.signal });
}
