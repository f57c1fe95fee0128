import type { Migrations } from '../../clients/sql/migrate.ts'

/**
 * Events are never deleted, so SQLite's own row numbers count up, and a database file has one writer at a time: their
 * order is that of the commits.
 */
export const SQLITE_STORE: Migrations = {
  component: 'event_store',
  versions: [
    [
      `CREATE TABLE domain_events (
  global_position INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  event_type TEXT NOT NULL,
  source_service TEXT,
  aggregate_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  timestamp TEXT NOT NULL,
  correlation_id TEXT,
  causation_id TEXT,
  user_id TEXT,
  payload TEXT NOT NULL,
  UNIQUE (aggregate_id, version)
) STRICT`,
      `CREATE TABLE aggregate_snapshots (
  aggregate_id TEXT NOT NULL,
  schema_version INTEGER NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (aggregate_id, schema_version, version)
) STRICT, WITHOUT ROWID`,
    ],
  ],
}
