import type { Migrations } from '../clients/sql/migrate.ts'
import type { SqlDialect } from '../clients/sql/session.ts'

const NAME = 'VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'

/**
 * The columns of the outbox that the daemon reads from the binlog too, and behind them those of who polls. `claimed_until`
 * and `due_at` are milliseconds since 1970 by the database's clock.
 */
const TABLES: Readonly<Record<SqlDialect, (table: string) => readonly string[]>> = {
  sqlite: (table) => [
    `CREATE TABLE IF NOT EXISTS ${table} (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  aggregate_id TEXT,
  event_type TEXT,
  topic TEXT NOT NULL,
  payload TEXT NOT NULL,
  headers TEXT,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  processed_at TEXT,
  retry_count INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  failed INTEGER NOT NULL DEFAULT 0,
  claimed_by TEXT,
  claimed_until INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL DEFAULT 0
) STRICT`,
    `CREATE INDEX IF NOT EXISTS ${table}_open ON ${table} (position) WHERE processed_at IS NULL AND failed = 0`,
    `CREATE INDEX IF NOT EXISTS ${table}_aggregates ON ${table} (aggregate_id, position)
  WHERE processed_at IS NULL AND failed = 0`,
    `CREATE INDEX IF NOT EXISTS ${table}_processed ON ${table} (processed_at)`,
  ],
  mysql: (table) => [
    `CREATE TABLE IF NOT EXISTS ${table} (
  position BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  id ${NAME} NOT NULL,
  aggregate_id ${NAME},
  event_type ${NAME},
  topic ${NAME} NOT NULL,
  payload JSON NOT NULL,
  headers JSON,
  created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  processed_at DATETIME(3),
  retry_count INT NOT NULL DEFAULT 0,
  last_error TEXT,
  failed TINYINT NOT NULL DEFAULT 0,
  claimed_by ${NAME},
  claimed_until BIGINT NOT NULL DEFAULT 0,
  due_at BIGINT NOT NULL DEFAULT 0,
  UNIQUE KEY id (id),
  KEY open_entries (processed_at, failed, position),
  KEY aggregates (aggregate_id, processed_at, failed, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  ],
  postgres: (table) => [
    `CREATE TABLE IF NOT EXISTS ${table} (
  position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  aggregate_id TEXT,
  event_type TEXT,
  topic TEXT NOT NULL,
  payload JSON NOT NULL,
  headers JSON,
  created_at TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  processed_at TIMESTAMPTZ(3),
  retry_count INT NOT NULL DEFAULT 0,
  last_error TEXT,
  failed INT NOT NULL DEFAULT 0,
  claimed_by TEXT,
  claimed_until BIGINT NOT NULL DEFAULT 0,
  due_at BIGINT NOT NULL DEFAULT 0
)`,
    `CREATE INDEX IF NOT EXISTS ${table}_open ON ${table} (position) WHERE processed_at IS NULL AND failed = 0`,
    `CREATE INDEX IF NOT EXISTS ${table}_aggregates ON ${table} (aggregate_id, position)
  WHERE processed_at IS NULL AND failed = 0`,
    `CREATE INDEX IF NOT EXISTS ${table}_processed ON ${table} (processed_at)`,
  ],
}

export function outboxTables(dialect: SqlDialect, table: string): Migrations {
  return { component: `outbox:${table}`, versions: [TABLES[dialect](table)] }
}
