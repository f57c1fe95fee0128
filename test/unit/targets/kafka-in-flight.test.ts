import type { ClusterMetadata, Connection } from '@platformatic/kafka'
import { expect, test } from 'vitest'
import { BatchProducer, type BatchProducerOptions } from '../../../src/clients/kafka/batch-producer.ts'
import type { KafkaApi } from '../../../src/clients/kafka/kafka.ts'
import type { DeliveryFailure, Sendable } from '../../../src/model/rule/action.ts'
import type { ActionPlan } from '../../../src/model/rule/rule.ts'
import type { KafkaTargetOptions } from '../../../src/targets/kafka/options.ts'
import { KafkaTarget } from '../../../src/targets/kafka/target.ts'
import { fc } from '../../support/properties.ts'

const TOPIC = 't'
const PARTITIONS = 3
const VERSION = 7
const KEYS = Array.from({ length: 6 }, (_, i) => `k${i}`)
const PER_KEY = 12
const POISON = 'too large'
/** Of brokers: kafka.apache.org/protocol, "Error Codes". */
const [TOO_LARGE, NOT_LEADER, NOT_ENOUGH_REPLICAS, OUT_OF_ORDER, DUPLICATE] = [10, 6, 19, 45, 46]

/** What happens to a request. `cut`: the connection ends; everything in flight on it is not answered. */
type Mishap = 'none' | 'cut before' | 'cut after' | 'not leader' | 'replicas'

interface Batch {
  readonly partition: number
  readonly producer: bigint
  readonly sequence: number
  readonly records: readonly (readonly [key: string, value: string])[]
}

/** One broker: takes batches in sequence, knows the last five of each producer again, and has mishaps. */
class Broker {
  readonly logs: (readonly [key: string, value: string])[][] = Array.from({ length: PARTITIONS }, () => [])
  mostInFlight = 0
  producers = 0n
  readonly #mishaps: Iterator<Mishap>
  readonly #known = new Map<string, { next: number; last: number[] }>()
  #inFlight: ((error: Error) => void)[] = []

  constructor(mishaps: readonly Mishap[]) {
    this.#mishaps = mishaps[Symbol.iterator]()
  }

  async produce(body: Buffer): Promise<unknown> {
    const mishap = this.#mishaps.next().value ?? 'none'
    const cut = new Promise<never>((_, reject) => this.#inFlight.push(reject))
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight.length)
    const answer = new Promise(setImmediate).then(() => {
      const batches = batchesOf(body)
      if (mishap === 'cut before') return this.#cut()
      const answers = batches.map((batch) => ({ index: batch.partition, errorCode: this.#take(batch, mishap) }))
      if (mishap === 'cut after') return this.#cut()
      return { responses: [{ name: TOPIC, partitionResponses: answers }] }
    })
    return Promise.race([answer, cut]).finally(() => this.#inFlight.shift())
  }

  #cut(): never {
    const error = Object.assign(new Error('connection closed'), { code: 'PLT_KFK_NETWORK' })
    for (const reject of this.#inFlight) reject(error)
    throw error
  }

  #take({ partition, producer, sequence, records }: Batch, mishap: Mishap): number {
    if (mishap === 'not leader') return NOT_LEADER
    if (mishap === 'replicas') return NOT_ENOUGH_REPLICAS
    if (records.some(([, value]) => value === POISON)) return TOO_LARGE
    const place = `${producer} ${partition}`
    // Of a producer that it has not heard of, it takes any.
    const known = this.#known.get(place) ?? { next: sequence, last: [] }
    this.#known.set(place, known)
    if (known.last.includes(sequence)) return DUPLICATE
    if (sequence !== known.next) return OUT_OF_ORDER
    known.next += records.length
    known.last = [...known.last.slice(-4), sequence]
    this.logs[partition]!.push(...records)
    return 0
  }
}

class TestProducer extends BatchProducer {
  readonly #broker: Broker

  constructor(options: BatchProducerOptions, broker: Broker) {
    super({ ...options, retryDelayMs: 0 })
    this.#broker = broker
  }

  override partitions(): Promise<number> {
    return Promise.resolve(PARTITIONS)
  }

  protected override identify(): ReturnType<BatchProducer['begin']> {
    return Promise.resolve({ producerId: this.#broker.producers++, producerEpoch: 0 })
  }

  protected override metadata(): Promise<ClusterMetadata> {
    const partitions = Array.from({ length: PARTITIONS }, () => ({ leader: 1 }))
    return Promise.resolve({ brokers: new Map(), topics: new Map([[TOPIC, { partitions }]]) } as never)
  }

  protected override connection(): Promise<Connection> {
    const send = (...[, , payload, , , , callback]: Parameters<Connection['send']>): void => {
      const { buffer } = payload() as { readonly buffer: Buffer }
      this.#broker.produce(buffer).then(
        (answer) => callback(null, answer as never),
        (error: Error) => callback(error, undefined as never),
      )
    }
    return Promise.resolve({ send } as never)
  }

  protected override api<T>(): Promise<KafkaApi<T>> {
    return Promise.resolve({ key: 0, version: VERSION } as never)
  }
}

/** Reads a Produce request of version 7 with one topic. */
function batchesOf(body: Buffer): Batch[] {
  // Null as transactional id, acks, timeout, one topic, its name.
  let at = 2 + 2 + 4 + 4 + 2 + TOPIC.length
  const count = body.readInt32BE(at)
  at += 4
  return Array.from({ length: count }, () => {
    const partition = body.readInt32BE(at)
    const size = body.readInt32BE(at + 4)
    const bytes = body.subarray(at + 8, at + 8 + size)
    at += 8 + size
    const records = recordsOf(bytes)
    return { partition, producer: bytes.readBigInt64BE(43), sequence: bytes.readInt32BE(53), records }
  })
}

function recordsOf(bytes: Buffer): (readonly [string, string])[] {
  let at = 61
  const varint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
  }
  const text = (): string => {
    const length = varint()
    at += length
    return bytes.toString('utf8', at - length, at)
  }
  return Array.from({ length: bytes.readInt32BE(57) }, () => {
    const length = varint()
    const end = at + length
    at += 2
    varint()
    const record = [text(), text()] as const
    at = end
    return record
  })
}

const action = {
  rule: { id: 'r' },
  identity: 'a',
  timeoutMs: 10_000,
  options: { topic: TOPIC, topicSource: TOPIC, compression: 'none', contentType: 'text/plain' },
} as unknown as ActionPlan

function job(key: string, value: string): Sendable {
  return { id: `${key}/${value}`, key, at: 0, action, payload: { topic: TOPIC, key, headers: {}, value } }
}

/** Two sends at a time, never of one key; what failed is sent again, in order, as the queue of a target does it. */
async function sendAll(target: KafkaTarget, values: ReadonlyMap<string, string[]>, sizes: () => number): Promise<void> {
  const busy = new Set<string>()
  const sender = async (): Promise<void> => {
    for (;;) {
      const free = [...values].filter(([key, left]) => left.length > 0 && !busy.has(key)).slice(0, 3)
      if (free.length === 0 && [...values.values()].every((left) => left.length === 0)) return
      if (free.length === 0) {
        await new Promise(setImmediate)
        continue
      }
      for (const [key] of free) busy.add(key)
      const jobs = free.flatMap(([key, left]) => left.slice(0, sizes()).map((value) => job(key, value)))
      const result = await target.send(jobs)
      for (const [key, left] of free) values.get(key)!.splice(0, left.length, ...leftOf(key, left, jobs, result))
      for (const [key] of free) busy.delete(key)
    }
  }
  await Promise.all([sender(), sender()])
}

function leftOf(
  key: string,
  values: readonly string[],
  jobs: readonly Sendable[],
  result: undefined | readonly (DeliveryFailure | null)[],
): string[] {
  const its = jobs.flatMap((each, i) => (each.key === key ? [result?.[i] ?? null] : []))
  const failed = its.findIndex((failure) => failure !== null && failure.kind !== 'poison')
  return values.slice(failed < 0 ? its.length : failed)
}

const OPTIONS: KafkaTargetOptions = {
  brokers: ['127.0.0.1:1'],
  createTopics: false,
  exactlyOnce: false,
  maxConnectionAgeMs: Infinity,
  tls: null,
  sasl: null,
}

async function run(mishaps: readonly Mishap[], values: Map<string, string[]>, sizes: () => number): Promise<Broker> {
  const broker = new Broker(mishaps)
  const target = new KafkaTarget(
    OPTIONS,
    () => 0,
    (options) => new TestProducer(options, broker),
  )
  await sendAll(target, values, sizes)
  await target.close()
  return broker
}

function allValues(): Map<string, string[]> {
  return new Map(KEYS.map((key) => [key, Array.from({ length: PER_KEY }, (_, i) => String(i + 1))]))
}

function arrived({ logs }: Broker, key: string): number[] {
  return logs.flat().flatMap(([its, value]) => (its === key ? [Number(value)] : []))
}

const IN_ORDER = Array.from({ length: PER_KEY }, (_, i) => i + 1)

test('sends are in flight side by side, and each record arrives once where the tries of a batch suffice', async () => {
  const mishaps: Mishap[] = [
    'none',
    'none',
    'none',
    'none',
    'cut after',
    'none',
    'none',
    'not leader',
    'none',
    'cut before',
  ]
  const broker = await run(mishaps, allValues(), () => 1)
  expect(broker.mostInFlight).toBe(2)
  expect(broker.producers).toBe(1n)
  for (const key of KEYS) expect(arrived(broker, key)).toEqual(IN_ORDER)
})

test('nothing is lost and keys stay in order, whatever happens to requests in flight', async () => {
  const mishap = fc.constantFrom<Mishap>('none', 'none', 'none', 'cut before', 'cut after', 'not leader', 'replicas')
  await fc.assert(
    fc.asyncProperty(
      fc.array(mishap, { maxLength: 60 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 3 })),
      async (some, sizes) => {
        const broker = await run(some, allValues(), () => sizes.next().value!)
        for (const key of KEYS) {
          const its = arrived(broker, key)
          expect([...new Set(its)]).toEqual(IN_ORDER)
          expect([...new Set(its.toReversed())]).toEqual(IN_ORDER.toReversed())
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('nothing is written behind the end of a producer whose send was given up while it had to wait', async () => {
  const broker = new Broker([])
  let connect = (): void => undefined
  const connecting = new Promise<void>((resolve) => (connect = resolve))
  class WaitingProducer extends TestProducer {
    waits = false

    protected override async connection(): Promise<Connection> {
      if (this.waits) await connecting
      return super.connection()
    }
  }
  const producers: WaitingProducer[] = []
  const make = (options: BatchProducerOptions): WaitingProducer => {
    producers.push(new WaitingProducer(options, broker))
    return producers.at(-1)!
  }
  const target = new KafkaTarget(OPTIONS, () => 0, make)
  await target.send([job('k0', '1')])
  producers[0]!.waits = true
  const short = { ...job('k0', '2'), action: { ...action, timeoutMs: 10 } }
  expect((await target.send([short]))?.[0]?.kind).toBe('down')
  await target.send([job('k0', '2'), job('k0', '3')])
  connect()
  for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate)
  await target.close()
  expect(arrived(broker, 'k0')).toEqual([1, 2, 3])
})

test('a record that is refused for what it is holds up nothing else', async () => {
  const values = allValues()
  values.get('k2')![5] = POISON
  values.get('k4')![9] = POISON
  const broker = await run(['none', 'none', 'cut before'], values, () => 2)
  for (const key of KEYS) {
    const without = key === 'k2' ? 6 : key === 'k4' ? 10 : 0
    expect([...new Set(arrived(broker, key))]).toEqual(IN_ORDER.filter((value) => value !== without))
  }
})
