import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BingoError, createBroker, getDefaultBroker, initialize } from '../../../src/index.ts'
import type { Broker, BrokerOptions } from '../../../src/index.ts'

let folder: string
const brokers: Broker[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bingo-broker-'))
})
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.stop().catch(() => undefined)
  rmSync(folder, { recursive: true })
})

function brokerOf(options: BrokerOptions = {}): Broker {
  const broker = createBroker({ retry: { attempts: 2, min: 1, max: 1 }, shutdown: '5s', ...options })
  brokers.push(broker)
  return broker
}

const file = (): string => `file:${folder}/events`

/** A handler that lets one event after the other through. */
function turnstile() {
  const seen: string[] = []
  const waiting: (() => void)[] = []
  return {
    seen,
    handler: ({ id }: { readonly id: string }): Promise<void> => {
      seen.push(id)
      return new Promise((resolve) => waiting.push(resolve))
    },
    next: () => waiting.shift()?.(),
    open: () => waiting.splice(0).forEach((resolve) => resolve()),
  }
}

test('Publishing before the start, and after a stop, is an error with a stable code', async () => {
  const broker = brokerOf({ store: file() })
  const calls = (): readonly Promise<unknown>[] => [
    broker.publish('a', null),
    broker.publishSync('a', null),
    broker.publishAsync('a', null),
    broker.publishBatch([{ type: 'a', payload: null }]),
  ]
  for (const call of calls()) await expect(call).rejects.toMatchObject({ code: 'BINGO_BROKER_NOT_STARTED' })
  await broker.start()
  await expect(broker.start()).rejects.toMatchObject({ code: 'BINGO_BROKER_STARTED' })
  expect(await broker.stop()).toEqual({ left: 0, events: [] })
  for (const call of calls()) await expect(call).rejects.toMatchObject({ code: 'BINGO_BROKER_STOPPED' })
  await expect(broker.start()).rejects.toMatchObject({ code: 'BINGO_BROKER_STARTED' })
  expect(broker.stats()).toMatchObject({ state: 'stopped', publishedTotal: 0 })
})

test('A broker that never started can be stopped', async () => {
  expect(await brokerOf().stop()).toEqual({ left: 0, events: [] })
})

test('A full buffer lets publishers wait in their order, refuses those that do not want to, and strands nothing', async () => {
  const broker = brokerOf({ buffer: 2, workers: 1 })
  const { handler, seen, next, open } = turnstile()
  broker.subscribe('*', handler)
  await broker.start()
  const stored: string[] = []
  const publishing = ['1', '2', '3', '4'].map((id) =>
    broker.publishAsync('a', null, { id, key: 'k' }).then(() => stored.push(id)),
  )
  await expect.poll(() => seen).toEqual(['1'])
  expect(stored).toEqual(['1', '2'])
  expect(broker.stats()).toMatchObject({ pending: 2, waiting: 2 })
  const refused = broker.publishAsync('a', null, { id: 'no', whenFull: 'reject' })
  await expect(refused).rejects.toMatchObject({ code: 'BINGO_BROKER_FULL', retryable: true })
  await expect(broker.publishBatch([{ type: 'a', payload: null }])).rejects.toMatchObject({ code: 'BINGO_BROKER_FULL' })
  next()
  await expect.poll(() => stored).toEqual(['1', '2', '3'])
  const finished = Promise.all(publishing)
  const opening = setInterval(open, 5)
  await finished
  await expect.poll(() => broker.stats().pending).toBe(0)
  clearInterval(opening)
  expect(seen).toEqual(['1', '2', '3', '4'])
})

test('Waiting for room ends with a signal, and what waits behind it goes on', async () => {
  const broker = brokerOf({ buffer: 2, workers: 1 })
  const { handler, seen, next, open } = turnstile()
  broker.subscribe('*', handler)
  await broker.start()
  for (const id of ['1', '2']) await broker.publishAsync('a', null, { id, key: 'k' })
  const abort = new AbortController()
  const given = broker.publishBatch(
    ['x', 'y'].map((id) => ({ type: 'a', payload: null, id })),
    { signal: abort.signal },
  )
  const single = broker.publishAsync('a', null, { id: '3', key: 'k' })
  await expect.poll(() => seen).toEqual(['1'])
  next()
  await expect.poll(() => broker.stats()).toMatchObject({ pending: 1, waiting: 2 })
  abort.abort(new Error('enough'))
  await expect(given).rejects.toThrow('enough')
  await single
  const opening = setInterval(open, 5)
  await expect.poll(() => broker.stats().pending).toBe(0)
  clearInterval(opening)
  expect(seen).toEqual(['1', '2', '3'])
})

test('A batch of more events than the buffer holds is let in alone', async () => {
  const broker = brokerOf({ buffer: 2 })
  const seen: string[] = []
  broker.subscribe('*', ({ id }) => void seen.push(id))
  await broker.start()
  await broker.publishBatch(Array.from({ length: 10 }, (_, n) => ({ type: 'a', payload: n, key: 'k', id: `${n}` })))
  await broker.publishSync('a', null, { id: 'last', key: 'k' })
  expect(seen).toHaveLength(11)
})

test('What is refused is not counted as pending', async () => {
  const broker = brokerOf({ buffer: 1 })
  await broker.start()
  for (let i = 0; i < 3; i++) {
    await expect(broker.publishAsync('a b', null)).rejects.toMatchObject({ code: 'BINGO_EVENT_REFUSED' })
    const circle: { self?: unknown } = {}
    circle.self = circle
    await expect(broker.publishAsync('a', circle)).rejects.toMatchObject({ code: 'BINGO_EVENT_REFUSED' })
  }
  await broker.publishSync('a', null)
  expect(broker.stats()).toMatchObject({ pending: 0, publishedTotal: 1 })
})

test('A stop lets handlers end, and events of a file that it did not come to are handled after the next start, once', async () => {
  const first = brokerOf({ store: file(), workers: 1 })
  const { handler, seen, open } = turnstile()
  first.subscribe('*', handler)
  await first.start()
  await first.publishBatch(Array.from({ length: 5 }, (_, n) => ({ type: 'a', payload: n, key: 'k', id: `${n}` })))
  await expect.poll(() => seen).toEqual(['0'])
  const opening = setInterval(open, 5)
  const { left } = await first.stop()
  clearInterval(opening)
  expect(left + seen.length).toBe(5)
  const second = brokerOf({ store: file() })
  const rest: string[] = []
  second.subscribe('*', ({ id }) => void rest.push(id))
  await second.start()
  await expect.poll(() => rest.length).toBe(left)
  expect([...seen, ...rest]).toEqual(['0', '1', '2', '3', '4'])
  await expect.poll(() => second.stats().pending).toBe(0)
})

test('A stop of a broker in memory handles what it holds, and gives back what it cannot', async () => {
  const quick = brokerOf()
  const handled: string[] = []
  quick.subscribe('*', ({ id }) => void handled.push(id))
  await quick.start()
  await quick.publishBatch(Array.from({ length: 50 }, (_, n) => ({ type: 'a', payload: n, key: 'k', id: `${n}` })))
  expect(await quick.stop()).toEqual({ left: 0, events: [] })
  expect(handled).toHaveLength(50)

  const stuck = brokerOf({ shutdown: 50 })
  const { handler } = turnstile()
  let aborted = false
  stuck.subscribe('*', (event, { signal }) => {
    signal.addEventListener('abort', () => (aborted = true))
    return handler(event)
  })
  await stuck.start()
  await stuck.publishBatch(['1', '2'].map((id) => ({ type: 'a', payload: { id }, key: 'k', id })))
  await stuck.publishAsync('a', null, { id: 'later', deliverAfter: 3_600 })
  const sync = stuck.publishSync('a', null, { id: '3', key: 'k' }).catch((error: unknown) => error)
  await expect.poll(() => stuck.stats().pending).toBe(3)
  const { left, events } = await stuck.stop()
  expect(await sync).toMatchObject({ code: 'BINGO_BROKER_STOPPED' })
  expect(left).toBe(4)
  expect(events.map(({ id }) => id).toSorted()).toEqual(['1', '2', '3', 'later'])
  expect(aborted).toBe(true)
})

test('A signal that is aborted stops the broker', async () => {
  const broker = brokerOf()
  const abort = new AbortController()
  await broker.start({ signal: abort.signal })
  await broker.publishSync('a', null)
  abort.abort()
  await expect.poll(() => broker.stats().state).toBe('stopped')
  expect(await broker.stop()).toEqual({ left: 0, events: [] })
})

test('A signal of the process that the program listens to itself stops the broker, and is not raised again', async () => {
  let heard = 0
  process.once('SIGUSR2', () => (heard += 1))
  const broker = brokerOf()
  await broker.start({ signals: ['SIGUSR2'] })
  process.emit('SIGUSR2')
  await expect.poll(() => broker.stats().state).toBe('stopped')
  await broker.stop()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(heard).toBe(1)
  expect(process.listenerCount('SIGUSR2')).toBe(0)
})

test('A store that is in use refuses the start, and one that is no store is refused at once', async () => {
  const first = brokerOf({ store: file() })
  await first.start()
  const second = brokerOf({ store: file(), state: 'memory:' })
  await expect(second.start()).rejects.toMatchObject({ code: 'BINGO_LOG_LOCKED' })
  expect(second.stats().state).toBe('stopped')
  writeFileSync(join(folder, 'text'), 'not a database, but long enough to be looked at'.repeat(100))
  const third = brokerOf({ store: `file:${folder}/text` })
  await expect(third.start()).rejects.toMatchObject({ code: 'BINGO_LOG_CORRUPT' })
})

test.each([
  [{ store: 'nowhere://x' }, 'BINGO_EVENTS_STORE_INVALID'],
  [{ store: 'postgres://u@h/d' }, 'BINGO_BROKER_OPTION'],
  [{ workers: 0 }, 'BINGO_BROKER_OPTION'],
  [{ buffer: 1.5 }, 'BINGO_BROKER_OPTION'],
  [{ mode: 'later' as 'sync' }, 'BINGO_BROKER_OPTION'],
  [{ retry: { min: 'soon' } }, 'BINGO_BROKER_OPTION'],
  [{ retry: { attempts: Number.NaN } }, 'BINGO_BROKER_OPTION'],
  [{ timeout: -1 }, 'BINGO_BROKER_OPTION'],
  [{ name: 'a b' }, 'BINGO_INVALID_INPUT'],
] as const)('Options that are wrong are refused: %j', (options, code) => {
  expect(() => createBroker(options)).toThrow(expect.objectContaining({ code }))
})

test.each([
  ['a..b', {}],
  ['a.**.b', {}],
  ['a b', {}],
  ['', {}],
  ['a', { id: 'a#b' }],
  ['a', { group: '' }],
  ['a', { id: 'taken' }],
])('A subscription of %j with %j is refused', (pattern, options) => {
  const broker = brokerOf()
  broker.subscribe('*', () => undefined, { id: 'taken' })
  const subscribe = (): string => broker.subscribe(pattern, () => undefined, options)
  expect(subscribe).toThrow(expect.objectContaining({ code: 'BINGO_BROKER_SUBSCRIPTION' }))
})

test('Ids of subscriptions are their patterns, numbered where there are several', () => {
  const broker = brokerOf()
  const ids = ['a.*', 'a.*', '*'].map((pattern) => broker.subscribe(pattern, () => undefined))
  const ofGroup = [1, 2].map(() => broker.subscribe('b', () => undefined, { group: 'g' }))
  expect([...ids, ...ofGroup]).toEqual(['a.*', 'a.*~2', '*', 'g', 'g~2'])
})

test('Brokers of one process do not know of each other', async () => {
  const [one, other] = [brokerOf(), brokerOf()]
  const seen: string[] = []
  one.subscribe('*', () => void seen.push('one'))
  other.subscribe('*', () => void seen.push('other'))
  await Promise.all([one.start(), other.start()])
  await one.publishSync('a', null, { id: 'same' })
  await other.publishSync('a', null, { id: 'same' })
  await one.stop()
  await other.publishSync('a', null)
  expect(seen).toEqual(['one', 'other', 'other'])
})

test('There is one default broker, from `initialize` to its stop', async () => {
  expect(() => getDefaultBroker()).toThrow(expect.objectContaining({ code: 'BINGO_BROKER_DEFAULT' }))
  const broker = initialize()
  brokers.push(broker)
  expect(getDefaultBroker()).toBe(broker)
  expect(() => initialize()).toThrow(BingoError)
  await broker.stop()
  const next = initialize()
  brokers.push(next)
  expect(getDefaultBroker()).toBe(next)
})
