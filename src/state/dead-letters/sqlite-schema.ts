export const SCHEMA_VERSION = 2

/**
 * Counting 100,000 rows for each entry that is added would take longer than adding it: triggers keep the totals. Run on
 * a new file and on one of version 1, which had the table `letters` alone.
 */
export const SCHEMA = `
BEGIN IMMEDIATE;
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
CREATE TABLE IF NOT EXISTS lease (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), owner TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
PRAGMA user_version = ${SCHEMA_VERSION};
COMMIT;`
