import { setTimeout as delay } from 'node:timers/promises'
import type { Broker, ClusterMetadata, Connection } from '@platformatic/kafka'
import { crc32c, type KafkaApi, type KafkaClient, newestApi, openAdmin, request } from './kafka.ts'
import type { KafkaConnection } from './kafka.ts'
import { answerInside, errorsOf, mayRetry, type ProduceAnswer } from './produce-answers.ts'
import { isFlexible, type PartitionBatch, produceRequest } from './produce-request.ts'
import { seal } from './record-batch.ts'

/** Sequence numbers start again from 0 behind the largest. */
const SEQUENCES = 2 ** 31

export interface BatchProducerOptions {
  readonly connection: KafkaConnection
  /** Of a request, for the broker. */
  readonly timeoutMs: number
  readonly createTopics: boolean
  /** How often a batch is tried again with its numbers, so that a broker drops what it has already. */
  readonly tries: number
  readonly retryDelayMs: number
}

export interface ProducerId {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/**
 * An idempotent producer of finished batches, acks=all, over the client's connections. Several `sendBeside` may be in
 * flight; where one fails, its batches, and those behind them that failed in consequence, are given to `send` in the order
 * in which they were sent, once nothing is in flight: they keep their numbers, so that a broker takes each once, and in
 * order. `send` is used alone. After it has failed the producer is to be closed, as it may not know which numbers a broker
 * has seen.
 */
export class BatchProducer {
  /** Of the tries of the send under way. */
  lastError: unknown = null
  readonly client: KafkaClient
  protected readonly options: BatchProducerOptions
  /** Whose batches are part of transactions; null: none are. */
  protected readonly transactionalId: string | null
  readonly #apis = new Map<string, KafkaApi<unknown>>()
  readonly #sequences = new Map<string, number>()
  readonly #numbered = new WeakSet<PartitionBatch>()
  /** A broker has taken a batch of them: from then on it refuses one that comes before its turn. */
  readonly #proven = new Set<string>()
  /** Ends when the requests of `sendBeside` are written that were asked for last. */
  #written: Promise<void> = Promise.resolve()
  #id: ProducerId | null = null
  #isClosed = false

  constructor(options: BatchProducerOptions, transactionalId: string | null = null) {
    this.transactionalId = transactionalId
    const { connection, tries, retryDelayMs } = options
    this.options = options
    const retryDelay = (...[, , , , error]: [unknown, string, number, number, Error]): number => {
      this.lastError = error
      return retryDelayMs
    }
    this.client = openAdmin({ ...connection, retries: tries, retryDelay })
  }

  /** Partitions of a topic. Rejects where there is no such topic. */
  async partitions(topic: string): Promise<number> {
    const metadata = await this.client.metadata({ topics: [topic], autocreateTopics: this.options.createTopics })
    return metadata.topics.get(topic)!.partitionsCount
  }

  /** One error or null for each batch. At most one batch for each partition. */
  async send(batches: readonly PartitionBatch[]): Promise<readonly (Error | null)[]> {
    this.lastError = null
    try {
      const id = await this.begin()
      // Those that were sent before are sent as what they were.
      for (const batch of batches) if (!this.#numbered.has(batch)) this.#number(batch, id)
    } catch (error) {
      return batches.map(() => error as Error)
    }
    return this.#sendNumbered(batches)
  }

  /** Whether these may be sent by `sendBeside`. */
  knows(batches: readonly PartitionBatch[]): boolean {
    return this.#id !== null && batches.every((batch) => this.#proven.has(placeOf(batch)))
  }

  /** As `send`, tried once; `knows` them. Requests are written in the order of the calls. */
  async sendBeside(batches: readonly PartitionBatch[]): Promise<readonly (Error | null)[]> {
    for (const batch of batches) this.#number(batch, this.#id!)
    const errors: (Error | null)[] = batches.map(() => null)
    const before = this.#written
    let written = (): void => undefined
    this.#written = new Promise((resolve) => (written = resolve))
    await before
    try {
      await this.#tryOnce(batches, [...batches.keys()], errors, false, written)
    } finally {
      written()
    }
    this.lastError = errors.find((error) => error !== null) ?? null
    return errors
  }

  /** Becomes the producer that it stays to its end. */
  async begin(): Promise<ProducerId> {
    this.#id ??= await this.retried(() => this.identify())
    return this.#id
  }

  close(): Promise<void> {
    this.#isClosed = true
    return this.client.close()
  }

  /** A producer id that was never used. */
  protected async identify(): Promise<ProducerId> {
    const { brokers } = await this.metadata([], false)
    const connection = await this.client.connections.getFirstAvailable([...brokers.values()])
    const api = await this.api<ProducerId>('InitProducerId')
    return api.async(connection, null, this.options.timeoutMs)
  }

  /** Asked once: what sends tries again. */
  protected metadata(topics: string[], forceUpdate: boolean): Promise<ClusterMetadata> {
    return this.client.metadata({ topics, forceUpdate, autocreateTopics: this.options.createTopics, retries: 0 })
  }

  protected connection(metadata: ClusterMetadata, node: number): Promise<Connection> {
    return this.client.connections.get(metadata.brokers.get(node) as Broker)
  }

  /** `newest`: no version behind it is for clients. */
  protected async api<T>(name: string, newest = Infinity): Promise<KafkaApi<T>> {
    let api = this.#apis.get(name)
    if (api === undefined) {
      const known = (await this.client.listApis()).find((each) => each.name === name)
      const { minVersion, maxVersion } = known ?? { minVersion: 0, maxVersion: -1 }
      api = newestApi(name, { minVersion, maxVersion: Math.min(newest, maxVersion) })
      this.#apis.set(name, api)
    }
    return api as KafkaApi<T>
  }

  /** Tries again as long as the same may succeed. */
  protected async retried<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await work()
      } catch (error) {
        this.lastError = error
        if (tries >= this.options.tries || !mayRetry(error)) throw error
        await delay(this.options.retryDelayMs)
      }
    }
  }

  #number(batch: PartitionBatch, id: ProducerId): void {
    const place = placeOf(batch)
    const sequence = this.#sequences.get(place) ?? 0
    this.#sequences.set(place, (sequence + batch.count) % SEQUENCES)
    this.#numbered.add(batch)
    seal(batch.bytes, { ...id, sequence, transactional: this.transactionalId !== null }, crc32c)
  }

  async #sendNumbered(batches: readonly PartitionBatch[]): Promise<readonly (Error | null)[]> {
    const errors: (Error | null)[] = batches.map(() => null)
    let left = batches.map((_, i) => i)
    for (let tries = 0; left.length > 0; tries++) {
      const isLast = tries >= this.options.tries
      if (tries > 0) await delay(this.options.retryDelayMs)
      await this.#tryOnce(batches, left, errors, tries > 0)
      const failed = left.filter((i) => errors[i] !== null)
      if (failed.length > 0) this.lastError = errors[failed[0]!]
      left = isLast ? [] : failed.filter((i) => mayRetry(errors[i]))
    }
    return errors
  }

  /** Fills in what became of those of the batches. `written`: called when all requests are written that can be. */
  async #tryOnce(
    batches: readonly PartitionBatch[],
    which: readonly number[],
    errors: (Error | null)[],
    again: boolean,
    written?: () => void,
  ): Promise<void> {
    const topics = [...new Set(which.map((i) => batches[i]!.topic))]
    let metadata: ClusterMetadata
    try {
      metadata = await this.metadata(topics, again)
    } catch (error) {
      for (const i of which) errors[i] = error as Error
      return
    }
    const byLeader = Map.groupBy(which, (i) => {
      const { topic, partition } = batches[i]!
      return metadata.topics.get(topic)?.partitions[partition]?.leader ?? -1
    })
    const requests = await Promise.all(
      [...byLeader].map(async ([leader, its]) => {
        const some = its.map((i) => batches[i]!)
        return { its, ...(await this.#request(metadata, leader, some)) }
      }),
    )
    written?.()
    for (const { its, answered } of requests) {
      const answers = await answered
      for (const [place, i] of its.entries()) {
        errors[i] = answers[place]!
        if (answers[place] === null) this.#proven.add(placeOf(batches[i]!))
      }
    }
  }

  /** The request is written when the promise resolves; `answered` never rejects. */
  async #request(
    metadata: ClusterMetadata,
    leader: number,
    batches: readonly PartitionBatch[],
  ): Promise<{ readonly answered: Promise<readonly (Error | null)[]> }> {
    const failed = (error: unknown): readonly (Error | null)[] => batches.map(() => error as Error)
    try {
      const [connection, api] = await Promise.all([
        this.connection(metadata, leader),
        this.api<ProduceAnswer>('Produce'),
      ])
      // Whoever has closed it has its records sent by another one by now: these would come behind theirs.
      if (this.#isClosed) throw new Error('the producer is closed')
      const body = produceRequest(api.version, batches, this.options.timeoutMs, this.transactionalId)
      const answer = request(connection, api, body, isFlexible(api.version)).catch(answerInside)
      return { answered: answer.then((each) => errorsOf(each, batches)).catch(failed) }
    } catch (error) {
      return { answered: Promise.resolve(failed(error)) }
    }
  }
}

function placeOf({ topic, partition }: PartitionBatch): string {
  return `${topic}:${partition}`
}
