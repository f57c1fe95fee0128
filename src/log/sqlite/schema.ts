import type { FileFormat } from '../../clients/sqlite.ts'

/**
 * A place is never given twice: `newest` remembers the last one when everything was trimmed (AUTOINCREMENT would write one
 * page more with each commit). An entry keeps its id unique while it is there; `trimmed_ids` remembers it for the rest of
 * the retention.
 */
export const LOG_FORMAT: FileFormat = {
  version: 1,
  upgrade: `
CREATE TABLE entries (
  place INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  key TEXT,
  source TEXT NOT NULL,
  at INTEGER NOT NULL,
  appended_at INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;
CREATE TABLE trimmed_ids (id TEXT PRIMARY KEY, place INTEGER NOT NULL, appended_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX trimmed_ids_age ON trimmed_ids (appended_at);
CREATE TABLE newest (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), place INTEGER NOT NULL) STRICT;
CREATE TABLE groups (name TEXT PRIMARY KEY, up_to INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE ahead (name TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (name, place)) STRICT, WITHOUT ROWID;`,
}
