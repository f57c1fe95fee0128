import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { IN_MEMORY, inTransaction, openSqlite } from '../../../src/clients/sqlite/sqlite.ts'
import { inDurableTransaction, inUnsyncedTransaction, WrittenLog } from '../../../src/clients/sqlite/durable.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-durable-'))
afterAll(() => rmSync(folder, { recursive: true }))

const FORMAT = { version: 1, upgrade: 'CREATE TABLE IF NOT EXISTS notes (n INTEGER PRIMARY KEY);' }
const FULL = 2
let files = 0

function opened(journal: 'WAL' | 'DELETE' = 'WAL'): { readonly path: string; readonly database: DatabaseSync } {
  const path = join(folder, `${++files}.db`)
  return { path, database: openSqlite(path, FORMAT, journal) }
}

const syncMode = (database: DatabaseSync): unknown => database.prepare('PRAGMA synchronous').get()!['synchronous']
const add = (database: DatabaseSync, n: number): unknown => database.prepare('INSERT INTO notes VALUES (?)').run(n)
const notes = (database: DatabaseSync): unknown[] =>
  database
    .prepare('SELECT n FROM notes ORDER BY n')
    .all()
    .map(({ n }) => n)

describe('a transaction whose sync is not waited for by the event loop', () => {
  test('does not sync within the commit, and whatever follows on the connection does again', async () => {
    const { path, database } = opened()
    const other = new DatabaseSync(path)
    let within: unknown
    await inDurableTransaction(database, () => {
      within = syncMode(database)
      add(database, 1)
    })
    expect([within, syncMode(database)]).toEqual([1, FULL])
    expect(notes(other)).toEqual([1])
    other.close()
    database.close()
  })

  test('answers what its work answers, and several may be in flight', async () => {
    const { database } = opened()
    const answers = Array.from({ length: 20 }, (_, n) =>
      inDurableTransaction(database, () => {
        add(database, n)
        return n
      }),
    )
    // Written at once: the sync alone is waited for.
    expect(notes(database)).toHaveLength(20)
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    database.close()
  })

  test('leaves nothing where its work fails, and the next one is synced within the commit', async () => {
    const { database } = opened()
    const failing = inDurableTransaction(database, () => {
      add(database, 1)
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect([notes(database), syncMode(database), database.isTransaction]).toEqual([[], FULL, false])
    database.close()
  })

  test('resolves where the file is closed meanwhile, which writes everything', async () => {
    const { path, database } = opened()
    const written = inDurableTransaction(database, () => add(database, 1))
    database.close()
    await written
    const again = new DatabaseSync(path)
    expect(notes(again)).toEqual([1])
    again.close()
  })

  test('keeps the locks of its connection: no other one writes in the middle of the next transaction', async () => {
    const { path, database } = opened()
    await inDurableTransaction(database, () => add(database, 1))
    const other = new DatabaseSync(path, { timeout: 0 })
    database.exec('BEGIN IMMEDIATE')
    expect(() => other.exec('BEGIN IMMEDIATE')).toThrow('database is locked')
    database.exec('ROLLBACK')
    other.close()
    database.close()
  })

  test.each([
    ['in memory', () => new DatabaseSync(IN_MEMORY)],
    ['in a file without a write-ahead log', () => opened('DELETE').database],
  ])('is an ordinary one %s', async (_where, open) => {
    const database = open()
    database.exec(FORMAT.upgrade)
    const modes: unknown[] = []
    const write = (n: number) => (): void => {
      modes.push(syncMode(database))
      add(database, n)
    }
    await inDurableTransaction(database, write(1))
    await inUnsyncedTransaction(database, write(2))
    expect([notes(database), modes]).toEqual([
      [1, 2],
      [FULL, FULL],
    ])
    database.close()
  })
})

test('a transaction that nobody needs after a loss of power is seen by others at once', async () => {
  const { path, database } = opened()
  const other = new DatabaseSync(path)
  await inUnsyncedTransaction(database, () => add(database, 1))
  expect([notes(other), syncMode(database)]).toEqual([[1], FULL])
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0)
  other.close()
  database.close()
})

describe('the write-ahead log of a connection that syncs it by itself', () => {
  test('makes its commits only write, and the locks of the connection outlive it', async () => {
    const { path, database } = opened()
    const log = WrittenLog.of(database)!
    expect(syncMode(database)).toBe(1)
    inTransaction(database, () => add(database, 1))
    await log.sync()
    database.exec('BEGIN IMMEDIATE')
    log.close()
    const other = new DatabaseSync(path, { timeout: 0 })
    expect(() => other.exec('BEGIN IMMEDIATE')).toThrow('database is locked')
    database.exec('ROLLBACK')
    expect(notes(other)).toEqual([1])
    other.close()
    database.close()
  })

  test('may be closed while it syncs', async () => {
    const { database } = opened()
    const log = WrittenLog.of(database)!
    inTransaction(database, () => add(database, 1))
    const synced = log.sync()
    log.close()
    database.close()
    await expect(synced).resolves.toBeUndefined()
  })

  test('is moved into the file where it is in doubt, and not while another connection reads what it holds', () => {
    const { path, database } = opened()
    const log = WrittenLog.of(database)!
    inTransaction(database, () => add(database, 1))
    log.moveIntoFile()
    const reader = new DatabaseSync(path)
    reader.exec('BEGIN')
    expect(notes(reader)).toEqual([1])
    inTransaction(database, () => add(database, 2))
    inTransaction(database, () => add(database, 3))
    expect(() => log.moveIntoFile()).toThrow('in use by another')
    reader.close()
    log.moveIntoFile()
    // What the file has without its log.
    copyFileSync(path, `${path}-alone`)
    const alone = new DatabaseSync(`${path}-alone`)
    expect(notes(alone)).toEqual([1, 2, 3])
    alone.close()
    log.close()
    database.close()
  })

  test.each([
    ['in memory', () => new DatabaseSync(IN_MEMORY)],
    ['in a file without one', () => opened('DELETE').database],
  ])('is none %s: commits sync there', (_where, open) => {
    const database = open()
    expect([WrittenLog.of(database), syncMode(database)]).toEqual([null, FULL])
    database.close()
  })
})
