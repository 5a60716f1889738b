import { MusterError } from "@muster/core";
import type { ConfigSecret } from "@muster/core/resources";
import type { Context } from "../context.ts";
import type { CommandFile } from "../program.ts";
import { askSecret, confirm } from "../prompt.ts";
import { formatAgo, plural } from "../terminal/format.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { type Column, renderTable } from "../terminal/table.ts";
import { readTextFile } from "../text-file.ts";

interface SetFlags {
  readonly file?: string;
  readonly description?: string;
}

export const addSecrets: CommandFile = (program, bind) => {
  const secrets = program.command("secrets").description("values that configs ask for and that nobody gets to see");
  secrets
    .command("list", { isDefault: true })
    .alias("ls")
    .description("list secrets, without their values")
    .action(
      bind(async (context) => {
        const list = await (await context.client()).secrets.list();
        const columns = secretColumns(context.clock.now());
        context.present(list, () => context.terminal.lines(renderTable(columns, list, context.terminal.width)));
      }),
    );
  secrets
    .command("set")
    .argument("<name>", "what texts call secret.NAME")
    .description("store a value; agents whose configs ask for it get them anew")
    .option("-f, --file <file>", "the value, without its last line end; default: stdin, or asked for on a terminal")
    .option("--description <text>", "what it is for")
    .action(
      bind<SetFlags>(async (context, { args: [name = ""], flags }) => {
        const value = await readValue(context, name, flags.file);
        const { description } = flags;
        const { revised } = await (await context.client()).secrets.set(name, {
          value,
          ...(description !== undefined && { description }),
        });
        context.present({ name, revised }, () =>
          context.terminal.line(`stored ${sanitizeLine(name)}; ${plural(revised.length, "config")} given anew`),
        );
      }),
    );
  secrets
    .command("remove")
    .alias("rm")
    .argument("<name>")
    .description("forget a value; refused while a config asks for it")
    .option("--yes", "do not ask")
    .action(
      bind<{ yes?: boolean }>(async (context, { args: [name = ""], flags }) => {
        if (!flags.yes) await confirm(context.host, `Forget the secret ${sanitizeLine(name)}?`);
        await (await context.client()).secrets.remove(name);
        context.present({ removed: name }, () => context.terminal.line(`removed ${sanitizeLine(name)}`));
      }),
    );
};

/** Never an argument: everybody on the host could read it in the list of processes, and the shell would remember it. */
async function readValue(context: Context, name: string, file: string | undefined): Promise<string> {
  const { host } = context;
  const value =
    file === undefined && host.stdin.isTTY
      ? await askSecret(host, `Value of ${sanitizeLine(name)}: `)
      : (await readTextFile(host, file ?? "-")).replace(/\r?\n$/, "");
  if (value === "") throw new MusterError("invalid_argument", "the value is empty");
  return value;
}

function secretColumns(now: number): Column<ConfigSecret>[] {
  return [
    { title: "NAME", value: (secret) => secret.name, flexible: true },
    { title: "CHANGED", value: (secret) => formatAgo(secret.updatedAt, now) },
    { title: "BY", value: (secret) => secret.updatedBy, flexible: true },
    { title: "USED BY", value: (secret) => secret.usedBy.join(", ") || "–", flexible: true },
    { title: "DESCRIPTION", value: (secret) => secret.description, flexible: true },
  ];
}
