import type { FileFormat } from '../../clients/sqlite/sqlite.ts'

/**
 * One file for all that an instance remembers. Version 1 had the table `letters` alone, version 2 its totals and a lease;
 * both held dead letters only; version 4 brought the waiting events, version 5 keys of those lines alone whose records are
 * asked for by key, version 6 blocks of waiting events, and the sagas. Counting 100,000 rows for each entry that is added
 * would take longer than adding it: triggers keep the totals.
 */
export const STATE_FORMAT: FileFormat = {
  version: 6,
  upgrade: `
CREATE TABLE IF NOT EXISTS letters (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  rule TEXT NOT NULL,
  schema_name TEXT NOT NULL,
  table_name TEXT NOT NULL,
  parked_key TEXT,
  created_at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS letters_parked ON letters (parked_key) WHERE parked_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS totals (count INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
DELETE FROM totals;
INSERT INTO totals SELECT count(*), coalesce(sum(bytes), 0) FROM letters;
CREATE TRIGGER IF NOT EXISTS letter_added AFTER INSERT ON letters BEGIN
  UPDATE totals SET count = count + 1, bytes = bytes + NEW.bytes;
END;
CREATE TRIGGER IF NOT EXISTS letter_removed AFTER DELETE ON letters BEGIN
  UPDATE totals SET count = count - 1, bytes = bytes - OLD.bytes;
END;
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, version INTEGER NOT NULL, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS leases (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until INTEGER NOT NULL,
  ttl INTEGER NOT NULL,
  released INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS owner (
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  started TEXT,
  nonce TEXT NOT NULL,
  touched_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS imported (file TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS waiting (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  line INTEGER NOT NULL,
  shape INTEGER NOT NULL,
  row_key TEXT NOT NULL,
  keyed INTEGER NOT NULL,
  base_ms INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  event TEXT NOT NULL,
  rest TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS waiting_line ON waiting (line, seq);
CREATE INDEX IF NOT EXISTS waiting_key ON waiting (line, row_key) WHERE keyed = 1;
CREATE TABLE IF NOT EXISTS waiting_blocks (
  first INTEGER PRIMARY KEY,
  line INTEGER NOT NULL,
  count INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  spans TEXT NOT NULL,
  heads TEXT NOT NULL,
  events TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS waiting_block_line ON waiting_blocks (line, first);
CREATE TABLE IF NOT EXISTS waiting_gone (
  block INTEGER PRIMARY KEY,
  places BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS waiting_ids (
  name TEXT NOT NULL,
  high INTEGER NOT NULL,
  low INTEGER NOT NULL,
  block INTEGER NOT NULL,
  PRIMARY KEY (name, high, block)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting_lines (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  count INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS waiting_shapes (
  id INTEGER PRIMARY KEY,
  line INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (line, body)
) STRICT;
CREATE TABLE IF NOT EXISTS waiting_keyed (line INTEGER PRIMARY KEY, complete INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO waiting_keyed SELECT DISTINCT line, 1 FROM waiting WHERE keyed = 1;
CREATE TABLE IF NOT EXISTS waiting_next (seq INTEGER NOT NULL) STRICT;
INSERT INTO waiting_next SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM waiting_next);
CREATE TABLE IF NOT EXISTS saga_instances (
  id INTEGER PRIMARY KEY,
  saga TEXT NOT NULL,
  key TEXT NOT NULL,
  version TEXT NOT NULL,
  status TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  due_at INTEGER,
  in_flight INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (saga, key)
) STRICT;
CREATE INDEX IF NOT EXISTS saga_due ON saga_instances (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS saga_in_flight ON saga_instances (id) WHERE in_flight = 1;
CREATE INDEX IF NOT EXISTS saga_ended ON saga_instances (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS saga_started ON saga_instances (started_at, id);
CREATE INDEX IF NOT EXISTS saga_status ON saga_instances (saga, status, started_at);
CREATE INDEX IF NOT EXISTS saga_version ON saga_instances (saga, version);
CREATE TABLE IF NOT EXISTS saga_totals (
  saga TEXT NOT NULL,
  status TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (saga, status)
) STRICT;
CREATE TRIGGER IF NOT EXISTS saga_added AFTER INSERT ON saga_instances BEGIN
  INSERT INTO saga_totals VALUES (NEW.saga, NEW.status, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER IF NOT EXISTS saga_removed AFTER DELETE ON saga_instances BEGIN
  UPDATE saga_totals SET count = count - 1 WHERE saga = OLD.saga AND status = OLD.status;
END;
CREATE TRIGGER IF NOT EXISTS saga_moved AFTER UPDATE OF status ON saga_instances WHEN OLD.status <> NEW.status BEGIN
  UPDATE saga_totals SET count = count - 1 WHERE saga = OLD.saga AND status = OLD.status;
  INSERT INTO saga_totals VALUES (NEW.saga, NEW.status, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TABLE IF NOT EXISTS saga_definitions (
  saga TEXT NOT NULL,
  version TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (saga, version)
) STRICT;
CREATE TABLE IF NOT EXISTS saga_leader (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), epoch INTEGER NOT NULL) STRICT;`,
}
