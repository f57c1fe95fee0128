import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import { inTransaction, openSqlite } from '../../../src/clients/sqlite.ts'
import { Checkpoints } from '../../../src/clients/sqlite-checkpoints.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-checkpoints-'))
afterAll(() => rmSync(folder, { recursive: true }))

const FORMAT = { version: 1, upgrade: 'CREATE TABLE notes (n INTEGER PRIMARY KEY, text BLOB);' }
const TEXT = Buffer.alloc(64_000, 'x')
let files = 0

function opened() {
  const path = join(folder, `${++files}.db`)
  const database = openSqlite(path, FORMAT)
  const insert = database.prepare('INSERT INTO notes (text) VALUES (?)')
  const checkpoints = new Checkpoints(database, path)
  /** Some 16 pages. */
  const write = (): void => {
    inTransaction(database, () => insert.run(TEXT))
    checkpoints.wrote(TEXT.length)
  }
  return { path, database, checkpoints, write }
}

const autocheckpoint = (database: DatabaseSync): unknown =>
  database.prepare('PRAGMA wal_autocheckpoint').get()!['wal_autocheckpoint']

test('what was written is copied into the file by a thread, and the log begins again, while writing goes on', async () => {
  const { path, database, checkpoints, write } = opened()
  const size = (): number => statSync(path).size
  expect(autocheckpoint(database)).toBe(1_000)
  const written = 1_200
  for (let i = 0; i < written; i++) {
    write()
    await new Promise((resolve) => setImmediate(resolve))
  }
  // 76 MB went through it.
  await expect.poll(() => (write(), size()), { timeout: 60_000 }).toBeGreaterThan((written * TEXT.length) / 2)
  expect(autocheckpoint(database)).toBe(0)
  await checkpoints.close()
  database.close()
  // The thread has no hold of the file any more: the last one to close it has removed the log.
  expect(statSync(`${path}-wal`, { throwIfNoEntry: false })).toBeUndefined()
  const again = new DatabaseSync(path)
  expect(again.prepare('SELECT count(*) AS n FROM notes').get()!['n']).toBeGreaterThanOrEqual(written)
  again.close()
})

test('nothing is started for little, and a thread that ends leaves the work to SQLite again', async () => {
  const { database, checkpoints, write } = opened()
  write()
  await checkpoints.close()
  expect(autocheckpoint(database)).toBe(1_000)
  const lost = new Checkpoints(database, join(folder, 'there', 'is', 'no', 'such', 'file'))
  for (let i = 0; i < 100; i++) lost.wrote(TEXT.length)
  await expect.poll(() => autocheckpoint(database), { timeout: 60_000 }).toBe(1_000)
  await lost.close()
  database.close()
})
