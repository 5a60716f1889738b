import { setFlagsFromString } from "node:v8";
import { newPassword, systemClock, toMusterError } from "@muster/core";
import {
  type ConfigInputs,
  describeServerSettings,
  readServerConfig,
  type ServerConfig,
  showServerConfig,
} from "./config.ts";
import { Access } from "./fleet/access.ts";
import { startServer } from "./main.ts";
import { openStore } from "./store/open.ts";

/** Where a program writes: answers, and everything else. */
export interface Output {
  text(line: string): void;
  log(line: string): void;
}

export interface ServerCommand extends ConfigInputs {
  readonly out: Output;
}

/** A process that does not stop in this time is ended. */
const STOP_WITHIN_MS = 10_000;

/** `muster server …`: runs until SIGTERM or SIGINT; answers the exit code: 2 for mistakes in the configuration. */
export async function runServer(command: ServerCommand): Promise<number> {
  const { argv, out } = command;
  if (argv.includes("--help") || argv.includes("-h")) {
    out.text(`${describeServerSettings()}\n`);
    return 0;
  }
  try {
    const config = readServerConfig(command);
    const [word, ...rest] = config.positionals;
    if (word === undefined) return await serve(command);
    if (word === "config" && rest.length === 0) {
      out.text(`${showServerConfig(config)}\n`);
      return 0;
    }
    if (word === "reset-password" && rest.length <= 1) return await resetPassword(config, rest[0] ?? "admin", out);
    out.log(`muster server: there is no "${[word, ...rest].join(" ")}"; see muster server --help\n`);
    return 2;
  } catch (error) {
    const { code, message, cause } = toMusterError(error);
    const shown = code === "internal" && cause instanceof Error ? `${message}: ${cause.message}` : message;
    out.log(`muster server: ${shown}\n`);
    return code === "invalid_argument" ? 2 : 1;
  }
}

async function serve({ argv, environment, out }: ServerCommand): Promise<number> {
  const stopped = waitForSignal();
  const server = await startServer({ argv, environment });
  keepYoungSpaceSmall();
  for (const url of server.urls) out.text(`listening on ${url}\n`);
  const { firstRun } = server;
  if (firstRun) {
    const { generated } = firstRun;
    if (generated.includes("password"))
      out.text(`first start: log in as ${firstRun.username} with ${firstRun.password} (shown once)\n`);
    if (generated.includes("apiToken"))
      out.text(`first start: API token for programs ${firstRun.apiToken} (shown once)\n`);
    if (generated.includes("enrollmentToken"))
      out.text(`first start: enrolment token for agents ${firstRun.enrollmentToken} (shown once)\n`);
  }
  await stopped;
  // a timer of its own: those of the clock keep no process alive, and nothing else may while it drains
  const timer = setTimeout(() => process.exit(1), STOP_WITHIN_MS - 500);
  await server.close();
  clearTimeout(timer);
  return 0;
}

/**
 * A storm of connects lets V8 grow the space for young objects to 128 MB, which it never gives back: more than ten thousand
 * agents take themselves. It stays at what the start left, some 16 MB.
 */
function keepYoungSpaceSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

async function resetPassword(config: ServerConfig, username: string, out: Output): Promise<number> {
  const store = openStore(config);
  try {
    await store.migrate();
    const access = await Access.open({ store, clock: systemClock });
    const password = newPassword();
    await access.resetPassword(username, password);
    await access.close();
    out.text(`the password of ${username} is now ${password} (shown once)\n`);
    return 0;
  } finally {
    await store.close();
  }
}

function waitForSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}
