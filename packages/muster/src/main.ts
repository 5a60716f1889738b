import { dispatch } from "./dispatch.ts";

/** Runs one command line to its end; answers the exit code. */
export function main(argv: readonly string[]): Promise<number> {
  return dispatch(argv);
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
