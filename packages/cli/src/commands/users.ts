import { MusterError } from "@muster/core";
import type { Role, User } from "@muster/core/resources";
import { collectAll, type MusterClient } from "@muster/sdk";
import { Option } from "commander";
import type { Context } from "../context.ts";
import { usageError } from "../failure.ts";
import type { CommandFile } from "../program.ts";
import { askSecret, confirm, readSecretFromStdin } from "../prompt.ts";
import { formatAgo } from "../terminal/format.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { type Column, renderTable } from "../terminal/table.ts";

interface WriteFlags {
  readonly role?: Role;
  readonly passwordStdin?: boolean;
  readonly password?: boolean;
  readonly disable?: boolean;
  readonly enable?: boolean;
}

const roleOption = () => new Option("--role <role>", "what they may do").choices(["viewer", "operator", "admin"]);
const STDIN = "read the password from stdin instead of asking";

export const addUsers: CommandFile = (program, bind) => {
  const users = program.command("users").description("list, create, change and remove people who may log in");
  users
    .command("ls", { isDefault: true })
    .description("list people")
    .action(
      bind(async (context) => {
        const list = await collectAll((await context.client()).users.listAll());
        const columns = userColumns(context.clock.now());
        context.present(list, () => context.terminal.lines(renderTable(columns, list, context.terminal.width)));
      }),
    );
  users
    .command("create")
    .argument("<username>")
    .description("let somebody log in")
    .addOption(roleOption().default("viewer"))
    .option("--password-stdin", STDIN)
    .action(
      bind<WriteFlags>(async (context, { args: [username = ""], flags }) => {
        const client = await context.client();
        const password = await readNewPassword(context, username, flags);
        const user = await client.users.create({ username, password, role: flags.role ?? "viewer" });
        context.present(user, () => context.terminal.line(`created ${user.username} (${user.role})`));
      }),
    );
  users
    .command("set")
    .argument("<user>", "id or username")
    .description("change somebody's role or password, or lock them out")
    .addOption(roleOption())
    .option("--password", "ask for a new password")
    .option("--password-stdin", STDIN)
    .option("--disable", "lock them out")
    .option("--enable", "let them in again")
    .action(bind<WriteFlags>(changeUser));
  users
    .command("rm")
    .argument("<user>", "id or username")
    .description("remove somebody")
    .option("--yes", "do not ask")
    .action(
      bind<{ yes?: boolean }>(async (context, { args: [word = ""], flags }) => {
        const client = await context.client();
        const user = await resolveUser(client, word);
        if (!flags.yes) await confirm(context.host, `Remove ${sanitizeLine(user.username)}?`);
        await client.users.remove(user.id);
        context.present({ removed: user.id }, () => context.terminal.line(`removed ${sanitizeLine(user.username)}`));
      }),
    );
};

async function changeUser(
  context: Context,
  { args: [word = ""], flags }: { args: readonly string[]; flags: WriteFlags },
): Promise<void> {
  if (flags.disable && flags.enable) throw usageError("--disable and --enable exclude each other");
  const setsPassword = flags.password || flags.passwordStdin;
  if (!flags.role && !setsPassword && !flags.disable && !flags.enable) throw usageError("nothing to change was given");
  const client = await context.client();
  const user = await resolveUser(client, word);
  const changed = await client.users.update(user.id, {
    ...(flags.role && { role: flags.role }),
    ...((flags.disable || flags.enable) && { disabled: flags.disable ?? false }),
    ...(setsPassword && { password: await readNewPassword(context, user.username, flags) }),
  });
  context.present(changed, () =>
    context.terminal.line(`${changed.username}: ${changed.role}${changed.disabled ? ", locked out" : ""}`),
  );
}

async function readNewPassword(context: Context, username: string, flags: WriteFlags): Promise<string> {
  if (flags.passwordStdin) return readSecretFromStdin(context.host.stdin);
  const password = await askSecret(context.host, `New password of ${username}: `);
  if ((await askSecret(context.host, "Once more: ")) !== password) throw usageError("the two passwords differ");
  return password;
}

async function resolveUser(client: MusterClient, word: string): Promise<User> {
  for await (const user of client.users.listAll()) if (user.id === word || user.username === word) return user;
  throw new MusterError("not_found", `there is nobody called "${word}"`, { hint: "`muster users` lists them all" });
}

function userColumns(now: number): Column<User>[] {
  return [
    { title: "USERNAME", value: (user) => user.username, flexible: true },
    { title: "ROLE", value: (user) => user.role },
    { title: "STATE", value: (user) => (user.disabled ? "locked out" : "active") },
    { title: "LAST LOGIN", value: (user) => formatAgo(user.lastLoginAt, now) },
    { title: "ID", value: (user) => user.id },
  ];
}
