import { dispatch } from "./dispatch.ts";

/** Runs one command line to its end; answers the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  // timers of the clock keep no process alive: one that drains, or waits for a server, may have nothing else
  const alive = setInterval(() => undefined, 2 ** 30);
  try {
    return await dispatch(argv);
  } finally {
    clearInterval(alive);
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
