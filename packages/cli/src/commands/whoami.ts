import type { CommandFile } from "../program.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";

export const addWhoami: CommandFile = (program, bind) => {
  program
    .command("whoami")
    .description("show who you are to the server")
    .action(
      bind(async (context) => {
        const client = await context.client();
        const principal = await client.session.me();
        context.present({ server: client.baseUrl, ...principal }, () =>
          context.terminal.line(
            `${sanitizeLine(principal.name)} (${principal.kind}, ${principal.role ?? "no role"}) at ${client.baseUrl}`,
          ),
        );
      }),
    );
};
