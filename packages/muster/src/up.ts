import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatDuration, systemClock, toMusterError } from "@muster/core";
import { type Program, Supervisor } from "./supervisor.ts";
import { readVersion } from "./version.ts";
import { welcome } from "./welcome.ts";

const USAGE = `muster up [flags of muster server]

  Starts a server and an agent of this machine in one go. Every flag goes to the server (muster server --help);
  the agent keeps its own things in <data-dir>/agent and joins by itself.
`;

/** Variables that mean the agent when both programs run from one environment. The others are the server's. */
const AGENT_VARIABLES = ["MUSTER_ID", "MUSTER_NAME", "MUSTER_LABEL", "MUSTER_CLOUD_ID", "MUSTER_POLICY"];

/** `muster up`: runs until SIGTERM or SIGINT; answers the exit code. */
export async function runUp(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const stopped = waitForSignal();
  const { startServer } = await import("@muster/server");
  let server: Awaited<ReturnType<typeof startServer>>;
  try {
    server = await startServer({ argv, environment: process.env });
  } catch (error) {
    const { code, message } = toMusterError(error);
    process.stderr.write(`muster up: ${code === "internal" ? String(error) : message}\n`);
    return code === "invalid_argument" ? 2 : 1;
  }
  const [url = ""] = server.urls;
  const agent = new Supervisor({
    program: agentProgram(server.config.dataDir, { url, token: await server.createLocalEnrollment() }),
    clock: systemClock,
    onExit: (how, restartInMs) => {
      const next = restartInMs === null ? "not started again" : `starting it again in ${formatDuration(restartInMs)}`;
      process.stderr.write(`muster up: the agent ended (${how}); ${next}\n`);
    },
  });
  agent.start();
  process.stdout.write(welcome({ version: readVersion(), url, firstRun: server.firstRun }));
  await stopped;
  await agent.stop();
  await server.close();
  return 0;
}

/** The same executable once more. The token travels in the environment, where `ps` does not show it. */
function agentProgram(dataDir: string, join_: { url: string; token: string }): Program {
  const main = fileURLToPath(import.meta.resolve("./main.ts"));
  const env: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith("MUSTER_") || AGENT_VARIABLES.includes(name)) env[name] = value;
  }
  return {
    command: process.execPath,
    args: [main, "agent", "--server", join_.url, "--data-dir", join(dataDir, "agent"), "--log-level", "warn"],
    env: { ...env, MUSTER_TOKEN: join_.token },
  };
}

function waitForSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}
