import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Checkpoint } from '../../src/model/state/checkpoint.ts'
import type { DeadLetter } from '../../src/model/delivery/dead-letter.ts'
import { serialiseCheckpoint } from '../../src/state/checkpoint/record.ts'
import { serialiseLetter } from '../../src/state/dead-letters/letter.ts'

/** The schema of a file of dead letters as BinGo 0.1 wrote it (format 2). */
const LETTERS_FORMAT_2 = `
CREATE TABLE letters (
  place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL, schema_name TEXT NOT NULL,
  table_name TEXT NOT NULL, parked_key TEXT, created_at INTEGER NOT NULL, bytes INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX letters_parked ON letters (parked_key) WHERE parked_key IS NOT NULL;
CREATE TABLE totals (count INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
INSERT INTO totals VALUES (0, 0);
CREATE TRIGGER letter_added AFTER INSERT ON letters BEGIN
  UPDATE totals SET count = count + 1, bytes = bytes + NEW.bytes;
END;
CREATE TRIGGER letter_removed AFTER DELETE ON letters BEGIN
  UPDATE totals SET count = count - 1, bytes = bytes - OLD.bytes;
END;
CREATE TABLE lease (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), owner TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
PRAGMA user_version = 2;`

/** The JSON checkpoint of BinGo 0.1. */
export function writeOldCheckpoint(path: string, checkpoint: Checkpoint): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${serialiseCheckpoint(checkpoint)}\n`, { mode: 0o600 })
}

/** The dead letters of BinGo 0.1. Whoever calls closes the connection, or leaves it open as a process that is killed does. */
export function writeOldLetters(path: string, letters: readonly DeadLetter[]): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true })
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA journal_mode = WAL; ${LETTERS_FORMAT_2}`)
  const insert = database.prepare(
    'INSERT INTO letters (id, rule, schema_name, table_name, parked_key, created_at, bytes, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  for (const letter of letters) {
    const body = serialiseLetter(letter)
    const { schema, table } = letter.event
    const parked = letter.state === 'skip' ? null : `${letter.ruleId}\0${letter.rowKey}`
    insert.run(letter.id, letter.ruleId, schema, table, parked, letter.createdAt, Buffer.byteLength(body), body)
  }
  return database
}
