import { hostname } from "node:os";
import { hasCode, toIso } from "@muster/core";
import type { Principal } from "@muster/core/resources";
import { MusterClient } from "@muster/sdk";
import type { Context } from "../context.ts";
import type { Credential } from "../credentials.ts";
import { usageError } from "../failure.ts";
import type { CommandFile } from "../program.ts";
import { askLine, askSecret, readSecretFromStdin } from "../prompt.ts";

interface LoginFlags {
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly token?: string;
}

const TOKEN_DAYS = 90;
const DAY_MS = 86_400_000;

export const addLogin: CommandFile = (program, bind) => {
  program
    .command("login")
    .description("log in to a server and remember it")
    .option("--username <name>", "who you are (asked for when absent)")
    .option("--password-stdin", "read the password from stdin instead of asking")
    .option("--token <token>", "use this API token instead of a password")
    .action(
      bind<LoginFlags>(async (context, { flags }) => {
        const server = await context.serverUrl();
        const token = flags.token ?? context.givenToken;
        const { credential, principal } =
          token === undefined ? await loginAsPerson(context, server, flags) : await checkToken(server, token);
        await context.credentials.put(server, credential);
        context.present({ server, principal, path: context.credentials.path }, () => {
          context.terminal.line(`logged in to ${server} as ${principal.name} (${principal.role ?? "no role"})`);
          context.terminal.note(context.terminal.errorStyle.dim(`remembered in ${context.credentials.path}`));
        });
      }),
    );
};

interface Outcome {
  readonly credential: Credential;
  readonly principal: Principal;
}

async function checkToken(baseUrl: string, token: string): Promise<Outcome> {
  if (!token.startsWith("mst_")) throw usageError("an API token starts with mst_ (tkn_ is for agents)");
  const principal = await new MusterClient({ baseUrl, token }).session.me();
  return { credential: { username: principal.name, token }, principal };
}

async function loginAsPerson(context: Context, baseUrl: string, flags: LoginFlags): Promise<Outcome> {
  const username = flags.username ?? ((await askUsername(context, flags)) || "admin");
  const password = flags.passwordStdin
    ? await readSecretFromStdin(context.host.stdin)
    : await askSecret(context.host, `Password of ${username}: `);
  const { principal, sessionCookie } = await new MusterClient({ baseUrl }).session.login(username, password);
  if (sessionCookie === null) throw usageError(`${baseUrl} set no session cookie: is it a Muster server?`);
  return { credential: await obtainCredential({ context, baseUrl, username, sessionCookie, principal }), principal };
}

async function askUsername(context: Context, flags: LoginFlags): Promise<string> {
  if (flags.passwordStdin) throw usageError("--password-stdin needs --username");
  return (await askLine(context.host, "Username [admin]: ")).trim();
}

interface Session {
  readonly context: Context;
  readonly baseUrl: string;
  readonly username: string;
  readonly sessionCookie: string;
  readonly principal: Principal;
}

/**
 * A token of our own outlives the session and can be revoked by name. Only admins may make tokens; everybody else
 * keeps the session itself.
 */
async function obtainCredential(session: Session): Promise<Credential> {
  const { context, baseUrl, username, sessionCookie, principal } = session;
  const client = new MusterClient({ baseUrl, sessionCookie });
  if (principal.role !== "admin") return { username, sessionCookie };
  try {
    const created = await client.tokens.create({
      name: `cli of ${username} on ${hostname()}`.slice(0, 100),
      scopes: [principal.role],
      expiresAt: toIso(context.clock.now() + TOKEN_DAYS * DAY_MS),
    });
    await client.session.logout();
    return { username, token: created.token, tokenId: created.id };
  } catch (error) {
    if (hasCode(error, "permission_denied")) return { username, sessionCookie };
    throw error;
  }
}
