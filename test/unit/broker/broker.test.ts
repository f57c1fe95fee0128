import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createBroker } from '../../../src/index.ts'
import type { Broker, BrokerEvent, BrokerOptions, DeadLetter } from '../../../src/index.ts'

let folder: string
const brokers: Broker[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bingo-broker-'))
})
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.stop().catch(() => undefined)
  rmSync(folder, { recursive: true })
})

const QUICK = { attempts: 3, min: 1, max: 1 } as const

function brokerOf(options: BrokerOptions = {}): Broker {
  const broker = createBroker({ retry: QUICK, shutdown: '5s', ...options })
  brokers.push(broker)
  return broker
}

async function lettersOf(broker: Broker): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for await (const letter of broker.deadLetters()) letters.push(letter)
  return letters
}

/** A handler that waits for the test. */
function gate() {
  const seen: string[] = []
  const open = Promise.withResolvers<void>()
  const handler = async ({ id }: BrokerEvent): Promise<void> => {
    seen.push(id)
    await open.promise
  }
  return { seen, handler, open: () => open.resolve() }
}

describe.each(['memory:', 'file:'])('With a store in %s', (kind) => {
  const store = (): string => (kind === 'memory:' ? kind : `file:${folder}/events`)

  test('an event comes to every handler whose pattern fits, with what was said of it', async () => {
    const broker = brokerOf({ store: store() })
    const seen: [string, BrokerEvent][] = []
    for (const pattern of ['orders.order.create', 'orders.*.create', 'orders.**', '*', 'mail.*']) {
      broker.subscribe(pattern, (event) => void seen.push([pattern, event]))
    }
    await broker.start()
    const details = { id: 'o1', key: 'order-1', userId: '7', sessionId: 's', metadata: { a: 1 } }
    const posted = await broker.publishSync('orders.order.create', { total: 5n, n: 9007199254740993n }, details)
    expect(posted).toMatchObject({ tag: 'stored', record: { id: 'o1', source: 'app' } })
    expect(seen.map(([pattern]) => pattern)).toEqual(['orders.order.create', 'orders.*.create', 'orders.**', '*'])
    expect(seen[0]![1]).toMatchObject({
      ...details,
      type: 'orders.order.create',
      payload: { n: 9007199254740993n },
      isTest: false,
      correlationId: null,
    })
    expect(broker.stats()).toMatchObject({ state: 'running', pending: 0, publishedTotal: 1, completedTotal: 1 })
  })

  test('handlers of one event run one after the other in the order in which they subscribed, retries included', async () => {
    const broker = brokerOf({ store: store() })
    const seen: string[] = []
    broker.subscribe('a.*', async ({ id }, { attempt }) => {
      seen.push(`slow ${id} ${attempt}`)
      await new Promise((resolve) => setImmediate(resolve))
      if (attempt < 3) throw new Error('not yet')
    })
    broker.subscribe('*', ({ id }) => void seen.push(`first ${id}`), { id: 'all' })
    broker.subscribe('a.*', ({ id }) => void seen.push(`last ${id}`))
    await broker.start()
    await broker.publishSync('a.b', null, { id: '1', key: 'k' })
    await broker.publishSync('a.b', null, { id: '2', key: 'k' })
    const of = (id: string): string[] => [
      ...[1, 2, 3].map((attempt) => `slow ${id} ${attempt}`),
      `first ${id}`,
      `last ${id}`,
    ]
    expect(seen).toEqual([...of('1'), ...of('2')])
  })

  test('events of one key are handled in their order, others beside them', async () => {
    const broker = brokerOf({ store: store(), workers: 4 })
    const seen = new Map<string, number[]>()
    broker.subscribe('a', async ({ key, payload }) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
      seen.set(key!, [...(seen.get(key!) ?? []), payload as number])
    })
    await broker.start()
    const events = Array.from({ length: 60 }, (_, n) => ({ type: 'a', key: `k${n % 3}`, payload: n }))
    await broker.publishBatch(events)
    await expect.poll(() => broker.stats().completedTotal).toBe(60)
    for (let k = 0; k < 3; k++) {
      expect(seen.get(`k${k}`)).toEqual(events.filter(({ key }) => key === `k${k}`).map(({ payload }) => payload))
    }
  })

  test('what keeps failing becomes a dead letter; the next handler and the next event go on, and it can be redelivered', async () => {
    const broker = brokerOf({ store: store() })
    const handled: string[] = []
    let calls = 0
    let broken = true
    broker.subscribe(
      'orders.*',
      ({ id }) => {
        calls += 1
        if (broken && id === 'bad') throw new TypeError('no')
        handled.push(`ledger ${id}`)
      },
      { id: 'ledger' },
    )
    broker.subscribe('orders.*', ({ id }) => void handled.push(`mail ${id}`), { id: 'mail' })
    await broker.start()
    await expect(broker.publishSync('orders.paid', {}, { id: 'bad', key: 'k' })).rejects.toThrow(new TypeError('no'))
    await broker.publishSync('orders.paid', {}, { id: 'good', key: 'k' })
    expect(calls).toBe(4)
    expect(handled).toEqual(['mail bad', 'ledger good', 'mail good'])
    expect(await lettersOf(broker)).toMatchObject([
      { ruleId: 'ledger', state: 'skip', attempts: [{ code: 'BINGO_BROKER_HANDLER', message: 'no' }, {}, {}] },
    ])
    expect(broker.stats()).toMatchObject({
      failedTotal: 1,
      failedAttemptsTotal: 3,
      subscriptions: [
        { id: 'ledger', handledTotal: 1, deadLettersTotal: 1 },
        { id: 'mail', handledTotal: 2, deadLettersTotal: 0 },
      ],
    })
    broken = false
    expect(await broker.redeliver()).toMatchObject({ sent: 1, left: 0, failures: [] })
    expect(handled.at(-1)).toBe('ledger bad')
    expect(await lettersOf(broker)).toEqual([])
  })
})

test('With `park`, later events of the key wait behind the dead letter', async () => {
  const broker = brokerOf({ onFailure: 'park', retry: { ...QUICK, attempts: 1 } })
  let broken = true
  const handled: string[] = []
  broker.subscribe('a', ({ id }) => {
    if (broken) throw new Error('no')
    handled.push(id)
  })
  await broker.start()
  for (const id of ['1', '2']) await broker.publishAsync('a', null, { id, key: 'k' })
  await expect.poll(async () => (await lettersOf(broker)).map(({ state }) => state)).toEqual(['park', 'parked'])
  broken = false
  expect(await broker.redeliver()).toMatchObject({ sent: 2, left: 0 })
  expect(handled).toEqual(['1', '2'])
})

test('Each event of a group goes to one of its handlers, those of one key to the same one', async () => {
  const broker = brokerOf()
  const seen: [number, string | null][] = []
  for (const n of [1, 2, 3]) broker.subscribe('a.*', ({ key }) => void seen.push([n, key]), { group: 'workers' })
  const all: string[] = []
  broker.subscribe('a.**', ({ id }) => void all.push(id))
  await broker.start()
  const keys = Array.from({ length: 30 }, (_, n) => `k${n % 10}`)
  for (const key of keys) await broker.publishSync('a.b', null, { key })
  expect(all).toHaveLength(30)
  expect(seen).toHaveLength(30)
  const handlers = new Map<string | null, Set<number>>()
  for (const [n, key] of seen) handlers.set(key, (handlers.get(key) ?? new Set()).add(n))
  expect([...handlers.values()].map(({ size }) => size)).toEqual(Array.from({ length: 10 }, () => 1))
  for (let i = 0; i < 9; i++) await broker.publishSync('a.b', null)
  const withoutKey = seen.slice(30).map(([n]) => n)
  expect([1, 2, 3].map((n) => withoutKey.filter((each) => each === n).length)).toEqual([3, 3, 3])
})

test('`mode` says whether publish waits for handlers', async () => {
  for (const [mode, handled] of [
    ['sync', true],
    ['async', false],
  ] as const) {
    const broker = brokerOf({ mode })
    const { handler, open } = gate()
    let isDone = false
    broker.subscribe('a', async (event) => {
      await handler(event)
      isDone = true
    })
    await broker.start()
    const published = broker.publish('a', null)
    if (mode === 'sync') setImmediate(open)
    await published
    expect(isDone).toBe(handled)
    open()
  }
})

test('publishSync rejects with what each handler threw, and an event without handlers is done at once', async () => {
  const broker = brokerOf({ retry: { ...QUICK, attempts: 1 } })
  const errors = [new Error('one'), new Error('two')]
  for (const error of errors) {
    broker.subscribe('a', () => {
      throw error
    })
  }
  await broker.start()
  const thrown = await broker.publishSync('a', null).catch((error: unknown) => error)
  expect(thrown).toBeInstanceOf(AggregateError)
  expect((thrown as AggregateError).errors).toEqual(errors)
  await broker.publishSync('nobody.listens', null)
})

test('An error that says that it is not retryable is not retried', async () => {
  const broker = brokerOf()
  let calls = 0
  broker.subscribe('a', () => {
    calls += 1
    throw Object.assign(new Error('never'), { retryable: false })
  })
  await broker.start()
  await expect(broker.publishSync('a', null)).rejects.toThrow('never')
  expect(calls).toBe(1)
})

test('A handler that takes longer than `timeout` has failed, and its signal is aborted', async () => {
  const broker = brokerOf({ timeout: 5, retry: { ...QUICK, attempts: 2 } })
  let aborted = 0
  broker.subscribe('a', (_event, { signal }) => {
    signal.addEventListener('abort', () => (aborted += 1))
    return new Promise(() => undefined)
  })
  await broker.start()
  await expect(broker.publishSync('a', null)).rejects.toThrow('no answer within 5 ms')
  expect(aborted).toBe(2)
  expect(await lettersOf(broker)).toMatchObject([{ attempts: [{}, { code: 'BINGO_BROKER_TIMEOUT' }] }])
})

test('A handler that asks for its signal after its time has passed finds it aborted', async () => {
  const broker = brokerOf({ timeout: 5, retry: { ...QUICK, attempts: 1 } })
  const givenUp = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<readonly boolean[]>()
  broker.subscribe('a', async (_event, context) => {
    await givenUp.promise
    asked.resolve([context.signal.aborted, { ...context }.signal === context.signal])
  })
  await broker.start()
  await expect(broker.publishSync('a', null)).rejects.toThrow('no answer within 5 ms')
  givenUp.resolve()
  expect(await asked.promise).toEqual([true, true])
})

test('Events that a handler publishes say what caused them, are stored once over its attempts, and cannot be waited for', async () => {
  const broker = brokerOf()
  const made: BrokerEvent[] = []
  let syncError: unknown
  broker.subscribe('orders.created', async (_event, { attempt }) => {
    await broker.publish('mail.wanted', { n: 1 }, { key: 'k' })
    await broker.publish('mail.wanted', { n: 1 }, { key: 'k' })
    await broker.publish('mail.wanted', { n: 2 }, { key: 'k', userId: undefined })
    syncError = await broker.publishSync('mail.wanted', {}).catch((error: unknown) => error)
    if (attempt < 3) throw new Error('again')
  })
  broker.subscribe('mail.*', (event) => void made.push(event))
  await broker.start()
  await broker.publishSync('orders.created', {}, { id: 'o1', userId: '7', sessionId: 's', isTest: true })
  await expect.poll(() => broker.stats().pending).toBe(0)
  expect(made.map(({ payload }) => payload)).toEqual([{ n: 1 }, { n: 1 }, { n: 2 }])
  const inherited = { causationId: 'o1', correlationId: 'o1', userId: '7', sessionId: 's', isTest: true, hops: 1 }
  for (const event of made) expect(event).toMatchObject(inherited)
  expect(syncError).toMatchObject({ code: 'BINGO_BROKER_SYNC_IN_HANDLER' })
})

test('Handlers that make each other’s events are stopped after so many hops', async () => {
  const broker = brokerOf({ retry: { ...QUICK, attempts: 1 } })
  broker.subscribe('a', ({ payload }) => broker.publishAsync('a', (payload as number) + 1).then(() => undefined))
  await broker.start()
  await broker.publishAsync('a', 0)
  await expect.poll(() => lettersOf(broker)).toHaveLength(1)
  expect(await lettersOf(broker)).toMatchObject([
    { event: { new: { payload: 16, hops: 16 } }, attempts: [{ message: expect.stringContaining('the limit is 16') }] },
  ])
})

test('An event is frozen: no handler changes what the next one sees', async () => {
  const broker = brokerOf({ retry: { ...QUICK, attempts: 1 } })
  broker.subscribe('a', ({ payload }) => void ((payload as { n: { m: number } }).n.m = 2))
  let seen: unknown
  broker.subscribe('a', ({ payload }) => void (seen = payload))
  await broker.start()
  await expect(broker.publishSync('a', { n: { m: 1 } })).rejects.toThrow(TypeError)
  expect(seen).toEqual({ n: { m: 1 } })
})

test('A subscription that ends is not called any more, and one that begins is from the next event on', async () => {
  const broker = brokerOf()
  const seen: string[] = []
  const first = broker.subscribe('a', ({ id }) => void seen.push(`first ${id}`))
  await broker.start()
  await broker.publishSync('a', null, { id: '1' })
  broker.subscribe('a', ({ id }) => void seen.push(`second ${id}`))
  await broker.publishSync('a', null, { id: '2' })
  expect(broker.unsubscribe(first)).toBe(true)
  expect(broker.unsubscribe(first)).toBe(false)
  await broker.publishSync('a', null, { id: '3' })
  expect(seen).toEqual(['first 1', 'first 2', 'second 2', 'second 3'])
})

test('Who unsubscribes while events wait for it is not called for them', async () => {
  const broker = brokerOf({ workers: 1 })
  const { handler, seen, open } = gate()
  const id = broker.subscribe('a', handler)
  await broker.start()
  await broker.publishBatch([1, 2, 3].map((n) => ({ type: 'a', payload: n, id: String(n), key: 'k' })))
  await expect.poll(() => seen).toEqual(['1'])
  broker.unsubscribe(id)
  open()
  await expect.poll(() => broker.stats()).toMatchObject({ pending: 0, completedTotal: 3 })
  expect(seen).toEqual(['1'])
})

test('An id that is published twice is handled once, and publishSync waits for the first one', async () => {
  const broker = brokerOf()
  const { handler, seen, open } = gate()
  broker.subscribe('a', handler)
  await broker.start()
  await broker.publishAsync('a', null, { id: 'one' })
  await expect.poll(() => seen).toEqual(['one'])
  const again = broker.publishSync('a', null, { id: 'one' })
  setImmediate(open)
  expect(await again).toMatchObject({ tag: 'duplicate' })
  expect(await broker.publishSync('a', null, { id: 'one' })).toMatchObject({ tag: 'duplicate' })
  expect(seen).toEqual(['one'])
  expect(broker.stats().pending).toBe(0)
})

test('A delayed event is handled when it is due, and does not fill the buffer meanwhile', async () => {
  const broker = brokerOf({ buffer: 1 })
  const seen: string[] = []
  broker.subscribe('a', ({ id }) => void seen.push(id))
  await broker.start()
  const at = Date.now() + 300
  await broker.publishAsync('a', null, { id: 'later', deliverAt: at })
  expect(broker.stats().pending).toBe(0)
  await broker.publishSync('a', null, { id: 'now' })
  await expect.poll(() => seen).toEqual(['now', 'later'])
  expect(Date.now()).toBeGreaterThanOrEqual(at)
  await expect.poll(() => broker.stats().pending).toBe(0)
})
