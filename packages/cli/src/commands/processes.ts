import { MusterError } from "@muster/core";
import type { CommandFile } from "../program.ts";

const PROCESSES: readonly (readonly [name: string, description: string])[] = [
  ["up", "start a server and an agent on this machine, in one go"],
  ["server", "start the server (muster server --help)"],
  ["db", "look at, migrate and copy the database (muster db --help)"],
  ["agent", "start the agent of this host (muster agent --help)"],
];

/** The parts that are the server and the agent themselves, for help and completion: the executable starts them before this program is loaded. */
export const addProcesses: CommandFile = (program, bind) => {
  for (const [name, description] of PROCESSES) {
    program
      .command(name)
      .description(description)
      .argument("[flags...]")
      .allowUnknownOption()
      .helpOption(false)
      .action(
        bind(async () => {
          throw new MusterError("unimplemented", `muster ${name} is started by the muster executable only`);
        }),
      );
  }
};
