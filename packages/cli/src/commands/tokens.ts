import { toIso } from "@muster/core";
import type { ApiToken, Role } from "@muster/core/resources";
import { collectAll } from "@muster/sdk";
import { Option } from "commander";
import type { CommandFile } from "../program.ts";
import { formatAgo } from "../terminal/format.ts";
import { type Column, renderTable } from "../terminal/table.ts";
import { durationMs } from "../values.ts";

interface CreateFlags {
  readonly scope: Role;
  readonly expires?: number;
}

export const addTokens: CommandFile = (program, bind) => {
  const tokens = program.command("tokens").description("list, create and revoke API tokens of programs");
  tokens
    .command("ls", { isDefault: true })
    .description("list API tokens")
    .action(
      bind(async (context) => {
        const list = await collectAll((await context.client()).tokens.listAll());
        const columns = tokenColumns(context.clock.now());
        context.present(list, () => context.terminal.lines(renderTable(columns, list, context.terminal.width)));
      }),
    );
  tokens
    .command("create")
    .argument("<name>", "what it is for")
    .description("create an API token; its secret is printed once")
    .addOption(
      new Option("--scope <role>", "what it may do").choices(["viewer", "operator", "admin"]).default("viewer"),
    )
    .option("--expires <duration>", "until when it is valid, such as 90d (default: forever)", durationMs)
    .action(
      bind<CreateFlags>(async (context, { args, flags }) => {
        const created = await (await context.client()).tokens.create({
          name: args[0] ?? "",
          scopes: [flags.scope],
          expiresAt: flags.expires === undefined ? null : toIso(context.clock.now() + flags.expires),
        });
        context.present(created, () => {
          context.terminal.note(context.terminal.errorStyle.dim("shown once; it cannot be read again:"));
          context.terminal.line(created.token);
        });
      }),
    );
  tokens
    .command("rm")
    .argument("<id>")
    .description("revoke an API token")
    .action(
      bind(async (context, { args: [id = ""] }) => {
        await (await context.client()).tokens.remove(id);
        context.present({ removed: id }, () => context.terminal.line(`revoked ${id}`));
      }),
    );
};

function tokenColumns(now: number): Column<ApiToken>[] {
  return [
    { title: "NAME", value: (token) => token.name, flexible: true },
    { title: "TOKEN", value: (token) => `${token.hint}…` },
    { title: "SCOPES", value: (token) => token.scopes.join(",") },
    { title: "EXPIRES", value: (token) => token.expiresAt ?? "never" },
    { title: "USED", value: (token) => formatAgo(token.lastUsedAt, now) },
    { title: "BY", value: (token) => token.createdBy, flexible: true },
    { title: "ID", value: (token) => token.id },
  ];
}
