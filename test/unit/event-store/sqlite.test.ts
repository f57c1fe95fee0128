import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { createEventStore } from '../../../src/event-store/create.ts'
import { all, describeEventStore, event } from '../../support/event-store/contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-event-store-'))
let files = 0
afterAll(() => rmSync(folder, { recursive: true }))

const newPath = (): string => join(folder, `${++files}`, 'events.db')
const APPENDER = fileURLToPath(new URL('../../support/event-store/appender.ts', import.meta.url))

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
    const path = newPath()
    for (const after of [1, 25, 60, 200, 400]) {
      const answered = await appendAndKill(path, after)
      await using store = createEventStore(`file:${path}`)
      const events = await all(store.readAll())
      const there = new Set(events.map(({ id }) => id))
      expect(answered.filter((id) => !there.has(`${id}-a`) || !there.has(`${id}-b`))).toEqual([])
      const halves = events.filter(({ id }) => !there.has(id.replace(/-[ab]$/, id.endsWith('a') ? '-b' : '-a')))
      expect(halves).toEqual([])
      for await (const { stream, version } of store.listStreams()) {
        const versions = (await all(store.readStream(stream))).map((each) => each.version)
        expect(versions).toEqual(Array.from({ length: version }, (_, i) => i + 1))
      }
    }
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

/** Starts a process that appends without end, kills it after so many answers, and says which appends were answered. */
async function appendAndKill(path: string, after: number): Promise<string[]> {
  const child = spawn(process.execPath, [APPENDER, `file:${path}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  const answered: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    answered.push(line)
    if (answered.length === after) child.kill('SIGKILL')
  }
  return answered
}
