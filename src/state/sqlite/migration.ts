import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inTransaction, NewerFormatError, openSqlite, versionOf } from '../../clients/sqlite/sqlite.ts'
import type { Log } from '../../model/rule/action.ts'
import { CHECKPOINT_KEY, parseCheckpoint } from '../checkpoint/record.ts'
import { STATE_FORMAT } from './schema.ts'

/** Files of dead letters up to this version are taken over. */
const LAST_LETTERS_VERSION = 2
const BUSY_TIMEOUT_MS = 5_000

/**
 * Puts a state file in the place of a JSON checkpoint, which is kept as PATH.json. A kill at any moment leaves the old
 * file or the new one on the path, complete. Throws BINGO_CHECKPOINT_CORRUPT, …_AHEAD or …_FOREIGN, and changes nothing.
 */
export function migrateText(path: string, name: string, log: Log): void {
  const text = readFileSync(path, 'utf8').trimEnd()
  parseCheckpoint(text, name, `file:${path}`)
  const made = `${path}.migrating`
  for (const file of [made, `${made}-journal`]) rmSync(file, { force: true })
  const database = openSqlite(made, STATE_FORMAT, 'DELETE')
  database.prepare('INSERT INTO state VALUES (?, 1, ?)').run(CHECKPOINT_KEY, text)
  database.close()
  const kept = `${path}.json`
  rmSync(kept, { force: true })
  linkSync(path, kept)
  renameSync(made, path)
  syncFolder(dirname(path))
  log.info({ file: path, kept }, 'migrated the JSON checkpoint to a state file')
}

/** What is on the path is replaced by order of `bingo position set`. */
export function setAside(path: string, log: Log): void {
  const kept = `${path}.replaced-${new Date().toISOString().replaceAll(':', '')}`
  renameSync(path, kept)
  syncFolder(dirname(path))
  log.warn({ file: path, kept }, 'the file at the checkpoint path is not a checkpoint of this instance and was renamed')
}

/**
 * Where an older BinGo kept dead letters by default. It wrote `checkpoint.store` with this ending, also where that was a
 * folder, with or without a slash at its end.
 */
export function lettersBeside(path: string): readonly string[] {
  const folder = dirname(path)
  const inFolder = basename(path).endsWith('.checkpoint')
  const files = inFolder ? [`${path}.dead-letters`, join(folder, '.dead-letters'), `${folder}.dead-letters`] : []
  return (inFolder ? files : [`${path}.dead-letters`]).filter((file) => existsSync(file))
}

/**
 * Moves the dead letters of a file into the state file, in their order and in one transaction, which also notes the file:
 * one that was taken over, but not yet renamed when the process was killed, is not taken over twice.
 */
export function importLetters(database: DatabaseSync, file: string, log: Log): void {
  const { dev, ino } = statSync(file)
  const id = `${dev}:${ino}`
  const known = database.prepare('SELECT 1 FROM imported WHERE file = ?').get(id) !== undefined
  const count = known ? 0 : copyLetters(database, file, id)
  const kept = `${file}.migrated`
  renameSync(file, kept)
  syncFolder(dirname(file))
  log.info({ file, kept, count }, 'migrated the dead letters to the state file')
}

function copyLetters(database: DatabaseSync, file: string, id: string): number {
  foldLog(file)
  database.prepare('ATTACH DATABASE ? AS old').run(file)
  try {
    return inTransaction(database, () => {
      const columns = 'id, rule, schema_name, table_name, parked_key, created_at, bytes, body'
      const { changes } = database
        .prepare(`INSERT OR IGNORE INTO main.letters (${columns}) SELECT ${columns} FROM old.letters ORDER BY place`)
        .run()
      database.prepare('INSERT INTO imported VALUES (?, ?)').run(id, Date.now())
      return Number(changes)
    })
  } finally {
    database.exec('DETACH DATABASE old')
  }
}

/** Writes what stands in `-wal` into the file itself, so that it can be renamed. Fails while a process has it open. */
function foldLog(file: string): void {
  const old = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    if (versionOf(old) > LAST_LETTERS_VERSION) throw new NewerFormatError(file, versionOf(old), LAST_LETTERS_VERSION)
    // A file that was made, but not written to when the process was killed.
    old.exec('PRAGMA journal_mode = DELETE')
    old.exec(LETTERS_OF_VERSION_1)
  } finally {
    old.close()
  }
}

const LETTERS_OF_VERSION_1 = `CREATE TABLE IF NOT EXISTS letters (
  place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL, schema_name TEXT NOT NULL,
  table_name TEXT NOT NULL, parked_key TEXT, created_at INTEGER NOT NULL, bytes INTEGER NOT NULL, body TEXT NOT NULL) STRICT`

/** Makes a rename in this folder durable. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
