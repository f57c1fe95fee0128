import { expect, test } from 'vitest'
import type { EventLog, LogEntry, LogRecord, Place, ReadOptions } from '../../../src/model/state/event-log.ts'

export interface LogSetup {
  readonly maxCount?: number
  readonly maxBytes?: number
  readonly idRetentionMs?: number
  readonly now?: () => number
}

/** Opens an empty log. */
export type OpenLog = (setup?: LogSetup) => Promise<EventLog>

export function record(id: number | string, overrides: Partial<LogRecord> = {}): LogRecord {
  const payload = Buffer.from(JSON.stringify({ id }))
  return { id: String(id), type: 'orders.order.create', key: null, source: 'api', payload, at: 1_000, ...overrides }
}

const records = (from: number, to: number): LogRecord[] => Array.from({ length: to - from }, (_, i) => record(from + i))

/** What is there, up to the last entry. */
export async function all(
  log: EventLog,
  from: Place | null = null,
  options: Partial<ReadOptions> = {},
): Promise<LogEntry[]> {
  const { last } = await log.stats()
  const entries: LogEntry[] = []
  if (last === null) return entries
  const { signal } = new AbortController()
  for await (const entry of log.read(from, { until: last, signal, ...options })) entries.push(entry)
  return entries
}

const ids = (entries: readonly LogEntry[]): string[] => entries.map(({ id }) => id)

/** What every event log does, whatever it is made of. */
export function describeLog(open: OpenLog): void {
  test('returns what was appended, in order and unchanged', async () => {
    const log = await open()
    const bytes = record('b', {
      payload: Uint8Array.from({ length: 256 }, (_, i) => i),
      key: 'ключ',
      source: '',
      at: 7,
    })
    await log.append([record('a'), bytes])
    await log.append([record('c', { payload: new Uint8Array(0) })])
    const entries = await all(log)
    expect(ids(entries)).toEqual(['a', 'b', 'c'])
    const { place, appendedAt, payload, ...rest } = entries[1]!
    expect({ ...rest, payload: [...payload] }).toEqual({ ...bytes, payload: [...bytes.payload] })
    expect([typeof place, typeof appendedAt]).toEqual(['string', 'number'])
  })

  test('keeps the order of appends that were not waited for', async () => {
    const log = await open()
    const answers = await Promise.all(records(0, 1_000).map((each) => log.append([each])))
    const entries = await all(log)
    expect(ids(entries)).toEqual(records(0, 1_000).map(({ id }) => id))
    expect(answers.map(([answer]) => answer!.place)).toEqual(entries.map(({ place }) => place))
  })

  test('appends an id once, in one call and in several, and answers where it is', async () => {
    const log = await open()
    const [first] = await log.append([record('a')])
    expect(first!.duplicate).toBe(false)
    const again = await log.append([record('a', { type: 'other' }), record('b'), record('b')])
    expect(again.map(({ duplicate }) => duplicate)).toEqual([true, false, true])
    expect(again[0]!.place).toBe(first!.place)
    expect(again[2]!.place).toBe(again[1]!.place)
    expect(ids(await all(log))).toEqual(['a', 'b'])
  })

  test('remembers an id for the retention after its entry was trimmed, and not longer', async () => {
    let now = 1_000_000
    const log = await open({ idRetentionMs: 10_000, now: () => now })
    const [a, b] = await log.append([record('a'), record('b')])
    await log.trim(b!.place)
    expect(ids(await all(log))).toEqual(['b'])
    expect(await log.append([record('a')])).toEqual([{ place: a!.place, duplicate: true }])
    now += 20_000
    expect((await log.append([record('a')]))[0]!.duplicate).toBe(false)
    expect(ids(await all(log))).toEqual(['b', 'a'])
  })

  test('reads from a place, up to a place, by key and by pattern', async () => {
    const log = await open()
    const places = await log.append([
      record(1, { key: 'x', type: 'shop.users.create' }),
      record(2, { key: 'y', type: 'shop.users.update' }),
      record(3, { key: 'x', type: 'shop.orders.create' }),
      record(4, { type: 'shop' }),
    ])
    expect(ids(await all(log, places[1]!.place))).toEqual(['3', '4'])
    expect(ids(await all(log, null, { until: places[1]!.place }))).toEqual(['1', '2'])
    expect(ids(await all(log, null, { key: 'x' }))).toEqual(['1', '3'])
    expect(ids(await all(log, null, { pattern: 'shop.*.create' }))).toEqual(['1', '3'])
    expect(ids(await all(log, null, { pattern: 'shop.**' }))).toEqual(['1', '2', '3', '4'])
    expect(ids(await all(log, null, { pattern: '*' }))).toHaveLength(4)
    expect(ids(await all(log, null, { pattern: 'shop.users.update', key: 'x' }))).toEqual([])
  })

  test('refuses a place that is not one', async () => {
    const log = await open()
    const refused = { code: 'BINGO_LOG_PLACE_INVALID', retryable: false }
    await expect(log.trim('nowhere')).rejects.toMatchObject(refused)
    await expect(log.ack('g', ['-1'])).rejects.toMatchObject(refused)
    await log.append([record(1)])
    await expect(all(log, '1.5')).rejects.toMatchObject(refused)
  })

  test('wakes a reader that waits, without a pause, and ends it with its signal', async () => {
    const log = await open()
    const stop = new AbortController()
    const reader = log.read(null, { signal: stop.signal })[Symbol.asyncIterator]()
    for (let i = 0; i < 200; i++) {
      const next = reader.next()
      await log.append([record(i)])
      expect((await next).value).toMatchObject({ id: String(i) })
    }
    const waiting = reader.next()
    stop.abort()
    expect(await waiting).toMatchObject({ done: true })
  })

  test('ends its readers when it is closed', async () => {
    const log = await open()
    await log.append([record(1)])
    const { signal } = new AbortController()
    const reader = log.read(null, { signal })[Symbol.asyncIterator]()
    await reader.next()
    const waiting = reader.next()
    await log.close()
    expect(await waiting).toMatchObject({ done: true })
    await expect(log.append([record(2)])).rejects.toMatchObject({ code: 'BINGO_LOG_UNREACHABLE' })
  })

  test('a group resumes with what it has not acknowledged, in any order of acknowledgements', async () => {
    const log = await open()
    const places = (await log.append(records(0, 6))).map(({ place }) => place)
    expect(ids(await all(log, null, { group: 'g' }))).toHaveLength(6)
    await log.ack('g', [places[0]!, places[2]!, places[5]!])
    expect(ids(await all(log, null, { group: 'g' }))).toEqual(['1', '3', '4'])
    await log.ack('g', [places[1]!, places[1]!])
    expect(ids(await all(log, null, { group: 'g' }))).toEqual(['3', '4'])
    expect((await log.stats()).groups).toEqual([{ name: 'g', acknowledged: places[2], pending: 2 }])
    await log.append([record(6)])
    expect(ids(await all(log, null, { group: 'g' }))).toEqual(['3', '4', '6'])
    expect(ids(await all(log, null, { group: 'other' }))).toHaveLength(7)
  })

  test('a new group begins at the given place', async () => {
    const log = await open()
    const places = await log.append(records(0, 4))
    expect(ids(await all(log, places[1]!.place, { group: 'g' }))).toEqual(['2', '3'])
    expect(ids(await all(log, null, { group: 'g' }))).toEqual(['2', '3'])
  })

  test('what a group leaves out by its pattern holds nothing back', async () => {
    const log = await open()
    const places = await log.append([record(1), record(2, { type: 'other' }), record(3), record(4, { type: 'other' })])
    expect(ids(await all(log, null, { group: 'g', pattern: 'other' }))).toEqual(['2', '4'])
    await log.ack('g', [places[1]!.place, places[3]!.place])
    expect((await log.stats()).groups).toMatchObject([{ acknowledged: places[3]!.place, pending: 0 }])
  })

  test('trims only below what every group has acknowledged', async () => {
    const log = await open()
    const places = (await log.append(records(0, 6))).map(({ place }) => place)
    await all(log, null, { group: 'fast' })
    await all(log, null, { group: 'slow' })
    await log.ack('fast', places)
    await log.ack('slow', [places[0]!, places[1]!, places[3]!])
    expect(await log.trim(places[5]!)).toBe(2)
    expect(ids(await all(log))).toEqual(['2', '3', '4', '5'])
    expect(ids(await all(log, null, { group: 'slow' }))).toEqual(['2', '4', '5'])
    await log.ack('slow', places)
    expect(await log.trim(places[4]!)).toBe(2)
    expect(await log.trim(places[4]!)).toBe(0)
    expect(await log.stats()).toMatchObject({ count: 2, first: places[4], last: places[5] })
  })

  test('gives no place twice, also after everything was trimmed', async () => {
    const log = await open()
    const places = (await log.append(records(0, 3))).map(({ place }) => place)
    await log.trim(String(Number(places[2]) + 1))
    expect(await log.stats()).toMatchObject({ count: 0, bytes: 0, first: null, last: null })
    const [next] = await log.append([record('next')])
    expect(Number(next!.place)).toBeGreaterThan(Number(places[2]))
  })

  test.each([
    ['entries', { maxCount: 3 }],
    ['bytes', { maxBytes: 27 }],
  ])('refuses more %s than its limit, stores none of it, and accepts more once there is room', async (_what, limit) => {
    const log = await open(limit)
    await log.append(records(0, 2))
    const refused = { code: 'BINGO_LOG_FULL', retryable: true }
    await expect(log.append(records(2, 5))).rejects.toMatchObject(refused)
    expect(await log.stats()).toMatchObject({ count: 2, bytes: 16 })
    const [last] = await log.append([record(2)])
    await expect(log.append([record(3)])).rejects.toMatchObject(refused)
    // What is there already needs no room.
    expect(await log.append([record(0)])).toMatchObject([{ duplicate: true }])
    await log.trim(last!.place)
    await log.append(records(3, 5))
    expect(ids(await all(log))).toEqual(['2', '3', '4'])
  })

  test('a refused append does not affect concurrent ones', async () => {
    const log = await open({ maxCount: 3 })
    const [small, large, other] = await Promise.allSettled([
      log.append([record('a')]),
      log.append(records(0, 5)),
      log.append([record('b')]),
    ])
    expect([small.status, large.status, other.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(ids(await all(log))).toEqual(['a', 'b'])
  })
}
