import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { WrittenLog } from '../../../src/clients/sqlite/durable.ts'
import { runCommand } from '../../../src/demo/servers/command.ts'
import { MemoryEventProvider } from '../../../src/log/memory/event-provider.ts'
import { EventTables } from '../../../src/log/sqlite/event-tables.ts'
import { SqliteEventProvider } from '../../../src/log/sqlite/event-provider.ts'
import type { LogEntry } from '../../../src/model/state/event-log.ts'
import { checkKept, PostingProcess } from '../../support/events/kills.ts'
import { describeLog } from '../../support/events/log-contract.ts'
import { entriesOf, ids, newEvent, newEvents, NOW, placesOf, post } from '../../support/events/new-event.ts'
import type { ProviderSetup } from '../../support/events/new-event.ts'
import { documentedPromises, measurePromises } from '../../support/events/promises.ts'
import { fileStore, MEMORY } from '../../support/events/tested-stores.ts'
import { describeIndex, describePosting, describeRetention } from '../../support/events/provider-contract.ts'

const ROOMY = { maxEvents: 1e9, maxBytes: 1e12, idRetentionMs: 604_800_000 }
const folder = mkdtempSync(join(tmpdir(), 'bingo-log-'))
const opened: SqliteEventProvider[] = []
let files = 0

afterEach(async () => {
  for (const provider of opened.splice(0)) await provider.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

const newPath = (): string => join(folder, `${++files}`, 'events')

function open(path: string, { now = () => Date.now(), ...setup }: ProviderSetup = {}): SqliteEventProvider {
  const provider = new SqliteEventProvider({ path, ...ROOMY, ...setup, clock: { now } })
  opened.push(provider)
  return provider
}

/** The next sync of a file waits. */
function holdSync(): { readonly reached: Promise<void>; goOn(): void } {
  const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { sync } = EventTables.prototype
  const spy = vi.spyOn(EventTables.prototype, 'sync').mockImplementationOnce(async function (this: EventTables) {
    reached.resolve()
    await go.promise
    await sync.call(this)
  })
  onTestFinished(() => spy.mockRestore())
  return { reached: reached.promise, goOn: go.resolve }
}

/** The first entry behind the one of this event, when it comes. */
async function nextEntry(provider: SqliteEventProvider, id: string): Promise<LogEntry> {
  const from = (await entriesOf(provider)).find((entry) => entry.id === id)!.place
  const { signal } = new AbortController()
  for await (const entry of provider.log.read(from, { signal })) return entry
  throw new Error('the log ended')
}

describe('events in memory', () => {
  const openMemory = async (setup: ProviderSetup = {}) => new MemoryEventProvider({ ...ROOMY, ...setup })
  describeLog(openMemory)
  describePosting(openMemory)
  describeIndex(openMemory)

  test('docs/event-stores.md says what it promises', async () => {
    expect(await measurePromises(MEMORY)).toEqual(documentedPromises('memory'))
  })

  test('what has ended makes room, and its id is forgotten then', async () => {
    const provider = await openMemory({ maxEvents: 10 })
    await post(provider, newEvents(0, 10))
    await entriesOf(provider, null, { group: 'g' })
    await provider.log.ack('g', (await placesOf(provider)).slice(0, 5))
    const ended = [0, 1, 2, 7].map((id) => ({ environment: 'default', id: String(id) }))
    await provider.progress(ended.map((each) => ({ ...each, at: NOW, status: 'completed' as const })))
    await post(provider, newEvents(10, 13))
    await expect(post(provider, [newEvent(13)])).rejects.toMatchObject({ code: 'BINGO_LOG_FULL' })
    expect(ids((await provider.list({ limit: 20 })).events)).toEqual('12 11 10 9 8 7 6 5 4 3'.split(' '))
  })
})

describe('events in a file', () => {
  const openFile = async (setup?: ProviderSetup) => open(newPath(), setup)
  describeLog(openFile)
  describePosting(openFile)
  describeIndex(openFile)
  describeRetention(openFile)

  test('docs/event-stores.md says what it promises', async () => {
    expect(await measurePromises(fileStore(folder))).toEqual(documentedPromises('SQLite'))
  })

  test('is readable by its owner only, and says that what is answered is on disk', async () => {
    const path = newPath()
    const provider = open(path)
    await post(provider, [newEvent(1)])
    for (const file of [path, `${path}-wal`, `${path}-lock`]) expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(provider.can).toMatchObject({ durability: 'fsync', survivesKill: true, idRetentionMs: ROOMY.idRetentionMs })
  })

  test('a reader at the end of the log gets what the file has, whatever becomes of what was posted', async () => {
    const path = newPath()
    const provider = open(path)
    const text = { text: 'as posted' }
    await post(provider, [newEvent(1, { payload: text }), newEvent(2, { deliverAt: NOW + 60_000 }), newEvent(3)])
    text.text = 'changed since'
    const atEnd = await entriesOf(provider)
    await provider.close()
    expect(atEnd.map(({ event }) => event?.payload)).toEqual([{ text: 'as posted' }, newEvent(3).event.payload])
    const fromFile = await entriesOf(open(path))
    const plain = (entries: typeof atEnd) =>
      entries.map((entry) => ({ ...entry, payload: Buffer.from(entry.payload).toString() }))
    expect(plain(fromFile)).toEqual(plain(atEnd))
  })

  test('a reader that is behind gets every entry once and in order, from the file and then from memory', async () => {
    const provider = open(newPath())
    const payload = { text: 'x'.repeat(100_000) }
    for (let id = 0; id < 60; id++) await post(provider, [newEvent(id, { payload })])
    await provider.replay({ environment: 'default', id: '3' }, NOW)
    await post(provider, newEvents(60, 63))
    expect(ids(await entriesOf(provider))).toEqual([...Array(60).keys(), 3, 60, 61, 62].map(String))
  })

  test('the first progress of an event that was replayed before keeps that it was', async () => {
    const provider = open(newPath())
    const name = { environment: 'default', id: '1' }
    await post(provider, [newEvent(1)])
    await provider.replay(name, NOW)
    await provider.progress([{ ...name, at: NOW, status: 'completed' }])
    expect(await provider.get(name)).toMatchObject({ status: 'completed', retryCount: 1 })
  })

  test('belongs to one process at a time', async () => {
    const path = newPath()
    const first = open(path)
    await post(first, [newEvent(1)])
    const second = open(path)
    await expect(post(second, [newEvent(2)])).rejects.toMatchObject({ code: 'BINGO_LOG_LOCKED', retryable: true })
    await first.close()
    await post(second, [newEvent(2)])
    expect(ids(await entriesOf(second))).toEqual(['1', '2'])
  })

  test('resumes where it was after it was closed: entries, groups, ids, times and bounds', async () => {
    const path = newPath()
    const first = open(path)
    await post(first, [...newEvents(1, 4), newEvent('waits', { deliverAt: NOW + 10_000 })])
    await entriesOf(first, null, { group: 'g' })
    const places = await placesOf(first)
    await first.log.ack('g', [places[0]!, places[2]!])
    await first.log.trim(places[1]!)
    await first.close()
    const again = open(path, { maxEvents: 5 })
    expect(ids(await entriesOf(again, null, { group: 'g' }))).toEqual(['2'])
    expect(await post(again, [newEvent(1), newEvent(3)])).toMatchObject([{ tag: 'duplicate' }, { tag: 'duplicate' }])
    await post(again, [newEvent(4)])
    await expect(post(again, [newEvent(5)])).rejects.toMatchObject({ code: 'BINGO_LOG_FULL' })
    expect(await again.due(NOW + 10_000, 9)).toEqual({ moved: 1, nextAt: null })
    expect(await again.log.stats()).toMatchObject({ count: 4, first: places[1] })
  })

  test('writes what came in together in one transaction', async () => {
    const path = newPath()
    const provider = open(path)
    await post(provider, [newEvent('first')])
    const before = statSync(`${path}-wal`).size
    await Promise.all(newEvents(0, 500).map((each) => post(provider, [each])))
    // A transaction of its own writes at least four pages of 4,096 bytes for each.
    expect(statSync(`${path}-wal`).size - before).toBeLessThan(500 * 4_096)
  })

  test('hands no event to readers, and answers for none, before it is on disk', async () => {
    const provider = open(newPath())
    await post(provider, [newEvent(1)])
    const disk = holdSync()
    const answered = post(provider, [newEvent(2)])
    await disk.reached
    // It is written, and would be lost with the power: nothing may come of it yet.
    expect(ids(await entriesOf(provider))).toEqual(['1'])
    const followed = nextEntry(provider, '1')
    disk.goOn()
    expect(await answered).toMatchObject([{ tag: 'stored' }])
    expect((await followed).id).toBe('2')
  })

  test('writes statuses and places that were acknowledged without waiting for the disk', async () => {
    const provider = open(newPath())
    await post(provider, [newEvent(1)])
    const [place] = await placesOf(provider)
    const syncs = vi.spyOn(EventTables.prototype, 'sync')
    onTestFinished(() => syncs.mockRestore())
    await provider.progress([{ environment: 'default', id: '1', at: NOW, status: 'completed' }])
    await provider.log.ack('g', [place!])
    expect(syncs).not.toHaveBeenCalled()
    expect(await provider.get({ environment: 'default', id: '1' })).toMatchObject({ status: 'completed' })
  })

  test('keeps answers back from what may not be on disk, until it is for certain', async () => {
    const path = newPath()
    const provider = open(path)
    await post(provider, [newEvent(1)])
    const failing = vi.spyOn(WrittenLog.prototype, 'sync').mockRejectedValueOnce(new Error('EIO'))
    onTestFinished(() => failing.mockRestore())
    await expect(post(provider, [newEvent(2)])).rejects.toMatchObject({
      code: 'BINGO_LOG_UNREACHABLE',
      retryable: true,
    })
    expect(ids(await entriesOf(provider))).toEqual(['1'])
    const emptied = vi.spyOn(WrittenLog.prototype, 'moveIntoFile')
    onTestFinished(() => emptied.mockRestore())
    // Sent again, as its sender was told to do: it is known by then, and answered when it is in the file.
    expect(await post(provider, [newEvent(2)])).toMatchObject([{ tag: 'duplicate' }])
    expect(emptied).toHaveBeenCalledOnce()
    expect(ids(await entriesOf(provider))).toEqual(['1', '2'])
  })

  test('lists many rows a part at a time, so that others get their turn', async () => {
    const provider = open(newPath())
    await post(provider, [newEvent('needle', { userId: 'u' })])
    for (let i = 0; i < 12; i++) await post(provider, newEvents(i * 2_000, (i + 1) * 2_000))
    let turns = 0
    const counting = setInterval(() => (turns += 1), 0)
    expect(ids((await provider.list({ limit: 1, userId: 'u' })).events)).toEqual(['needle'])
    clearInterval(counting)
    expect(turns).toBeGreaterThan(0)
    const many = await provider.list({ limit: 1_500, type: 'orders.*.create' })
    expect(ids(many.events)).toEqual(
      newEvents(22_500, 24_000)
        .map(({ event }) => event.id)
        .reverse(),
    )
  })

  test('loses nothing that was answered, and keeps its order, when its process is killed in the middle of posting', async () => {
    const path = newPath()
    const answered: string[] = []
    for (let life = 0; life < 5; life++) {
      await using child = new PostingProcess(`file:${path}`, life)
      await child.hasAnswered(1 + life * 150)
      await child.kill()
      answered.push(...child.answered())
      const provider = open(path)
      await checkKept(provider, answered)
      await provider.close()
    }
  })

  test('refuses a newer format and a corrupt file with words, and a place that cannot be written for now', async () => {
    const path = newPath()
    const provider = open(path)
    await post(
      provider,
      newEvents(0, 200).map(({ event: { id } }) => newEvent(id, { payload: 'x'.repeat(1_000) })),
    )
    await provider.close()
    const raw = new DatabaseSync(path)
    raw.exec('PRAGMA user_version = 99')
    await expect(open(path).log.stats()).rejects.toMatchObject({ code: 'BINGO_LOG_NEWER', retryable: false })
    raw.exec('PRAGMA user_version = 1')
    raw.close()
    truncateSync(path, readFileSync(path).length / 2)
    await expect(entriesOf(open(path))).rejects.toMatchObject({ code: 'BINGO_LOG_CORRUPT', retryable: false })
    await expect(post(open('/dev/null/events'), [newEvent(1)])).rejects.toMatchObject({
      code: 'BINGO_LOG_UNREACHABLE',
      retryable: true,
    })
  })

  test('refuses a database of something else', async () => {
    const path = newPath()
    await open(path).log.stats()
    const raw = new DatabaseSync(`${path}-other`)
    raw.exec('CREATE TABLE state (x); PRAGMA user_version = 1')
    raw.close()
    const provider = open(`${path}-other`)
    await expect(provider.list({ limit: 1 })).rejects.toMatchObject({ code: 'BINGO_LOG_CORRUPT', retryable: false })
  })

  test('reports a file that cannot grow as a retryable error, and keeps its events', async () => {
    const path = newPath()
    const provider = open(path)
    await post(provider, [newEvent(1)])
    await provider.close()
    // The size of a file is limited for a process: SQLite is answered EFBIG, as it is ENOSPC by a disk that is full.
    const [module, events] = ['../../../src/log/open.ts', '../../support/events/new-event.ts'].map((file) =>
      JSON.stringify(new URL(file, import.meta.url).href),
    )
    const script = `
      process.on('SIGXFSZ', () => undefined)
      const { openEventProvider } = await import(${module})
      const { newEvent, post } = await import(${events})
      const provider = await openEventProvider('file:' + ${JSON.stringify(path)}, { name: 'x' })
      const large = newEvent('large', { payload: 'x'.repeat(4_000_000) })
      const answer = await post(provider, [large]).then(() => 'taken', (error) => error.code + error.retryable)
      await post(provider, [newEvent('small')])
      console.log(answer)
      await provider.close()`
    const args = ['--fsize=2000000', process.execPath, '--input-type=module', '-e', script]
    const stdout = await runCommand({ command: 'prlimit', args, env: {} })
    expect(stdout.trim()).toBe('BINGO_LOG_UNREACHABLEtrue')
    expect(ids(await entriesOf(open(path)))).toEqual(['1', 'small'])
  })

  test('refuses events that arrive faster than it can write them, instead of keeping them in memory', async () => {
    const provider = open(newPath())
    const payload = 'x'.repeat(1 << 20)
    const answers = await Promise.allSettled(
      newEvents(0, 100).map(({ event: { id } }) => post(provider, [newEvent(id, { payload })])),
    )
    const refused = answers.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThanOrEqual(36)
    expect(refused[0]).toMatchObject({ reason: { code: 'BINGO_LOG_FULL', retryable: true } })
    expect(await provider.log.stats()).toMatchObject({ count: 100 - refused.length })
  })
})
