import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { createEventStore } from '../../../src/event-store/create.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { all, describeEventStore, event } from '../../support/event-store/contract.ts'
import { checkKills } from '../../support/event-store/kills.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-event-store-'))
let files = 0
afterAll(() => rmSync(folder, { recursive: true }))

const newPath = (): string => join(folder, `${++files}`, 'events.db')

describe('an event store in a file', () => {
  describeEventStore(async () => {
    const path = newPath()
    return () => createEventStore(`file:${path}`)
  })

  test('Nothing is opened before its first use, and the file is readable by its owner only', async () => {
    const path = newPath()
    await using store = createEventStore(`file:${path}`)
    expect(statSync(path, { throwIfNoEntry: false })).toBe(undefined)
    await store.appendToStream('a', [event(1)])
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  test('Tables are those that people know, beside tables of the application', async () => {
    const path = newPath()
    const store = createEventStore(`file://${path}`)
    await store.appendToStream('order-1', [event(1, { id: 'e-1' })])
    await store.close()
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 7; CREATE TABLE mine (id INTEGER)')
    const row = database.prepare('SELECT event_id, aggregate_id, version, payload FROM domain_events').get()
    expect({ ...row }).toEqual({ event_id: 'e-1', aggregate_id: 'order-1', version: 1, payload: '{"number":1}' })
    database.close()
    await using again = createEventStore(`file:${path}`)
    expect(await again.appendToStream('order-1', [event(2)])).toMatchObject({ nextExpectedVersion: 2 })
  })

  test('Appends wait for the transaction of another process, together, while everything else goes on', async () => {
    const path = newPath()
    await using store = createEventStore(`file:${path}`)
    await store.appendToStream('a', [event(1)])
    using other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const appends = Promise.all([2, 3, 4].map((number) => store.appendToStream('a', [event(number)])))
    await delay(30)
    other.exec('COMMIT')
    expect((await appends).map(({ nextExpectedVersion }) => nextExpectedVersion)).toEqual([2, 3, 4])
    expect((await all(store.readStream('a'))).map(({ version }) => version)).toEqual([1, 2, 3, 4])
  })

  test('Appends that waited as long as SQLite would fail together, and leave nothing', async () => {
    const path = newPath()
    let waitedMs = 0
    const clock = { ...systemClock, monotonicMs: () => waitedMs, sleep: async (ms: number) => void (waitedMs += ms) }
    await using store = createEventStore(`file:${path}`, { clock })
    await store.appendToStream('a', [event(1)])
    using other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const unreachable = expect.objectContaining({
      code: 'BINGO_STORE_UNREACHABLE',
      message: expect.stringContaining('database is locked'),
    })
    const appends = [2, 3].map((number) => store.appendToStream('a', [event(number)]))
    for (const append of appends) await expect(append).rejects.toEqual(unreachable)
    expect(waitedMs).toBe(5_000)
    other.exec('COMMIT')
    expect(await store.appendToStream('a', [event(4)], { expectedVersion: 1 })).toMatchObject({
      nextExpectedVersion: 2,
    })
  })

  test('Tables of a newer version are refused', async () => {
    const path = newPath()
    const store = createEventStore(`file:${path}`)
    await store.appendToStream('a', [event(1)])
    await store.close()
    const database = new DatabaseSync(path)
    database.exec('UPDATE bingo_migrations SET version = 99')
    database.close()
    await using again = createEventStore(`file:${path}`)
    await expect(again.streamExists('a')).rejects.toMatchObject({ code: 'BINGO_STORE_NEWER' })
  })

  test('A file that is no database is refused, and opened again when it is there', async () => {
    const path = join(folder, 'text.db')
    writeFileSync(path, 'This is not a database, and it is long enough to be read as one. '.repeat(40))
    await using store = createEventStore(`file:${path}`)
    await expect(store.streamExists('a')).rejects.toMatchObject({ code: 'BINGO_STORE_CORRUPT' })
    rmSync(path)
    expect(await store.streamExists('a')).toBe(false)
  })

  test('Where nothing is to be made, a missing file and a file without events are errors', async () => {
    const path = newPath()
    await using missing = createEventStore(`file:${path}`, { create: false })
    await expect(missing.streamExists('a')).rejects.toMatchObject({ code: 'BINGO_STORE_MISSING' })
    expect(statSync(path, { throwIfNoEntry: false })).toBe(undefined)
    const empty = join(folder, 'empty.db')
    new DatabaseSync(empty).close()
    await using other = createEventStore(`file:${empty}`, { create: false })
    await expect(other.streamExists('a')).rejects.toMatchObject({ code: 'BINGO_STORE_MISSING' })
  })

  test.each(['', 'events.db', 'file:', 'file://host', 'redis://localhost', 'mysql:/x'])(
    '%j is not an address',
    (url) => {
      expect(() => createEventStore(url)).toThrow(expect.objectContaining({ code: 'BINGO_STORE_URL_INVALID' }))
    },
  )

  test('Appends that were answered are there after kill -9, whole, and each stream without gaps', async () => {
    await checkKills(`file:${newPath()}`, [1, 25, 60, 200, 400])
  })
})

describe('an event store in memory', () => {
  test('keeps what it is given until it is closed, for tests', async () => {
    await using store = createEventStore('memory:')
    await store.appendToStream('a', [event(1)], { expectedVersion: 'no-stream' })
    expect(await all(store.readAll())).toHaveLength(1)
    await using other = createEventStore('memory:')
    expect(await other.streamExists('a')).toBe(false)
  })
})
