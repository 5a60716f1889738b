import { formatDuration, systemClock, toMusterError } from "@muster/core";
import type { RunningServer } from "@muster/server";
import { createReadableLog } from "./readable-log.ts";
import { type Program, Supervisor } from "./supervisor.ts";
import { readVersion } from "./version.ts";
import { welcome } from "./welcome.ts";

const USAGE = `muster up [flags of muster server]

  Starts a server and an agent of this machine in one go. Every flag goes to the server (muster server --help);
  the agent keeps its own things in <data-dir>/agent and joins by itself.
`;

/** Variables that mean the agent when both programs run from one environment. The others are the server's. */
const AGENT_VARIABLES = ["MUSTER_ID", "MUSTER_NAME", "MUSTER_LABEL", "MUSTER_CLOUD_ID", "MUSTER_POLICY"];

/** A process that does not stop in this time is ended. */
const STOP_WITHIN_MS = 9500;

/** `muster up`: runs until SIGTERM or SIGINT; answers the exit code. */
export async function runUp(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const stopped = waitForSignal();
  let server: RunningServer;
  try {
    const { startServer } = await import("@muster/server");
    // the words to the newcomer are not to drown in the log; whoever wants it asks for it
    const environment = { MUSTER_LOG_LEVEL: "warn", ...process.env };
    const logTo = createReadableLog((text) => process.stderr.write(text));
    server = await startServer({ argv, environment, ...(process.stderr.isTTY && { logTo }) });
  } catch (error) {
    const { code, message } = toMusterError(error);
    process.stderr.write(`muster up: ${code === "internal" ? String(error) : message}\n`);
    return code === "invalid_argument" ? 2 : 1;
  }
  const agent = new Supervisor({ program: agentProgram(server), clock: systemClock, onExit: reportExit });
  agent.start();
  process.stdout.write(welcome({ version: readVersion(), url: server.baseUrl, firstRun: server.firstRun }));
  await stopped;
  const cancelForce = systemClock.after(STOP_WITHIN_MS, () => process.exit(1));
  await agent.stop();
  await server.close();
  cancelForce();
  return 0;
}

/** The same executable once more. The token travels in the environment, where `ps` does not show it. */
function agentProgram(server: RunningServer): Program {
  const { config, urls } = server;
  const [main = "", [url = ""]] = [process.argv[1], urls];
  const env: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith("MUSTER_") || AGENT_VARIABLES.includes(name)) env[name] = value;
  }
  const trust = config.tls ? ["--tls-ca", config.tls.certPath] : [];
  const place = ["--server", url, "--data-dir", config.dataDir];
  return {
    command: process.execPath,
    args: [main, "agent", ...place, ...trust, "--log-level", "warn"],
    env: { ...env, MUSTER_TOKEN: server.createLocalEnrollment() },
  };
}

function reportExit(how: string, restartInMs: number | null): void {
  const next = restartInMs === null ? "not started again" : `starting it again in ${formatDuration(restartInMs)}`;
  process.stderr.write(`muster up: the agent ended (${how}); ${next}\n`);
}

function waitForSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}
