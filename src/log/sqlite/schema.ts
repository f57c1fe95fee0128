import type { FileFormat } from '../../clients/sqlite/sqlite.ts'

/**
 * `events` has the newest state of each event but its progress, which is written behind the log: so a payload is written
 * once. `log` gives an event a place when it leaves for its rules; `schedule` has those that wait. `head` counts (see
 * Head in ../posting.ts), so that nothing is given twice and opening needs no look at the whole file.
 */
export const EVENTS_FORMAT: FileFormat = {
  version: 1,
  upgrade: `
CREATE TABLE head (
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
  seq INTEGER NOT NULL,
  place INTEGER NOT NULL,
  trimmed INTEGER NOT NULL,
  count INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, 0, 0, 0, 0);
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  place INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  environment TEXT NOT NULL,
  type TEXT NOT NULL,
  source TEXT NOT NULL,
  key TEXT,
  user_id TEXT,
  account_id TEXT,
  is_test INTEGER NOT NULL,
  envelope BLOB NOT NULL
) STRICT;
CREATE TABLE log (place INTEGER PRIMARY KEY, event INTEGER NOT NULL, appended_at INTEGER NOT NULL) STRICT;
CREATE TABLE schedule (due_at INTEGER NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (due_at, event)) STRICT, WITHOUT ROWID;
CREATE TABLE progress (event INTEGER PRIMARY KEY, status TEXT NOT NULL, data TEXT NOT NULL) STRICT;
CREATE INDEX progress_ended_badly ON progress (status, event) WHERE status IN ('failed', 'cancelled');
CREATE TABLE groups (name TEXT PRIMARY KEY, up_to INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE ahead (name TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (name, place)) STRICT, WITHOUT ROWID;`,
}
