import { Command, CommanderError } from "commander";
import { type CliHost, Context, type GlobalFlags } from "./context.ts";
import { reportFailure } from "./failure.ts";

/** What a command was called with: operands, and flags as commander names them. */
export interface Invocation<Flags> {
  readonly args: readonly string[];
  readonly flags: Flags;
}

/** Carries out a command; a number is the exit code, nothing means 0. */
export type Handler<Flags> = (
  context: Context,
  invocation: Invocation<Flags>,
) => Promise<number | undefined> | Promise<void>;

/** A noun or verb of the command line, added to the program by one file of `commands/`. */
export type CommandFile = (program: Command, bind: Bind) => void;

/** Makes a commander action of a handler. */
export type Bind = <Flags = Record<string, never>>(handler: Handler<Flags>) => (...params: unknown[]) => Promise<void>;

/** Runs one command line and answers its exit code. */
export async function runProgram(
  host: CliHost,
  argv: readonly string[],
  build: (program: Command, bind: Bind) => void,
): Promise<number> {
  let exitCode = 0;
  const bind: Bind =
    <Flags>(handler: Handler<Flags>) =>
    async (...params: unknown[]) => {
      const command = params.at(-1) as Command;
      const context = new Context(host, globalFlags(command));
      try {
        exitCode = (await handler(context, { args: command.args, flags: command.opts() as Flags })) ?? 0;
      } catch (error) {
        exitCode = reportFailure(context, error);
      }
    };
  const program = createProgram(host);
  build(program, bind);
  for (const command of program.commands) addGlobalFlags(command);
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // help and version end with 0; whatever else commander stops at is a mistake in the call
    return error.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}

function createProgram(host: CliHost): Command {
  const program = new Command("muster")
    .description("One control plane for every agent on your hosts.")
    .version(host.version, "-V, --version", "print the version")
    .exitOverride()
    .helpCommand(false)
    .enablePositionalOptions()
    .showHelpAfterError("(add --help to see how it is called)")
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      getOutHelpWidth: () => host.stdout.columns ?? 100,
      getErrHelpWidth: () => host.stderr.columns ?? 100,
    });
  return describeGlobalFlags(program);
}

function describeGlobalFlags(command: Command): Command {
  return command
    .optionsGroup("Flags of every command:")
    .option("--server <url>", "the server to ask (MUSTER_SERVER; default: the one logged in to last)")
    .option("--api-token <token>", "prove yourself with this token (MUSTER_API_TOKEN; default: from `muster login`)")
    .option("--json", "print JSON instead of text");
}

/** Before or after the verb, `--json` means the same: every command of the tree takes the flags of all. */
function addGlobalFlags(command: Command): void {
  command.enablePositionalOptions();
  describeGlobalFlags(command);
  for (const child of command.commands) addGlobalFlags(child);
}

/** The innermost word counts. */
function globalFlags(command: Command): GlobalFlags {
  const outer = command.parent ? globalFlags(command.parent) : {};
  return { ...outer, ...(command.opts() as GlobalFlags) };
}
