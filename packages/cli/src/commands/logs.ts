import { POINT_CATEGORIES, toIso } from "@muster/core";
import type { RecordItem } from "@muster/core/resources";
import { collectAll, type RecordQuery } from "@muster/sdk";
import { Option } from "commander";
import type { Context } from "../context.ts";
import type { CommandFile } from "../program.ts";
import { resolveAgent } from "../resolve.ts";
import { sanitizeLine } from "../terminal/sanitize.ts";
import { durationMs, positiveCount } from "../values.ts";

interface LogFlags {
  readonly agent?: string;
  readonly category: string;
  readonly source?: string;
  readonly status?: string;
  readonly grep?: string;
  readonly since?: number;
  readonly limit: number;
  readonly follow?: boolean;
}

const CATEGORIES = ["all", ...POINT_CATEGORIES.filter((category) => category !== "metric")];

export const addLogs: CommandFile = (program, bind) => {
  program
    .command("logs")
    .description("search and follow logs, events, objects and traces")
    .option("--agent <agent>", "only of this agent (id, name or hostname)")
    .addOption(new Option("--category <category>", "what kind").choices(CATEGORIES).default("logging"))
    .option("--source <name>", "only from this source (measurement)")
    .option("--status <status>", "only with this status, such as error")
    .option("--grep <text>", "only with this text in the message")
    .option("--since <duration>", "no older than this, such as 2h", durationMs)
    .option("--limit <n>", "at most so many, the newest ones", positiveCount, 100)
    .option("--follow", "go on with what arrives, until Ctrl-C")
    .action(bind<LogFlags>(showLogs));
};

async function showLogs(context: Context, { flags }: { flags: LogFlags }): Promise<void> {
  const client = await context.client();
  const agentId = flags.agent === undefined ? undefined : (await resolveAgent(client, flags.agent)).id;
  const query: RecordQuery = {
    ...(agentId !== undefined && { agentId }),
    ...(flags.category !== "all" && { category: flags.category }),
    ...(flags.source !== undefined && { measurement: flags.source }),
    ...(flags.status !== undefined && { status: flags.status }),
    ...(flags.grep !== undefined && { contains: flags.grep }),
  };
  const since = flags.since === undefined ? {} : { from: toIso(context.clock.now() - flags.since) };
  // before the list is read, so that nothing falls between it and what follows
  const { tailCursor: after } = await client.records.list({ ...query, limit: 1 });
  const newest = await collectAll(client.records.listAll({ ...query, ...since }), flags.limit);
  const seen = new Set(newest.map((record) => record.id));
  for (const record of newest.reverse()) print(context, record);
  if (!flags.follow) return;
  const left = new AbortController();
  const stop = context.host.onInterrupt(() => left.abort());
  try {
    for await (const record of client.records.follow(query, { after, signal: left.signal }))
      if (!seen.has(record.id)) print(context, record);
  } catch (error) {
    if (!left.signal.aborted) throw error;
  } finally {
    stop();
  }
}

/** One line of JSON per record, since a followed list has no end. */
function print(context: Context, record: RecordItem): void {
  const { terminal } = context;
  if (context.json) {
    terminal.json(record, 0);
    return;
  }
  const { style } = terminal;
  const status = record.status ?? "";
  const paint = /^(err|crit|fatal|alert|emerg)/.test(status)
    ? style.red
    : /^warn/.test(status)
      ? style.yellow
      : style.dim;
  const words = [style.dim(record.at), sanitizeLine(record.agentName), sanitizeLine(record.measurement)];
  if (status !== "") words.push(paint(sanitizeLine(status)));
  const message = record.message.split(/\r?\n/).map(sanitizeLine).join("\n    ");
  terminal.line(`${words.join(" ")} ${message}`);
}
