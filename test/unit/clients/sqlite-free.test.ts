import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { whenFree } from '../../../src/clients/sqlite/free.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-sqlite-free-'))
const TIMEOUT_MS = 5_000
let files = 0
let database: DatabaseSync
/** Another process, as far as SQLite can tell. It is in this one, so what blocks the event loop waits for it in vain. */
let other: DatabaseSync

beforeEach(() => {
  const path = join(folder, `${++files}.db`)
  database = new DatabaseSync(path, { timeout: TIMEOUT_MS })
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER)')
  other = new DatabaseSync(path)
})
afterEach(() => {
  for (const each of [database, other]) each.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

const insert = (n: number) => () => database.exec(`INSERT INTO t VALUES (${n})`)
const rows = () =>
  database
    .prepare('SELECT n FROM t ORDER BY rowid')
    .all()
    .map(({ n }) => n)
const timeoutOf = (each: DatabaseSync) => each.prepare('PRAGMA busy_timeout').get()!['timeout']

test('what nobody holds up is done at once', async () => {
  const done = whenFree(database, insert(1))
  expect(rows()).toEqual([1])
  await done
  expect(timeoutOf(database)).toBe(TIMEOUT_MS)
})

test('the transaction of another process is waited for while everything else goes on', async () => {
  other.exec('BEGIN IMMEDIATE')
  const done = whenFree(database, insert(1))
  await delay(30)
  expect(rows()).toEqual([])
  other.exec('COMMIT')
  await done
  expect(rows()).toEqual([1])
  expect(timeoutOf(database)).toBe(TIMEOUT_MS)
})

test('what comes later does not overtake what waits, though the file is free by then', async () => {
  other.exec('BEGIN IMMEDIATE')
  const first = whenFree(database, insert(1))
  other.exec('COMMIT')
  const second = whenFree(database, insert(2))
  expect(rows()).toEqual([])
  await Promise.all([first, second])
  expect(rows()).toEqual([1, 2])
  const third = whenFree(database, insert(3))
  expect(rows()).toEqual([1, 2, 3])
  await third
})

test('after as long as the connection waits, the error is that of SQLite, and who waited behind gets one too', async () => {
  other.exec('BEGIN IMMEDIATE')
  let nowMs = 0
  const clock = {
    monotonicMs: () => nowMs,
    sleep: async (ms: number) => {
      expect(ms).toBeGreaterThan(0)
      nowMs += ms
    },
  }
  const locked = expect.objectContaining({ errcode: 5, message: 'database is locked' })
  const waiting = [1, 2].map((n) => whenFree(database, insert(n), clock))
  for (const each of waiting) await expect(each).rejects.toEqual(locked)
  expect(nowMs).toBe(TIMEOUT_MS)
  other.exec('COMMIT')
  await whenFree(database, insert(3), clock)
  expect(rows()).toEqual([3])
})

test('a connection that does not wait is not waited for', async () => {
  database.exec('PRAGMA busy_timeout = 0')
  other.exec('BEGIN IMMEDIATE')
  const locked = expect.objectContaining({ errcode: 5 })
  await expect(whenFree(database, insert(1))).rejects.toEqual(locked)
  expect(timeoutOf(database)).toBe(0)
})

test('any other error is the answer, and holds up nothing', async () => {
  const failing = whenFree(database, () => database.exec('INSERT INTO missing VALUES (1)'))
  await expect(failing).rejects.toThrow('no such table')
  other.exec('BEGIN IMMEDIATE')
  const later = whenFree(database, () => database.exec('INSERT INTO missing VALUES (2)'))
  const last = whenFree(database, insert(1))
  other.exec('COMMIT')
  await expect(later).rejects.toThrow('no such table')
  await last
  expect(rows()).toEqual([1])
})
