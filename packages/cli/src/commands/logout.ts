import { hasCode, MusterError } from "@muster/core";
import { MusterClient } from "@muster/sdk";
import type { Credential } from "../credentials.ts";
import type { CommandFile } from "../program.ts";

export const addLogout: CommandFile = (program, bind) => {
  program
    .command("logout")
    .description("revoke what the login made and forget it")
    .action(
      bind(async (context) => {
        const server = await context.serverUrl();
        const credential = await context.credentials.find(server);
        if (!credential) throw new MusterError("not_found", `not logged in to ${server}`);
        const revoked = await revoke(server, credential);
        await context.credentials.remove(server);
        context.present({ server, revoked }, () => {
          context.terminal.line(`logged out of ${server}`);
          if (!revoked) context.terminal.note("the server was not told: what you used may still be valid there");
        });
      }),
    );
};

/** Forgetting must work without the server too; false when it could not be told. A token given by hand is left alone. */
async function revoke(baseUrl: string, credential: Credential): Promise<boolean> {
  const { token, tokenId, sessionCookie } = credential;
  try {
    if (sessionCookie !== undefined) await new MusterClient({ baseUrl, sessionCookie }).session.logout();
    if (token !== undefined && tokenId !== undefined) await new MusterClient({ baseUrl, token }).tokens.remove(tokenId);
    return true;
  } catch (error) {
    // what is not accepted any more needs no revoking
    return hasCode(error, "unauthenticated") || hasCode(error, "not_found");
  }
}
