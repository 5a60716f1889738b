import { runServer } from "./server-command.ts";

export { runDatabase } from "./db-command.ts";
export { type RunningServer, type ServerInputs, startServer } from "./main.ts";
export { runServer };

/** The bundle is also a program: `node server.mjs [flags of muster server]`. */
if (import.meta.main) {
  const out = {
    text: (line: string) => void process.stdout.write(line),
    log: (line: string) => void process.stderr.write(line),
  };
  process.exitCode = await runServer({ argv: process.argv.slice(2), environment: process.env, out });
}
