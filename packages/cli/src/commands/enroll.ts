import { toIso } from "@muster/core";
import type { EnrollmentToken } from "@muster/core/resources";
import { collectAll } from "@muster/sdk";
import type { CommandFile } from "../program.ts";
import { formatAgo } from "../terminal/format.ts";
import { type Column, renderTable } from "../terminal/table.ts";
import { durationMs } from "../values.ts";

interface CreateFlags {
  readonly name: string;
  readonly expires?: number;
}

export const addEnroll: CommandFile = (program, bind) => {
  const enroll = program.command("enroll").description("add hosts: make an enrolment token and print the line to copy");
  enroll
    .command("create", { isDefault: true })
    .description("create an enrolment token and print the lines that add a host")
    .option("--name <name>", "what it is for", "cli")
    .option("--expires <duration>", "until when hosts may join with it, such as 1h (default: forever)", durationMs)
    .action(
      bind<CreateFlags>(async (context, { flags }) => {
        const created = await (await context.client()).enrollmentTokens.create({
          name: flags.name,
          expiresAt: flags.expires === undefined ? null : toIso(context.clock.now() + flags.expires),
        });
        const { dim } = context.terminal.errorStyle;
        context.present(created, () => {
          context.terminal.note(dim("on the new host, as root:"));
          context.terminal.line(created.installLine);
          context.terminal.note(dim("or, where muster is installed already:"));
          context.terminal.line(created.agentLine);
        });
      }),
    );
  enroll
    .command("ls")
    .description("list enrolment tokens")
    .action(
      bind(async (context) => {
        const list = await collectAll((await context.client()).enrollmentTokens.listAll());
        const columns = enrollmentColumns(context.clock.now());
        context.present(list, () => context.terminal.lines(renderTable(columns, list, context.terminal.width)));
      }),
    );
  enroll
    .command("rm")
    .argument("<id>")
    .description("revoke an enrolment token: nobody joins with it any more")
    .action(
      bind(async (context, { args: [id = ""] }) => {
        await (await context.client()).enrollmentTokens.remove(id);
        context.present({ removed: id }, () => context.terminal.line(`revoked ${id}`));
      }),
    );
};

function enrollmentColumns(now: number): Column<EnrollmentToken>[] {
  return [
    { title: "NAME", value: (token) => token.name, flexible: true },
    { title: "TOKEN", value: (token) => `${token.hint}…` },
    { title: "AGENTS", value: (token) => String(token.agents), align: "right" },
    { title: "EXPIRES", value: (token) => token.expiresAt ?? "never" },
    { title: "USED", value: (token) => formatAgo(token.lastUsedAt, now) },
    { title: "BY", value: (token) => token.createdBy, flexible: true },
    { title: "ID", value: (token) => token.id },
  ];
}
