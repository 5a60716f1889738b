import { Argument } from "commander";
import { SHELLS } from "../completion/shells.ts";
import { readTree } from "../completion/tree.ts";
import { usageError } from "../failure.ts";
import type { CommandFile } from "../program.ts";

export const addCompletion: CommandFile = (program, bind) => {
  program
    .command("completion")
    .addArgument(new Argument("<shell>", "whose script").choices(Object.keys(SHELLS)))
    .description("print a completion script: source <(muster completion bash)")
    .action(
      bind(async (context, { args: [shell = ""] }) => {
        const script = SHELLS[shell];
        if (!script) throw usageError(`no completion for ${shell}`);
        context.terminal.write(script(readTree(program)));
      }),
    );
};
