import { join } from "node:path";
import { HOST_METRICS } from "@muster/core";
import { packRow } from "@muster/server/store/metric-row";
import { postgresDialect } from "@muster/server/store/postgres";
import { sqliteDialect } from "@muster/server/store/sqlite";
import { type PackedRow, Store } from "@muster/server/store/store";
import { ManualScope, makeTempDir, missingPostgres, startPostgres } from "@muster/testing";
import pg from "pg";
import { formatCount, formatMs, formatRatio, median, percentile } from "./support/numbers.ts";
import { copyRows, openRawSqlite } from "./support/raw-rows.ts";
import type { BenchContext, Suite } from "./support/suite.ts";

/** As many as the server writes in one transaction. */
const BATCH = 500;
const SETS = 2000;

type Write = (rows: readonly PackedRow[]) => Promise<void>;

interface Turn {
  readonly perSecond: number;
  readonly batchMs: readonly number[];
}

/** History written by our store, next to the quickest way of each database with nothing around it. */
export const metricRows: Suite = {
  title: "Rows of history, next to a raw prepared batch and a raw COPY",
  async run(context) {
    const rows = [...(await measureSqlite(context)), ...(await measurePostgres(context))];
    return {
      tables: [
        {
          title: `Transactions of ${BATCH} rows of ${HOST_METRICS.length} values, each on disk before the next`,
          columns: ["way", "rows/s", "ratio", "batch p50", "p99"],
          rows,
        },
      ],
      notes: [
        `Goal: at least 0.70. Medians of ${pairsOf(context)} interleaved pairs of ${batchesOf(context)} transactions; ratio: the median of the pairs' ratios. ${SETS} hosts in turn, the same tables, keys and foreign keys, files of their own.`,
        "Ours replaces a row that is there already (`on conflict`), the yardsticks only insert.",
      ],
    };
  },
};

async function measureSqlite(context: BenchContext): Promise<string[][]> {
  const folder = await makeTempDir(context.scope);
  const paths = [join(folder, "ours.db"), join(folder, "raw.db")];
  const [ours] = await Promise.all(paths.map((path) => prepare(new Store(sqliteDialect(path)))));
  if (!ours) throw new Error("no store");
  const raw = openRawSqlite(paths[1] ?? "");
  const turns = await takeTurns(context, { raw: raw.write, ours: writer(ours) });
  raw.close();
  context.say("SQLite measured");
  return tabulate("SQLite", "raw prepared batch", turns);
}

async function measurePostgres(context: BenchContext): Promise<string[][]> {
  if (missingPostgres() !== undefined) return [["PostgreSQL is not installed", "", "", "", ""]];
  const scope = new ManualScope();
  try {
    const url = (await startPostgres(scope)).url();
    const store = await prepare(new Store(postgresDialect(url)));
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(
      "create table raw_10s (set_number bigint references metric_sets (number), at bigint, packed bytea not null, primary key (set_number, at))",
    );
    const turns = await takeTurns(context, { raw: (rows) => copyRows(client, "raw_10s", rows), ours: writer(store) });
    await client.end();
    await store.close();
    context.say("PostgreSQL measured");
    return tabulate("PostgreSQL", "raw COPY", turns);
  } finally {
    await scope.close();
  }
}

function writer(store: Store): Write {
  return (rows) => store.transaction((queries) => store.dialect.upsertPacked(queries, "metric_10s", rows));
}

/** A migrated store with hosts to write for. */
async function prepare(store: Store): Promise<Store> {
  await store.migrate();
  const empty = { addresses: "[]", reported_labels: "{}", label_overrides: "{}", capabilities: "[]", connections: 0 };
  const state = { status: "offline", status_reason: "", status_at: 1, first_seen_at: 1, search: "" };
  for (let start = 0; start < SETS; start += 250) {
    const ids = Array.from({ length: 250 }, (_, index) => `host-${start + index}`);
    const agents = await store.db
      .insertInto("agents")
      .values(
        ids.map((id) => ({
          id,
          protocol: "node",
          external_id: id,
          name: id,
          hostname: id,
          sort_name: id,
          ...empty,
          ...state,
        })),
      )
      .returning("number")
      .execute();
    await store.db
      .insertInto("metric_sets")
      .values(agents.map((agent) => ({ agent_number: agent.number, name: "host", labels: "{}", fields: "[]" })))
      .execute();
  }
  return store;
}

async function takeTurns(context: BenchContext, ways: { raw: Write; ours: Write }) {
  const turns = { raw: [] as Turn[], ours: [] as Turn[] };
  const names = ["raw", "ours"] as const;
  for (let pair = 0; pair <= pairsOf(context); pair++) {
    for (const name of pair % 2 === 0 ? names : names.toReversed()) {
      const turn = await measure(ways[name], pair * batchesOf(context), batchesOf(context));
      if (pair > 0) turns[name].push(turn); // the first warms up
    }
  }
  return turns;
}

async function measure(write: Write, first: number, count: number): Promise<Turn> {
  const batches = Array.from({ length: count }, (_, index) => makeBatch(first + index));
  const batchMs: number[] = [];
  const startedAt = performance.now();
  for (const batch of batches) {
    const began = performance.now();
    await write(batch);
    batchMs.push(performance.now() - began);
  }
  return { perSecond: (count * BATCH) / ((performance.now() - startedAt) / 1000), batchMs };
}

/** Rows as they come: each host's next step, hosts in turn. */
function makeBatch(serial: number): PackedRow[] {
  return Array.from({ length: BATCH }, (_, index) => {
    const position = serial * BATCH + index;
    const avg = Float64Array.from(HOST_METRICS, (_metric, field) => (position * 31 + field * 7) / 1000);
    const min = avg.map((value) => value * 0.9);
    const max = avg.map((value) => value * 1.1);
    const at = 1_764_000_000_000 + Math.floor(position / SETS) * 10_000;
    return { set_number: (position % SETS) + 1, at, packed: packRow({ count: 3, avg, min, max }) };
  });
}

function tabulate(database: string, yardstick: string, turns: { raw: Turn[]; ours: Turn[] }): string[][] {
  const ratios = turns.ours.map((turn, index) => turn.perSecond / (turns.raw[index]?.perSecond ?? Number.NaN));
  const row = (name: string, side: readonly Turn[], ratio: string) => {
    const batches = side.flatMap((turn) => turn.batchMs);
    const rate = formatCount(median(side.map((turn) => turn.perSecond)));
    return [`${database}, ${name}`, rate, ratio, formatMs(median(batches)), formatMs(percentile(batches, 0.99))];
  };
  return [row(yardstick, turns.raw, "1.00"), row("our store", turns.ours, formatRatio(median(ratios)))];
}

const pairsOf = (context: BenchContext) => (context.quick ? 1 : 7);
const batchesOf = (context: BenchContext) => (context.quick ? 4 : 60);
