import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { delay, MusterError, systemClock, toMusterError } from "@muster/core";
import { assertNoMistakes, describeSettings, resolveSettings, type Setting } from "@muster/core/settings";
import { readServerConfig } from "./config.ts";
import { ENGINE_SETTINGS, maskUrls, showDatabase, toDatabase } from "./config-engines.ts";
import { lockDataDir } from "./data-lock.ts";
import type { Output, ServerCommand } from "./server-command.ts";
import { copyDatabase } from "./store/copy.ts";
import { CopySource } from "./store/copy-source.ts";
import { readMigrations } from "./store/migrate.ts";
import { type DatabaseChoice, openStore } from "./store/open.ts";
import type { Store } from "./store/store.ts";

const COPY_SETTINGS = {
  from: { ...ENGINE_SETTINGS.database, doc: "the database of a stopped server, sqlite:<file>" },
  to: { ...ENGINE_SETTINGS.database, doc: "an empty database, postgres://…" },
} as const satisfies Record<string, Setting>;

const HELP = `muster db status | migrate | copy [flags]

  status   shows the version of the database, what is pending, and the rows of every table; takes the flags of muster server
  migrate  brings the database to this version, as a server does when it starts; takes the flags of muster server
  copy     copies a stopped installation from SQLite to PostgreSQL; when it is interrupted, the same call goes on

${describeSettings(COPY_SETTINGS)}
`;

/** Lines about the progress of one table are at least this far apart. */
const PROGRESS_MS = 1000;
/** A database that goes away in the middle of a copy is waited for this often. */
const COPY_ATTEMPTS = 30;
const COPY_RETRY_MS = 2000;

/** `muster db …`; answers the exit code: 2 for a wrong call. */
export async function runDatabase(command: ServerCommand): Promise<number> {
  const { argv, out } = command;
  const [verb = "--help", ...rest] = argv;
  if (argv.length === 0 || argv.includes("--help") || argv.includes("-h")) {
    out.text(HELP);
    return argv.length === 0 ? 2 : 0;
  }
  try {
    if (verb === "copy") return await copy({ ...command, argv: rest });
    if (verb !== "status" && verb !== "migrate") throw wrongCall(`there is no "${verb}"`);
    const config = readServerConfig({ ...command, argv: rest });
    if (config.positionals.length > 0) throw wrongCall(`"${config.positionals[0]}" is too much`);
    const { database } = config;
    if (verb === "status" && database.kind === "sqlite" && !existsSync(database.path))
      throw new MusterError("not_found", `there is no ${database.path}`);
    return await withStore(database, (store) =>
      verb === "status" ? showStatus(store, database, out) : migrate(store, out),
    );
  } catch (error) {
    const { code, message, cause } = toMusterError(error);
    const shown = code === "internal" && cause instanceof Error ? `${message}: ${cause.message}` : message;
    out.log(`muster db: ${maskUrls(shown)}\n`);
    return code === "invalid_argument" ? 2 : 1;
  }
}

async function migrate(store: Store, out: Output): Promise<number> {
  const done = await store.migrate();
  for (const name of done) out.text(`applied ${name}\n`);
  if (done.length === 0) out.text("nothing to do\n");
  return 0;
}

async function showStatus(store: Store, database: DatabaseChoice, out: Output): Promise<number> {
  const { applied, pending, unknown, isCopying } = await readMigrations(store.db, store.dialect);
  out.text(`database   ${showDatabase(database)}\n`);
  out.text(`version    ${applied.at(-1) ?? "empty"}\n`);
  out.text(`pending    ${pending.length === 0 ? "nothing" : pending.join(", ")}\n`);
  if (unknown.length > 0) out.text(`newer      ${unknown.join(", ")}: changed by a newer version of Muster\n`);
  if (isCopying) out.text("copy       unfinished: run `muster db copy` again\n");
  const tables = (await store.db.introspection.getTables()).map((table) => table.name).sort();
  const width = Math.max(...tables.map((name) => name.length), 0);
  for (const name of tables) out.text(`${name.padEnd(width)}  ${formatCount(await store.countRows(name))}\n`);
  return unknown.length > 0 || isCopying ? 1 : 0;
}

async function copy({ argv, environment, out }: ServerCommand): Promise<number> {
  const result = resolveSettings(COPY_SETTINGS, { argv, environment });
  assertNoMistakes(result);
  const [from, to] = (["from", "to"] as const).map((name) => result.settings.get(name)?.value as string | undefined);
  if (from === undefined || to === undefined || result.positionals.length > 0)
    throw wrongCall("copy takes --from sqlite:<file> and --to postgres://…");
  const [source, target] = [toDatabase(from), toDatabase(to)];
  if (source.kind !== "sqlite" || target.kind !== "postgres")
    throw wrongCall("copy goes from SQLite to PostgreSQL only");
  const opened = new CopySource(source.path);
  try {
    // also keeps a server from starting meanwhile where its data folder is the database's
    const unlock = lockDataDir(dirname(source.path));
    try {
      await withStore(target, (store) => copyPatiently(opened, store, out));
    } finally {
      unlock();
    }
  } finally {
    opened.close();
  }
  out.text(`done: ${showDatabase(target)} is ready for muster server --database\n`);
  return 0;
}

/** The target may restart in the middle: what is stored is stored, and the copy goes on behind it. */
async function copyPatiently(source: CopySource, store: Store, out: Output): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await copyDatabase(source, store, progress(out));
    } catch (error) {
      if (!store.dialect.isAway(error) || attempt >= COPY_ATTEMPTS) throw error;
      out.log(`${toMusterError(error).message}; trying again\n`);
      await delay(systemClock, COPY_RETRY_MS);
    }
  }
}

function progress(out: Output) {
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    onStart: (resumed: boolean) => out.text(resumed ? "going on with an unfinished copy\n" : "copying\n"),
    onRows(table: string, rows: number, total: number) {
      const now = performance.now();
      if (rows < total && now - toldAt < PROGRESS_MS) return;
      if (rows < total) toldAt = now;
      out.text(`  ${table}: ${formatCount(rows)} of ${formatCount(total)}\n`);
    },
    onVerified: (table: string, rows: number) =>
      out.text(`  ${table}: ${formatCount(rows)} rows are the same on both\n`),
  };
}

async function withStore<Result>(database: DatabaseChoice, work: (store: Store) => Promise<Result>): Promise<Result> {
  const store = openStore({ database, isPatient: true });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

function wrongCall(message: string): MusterError {
  return new MusterError("invalid_argument", `${message}; see muster db --help`);
}
