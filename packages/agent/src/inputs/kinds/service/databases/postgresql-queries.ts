/** Version as a number, and what concerns the whole server. Times in seconds. */
export const SERVER = `
select current_setting('server_version_num') as version, current_setting('server_version') as server_version,
  current_setting('max_connections') as max_connections, pg_is_in_recovery() as is_replica,
  extract(epoch from now() - pg_postmaster_start_time())::float8 as uptime,
  case when pg_is_in_recovery() then extract(epoch from now() - pg_last_xact_replay_timestamp())::float8 end as replay_delay`;

/** Sizes only of databases that we may connect to: of others the server refuses to tell. */
export function databases(withSizes: boolean): string {
  const size = withSizes
    ? "case when has_database_privilege(d.oid, 'connect') then pg_database_size(d.oid) end"
    : "null::bigint";
  return `
select d.datname as db, s.*, ${size} as database_size
from pg_database d join pg_stat_database s on s.datid = d.oid
where d.datallowconn order by d.datname`;
}

export const BGWRITER = "select * from pg_stat_bgwriter";

export const BGWRITER_SINCE_17 = `
select c.num_timed as checkpoints_timed, c.num_requested as checkpoints_req, c.write_time as checkpoint_write_time,
  c.sync_time as checkpoint_sync_time, c.buffers_written as buffers_checkpoint, b.buffers_clean, b.maxwritten_clean,
  b.buffers_alloc
from pg_stat_checkpointer c, pg_stat_bgwriter b`;

/** Clients only: the server's own processes have no database. Ours is one of them. */
export const CONNECTIONS = `
select datname as db, coalesce(state, 'unknown') as state, count(*) as count,
  count(*) filter (where wait_event_type = 'Lock') as waiting,
  max(extract(epoch from clock_timestamp() - state_change))::float8 as longest
from pg_stat_activity where datname is not null group by 1, 2 order by 1, 2`;

export const REPLICATION = `
select application_name, client_addr::text as client, state, sync_state,
  pg_wal_lsn_diff(here, sent_lsn) as sent_lag_bytes, pg_wal_lsn_diff(sent_lsn, write_lsn) as write_lag_bytes,
  pg_wal_lsn_diff(sent_lsn, flush_lsn) as flush_lag_bytes, pg_wal_lsn_diff(sent_lsn, replay_lsn) as replay_lag_bytes,
  extract(epoch from write_lag)::float8 as write_lag, extract(epoch from flush_lag)::float8 as flush_lag,
  extract(epoch from replay_lag)::float8 as replay_lag
from pg_stat_replication,
  (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as here) h`;

export const SLOTS = `
select slot_name, slot_type, active, pg_wal_lsn_diff(here, restart_lsn) as retained_bytes
from pg_replication_slots,
  (select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as here) h`;

/** What servers before version 10 are asked, which have other names for all that. */
export const NO_ROWS = "select 1 where false";

/** The largest tables of the database that we are in. */
export function tables(limit: number): string {
  return `
select current_database() as db, s.schemaname as schema, s.relname as table, pg_total_relation_size(s.relid) as total_size,
  pg_relation_size(s.relid) as table_size, pg_indexes_size(s.relid) as index_size, s.n_live_tup as live_rows,
  s.n_dead_tup as dead_rows, s.seq_scan, s.idx_scan
from pg_stat_user_tables s order by 4 desc limit ${Math.trunc(limit)}`;
}
