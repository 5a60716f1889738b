/** Columns of pg_stat_database (PostgreSQL, section 27.2.17), named as fields. Older versions lack some. */
export const DATABASE_FIELDS: Readonly<Record<string, string>> = {
  numbackends: "connected clients, a count",
  xact_commit: "transactions committed, a count",
  xact_rollback: "transactions rolled back, a count",
  blks_read: "blocks read from the disk, a count",
  blks_hit: "blocks found in shared memory, a count",
  tup_returned: "rows read, a count",
  tup_fetched: "rows fetched by queries, a count",
  tup_inserted: "rows inserted, a count",
  tup_updated: "rows updated, a count",
  tup_deleted: "rows deleted, a count",
  conflicts: "queries cancelled for recovery, a count",
  temp_files: "temporary files, a count",
  temp_bytes: "written to temporary files, bytes",
  deadlocks: "deadlocks, a count",
  checksum_failures: "blocks with a wrong checksum, a count",
  sessions: "sessions, a count",
  sessions_abandoned: "sessions whose client was lost, a count",
  sessions_fatal: "sessions that ended in an error, a count",
  sessions_killed: "sessions that an operator ended, a count",
};

/** Columns in milliseconds; as fields in seconds, under the same names. */
export const DATABASE_TIMES: Readonly<Record<string, string>> = {
  blk_read_time: "spent reading blocks; with track_io_timing, seconds",
  blk_write_time: "spent writing blocks; with track_io_timing, seconds",
  session_time: "length of all sessions, seconds",
  active_time: "spent running statements, seconds",
  idle_in_transaction_time: "spent idle inside a transaction, seconds",
};

/** Of pg_stat_bgwriter and, from version 17, pg_stat_checkpointer, under the names that it had before. */
export const BGWRITER_FIELDS: Readonly<Record<string, string>> = {
  checkpoints_timed: "checkpoints because it was time, a count",
  checkpoints_req: "checkpoints because somebody asked, a count",
  buffers_checkpoint: "buffers written at checkpoints, a count",
  buffers_clean: "buffers written by the background writer, a count",
  maxwritten_clean: "times that the background writer stopped for having written too much, a count",
  buffers_backend: "buffers that backends wrote themselves, a count; up to version 16",
  buffers_backend_fsync: "syncs that backends did themselves, a count; up to version 16",
  buffers_alloc: "buffers allocated, a count",
};

export const BGWRITER_TIMES: Readonly<Record<string, string>> = {
  checkpoint_write_time: "spent writing at checkpoints, seconds",
  checkpoint_sync_time: "spent syncing at checkpoints, seconds",
};

export const REPLICATION_FIELDS: Readonly<Record<string, string>> = {
  sent_lag_bytes: "written and not sent yet, bytes",
  write_lag_bytes: "sent and not written there yet, bytes",
  flush_lag_bytes: "sent and not on the disk there yet, bytes",
  replay_lag_bytes: "sent and not visible there yet, bytes",
};

export const REPLICATION_TIMES: Readonly<Record<string, string>> = {
  write_lag: "until written there, seconds",
  flush_lag: "until on the disk there, seconds",
  replay_lag: "until visible there, seconds",
};

export const TABLE_FIELDS: Readonly<Record<string, string>> = {
  total_size: "the table with indexes and large values, bytes",
  table_size: "the table alone, bytes",
  index_size: "its indexes, bytes",
  live_rows: "rows, as the statistics guess, a count",
  dead_rows: "rows that wait for vacuum, a count",
  seq_scan: "scans of the whole table, a count",
  idx_scan: "scans of its indexes, a count",
};
