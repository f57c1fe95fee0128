import { setTimeout as delay } from 'node:timers/promises'
import type { Broker, ClusterMetadata, Connection } from '@platformatic/kafka'
import {
  crc32c,
  type KafkaApi,
  type KafkaClient,
  newestApi,
  openAdmin,
  protocolError,
  request,
  ResponseError,
} from '../kafka.ts'
import type { KafkaConnection } from '../kafka.ts'
import { isFlexible, type PartitionBatch, produceRequest } from './produce-request.ts'
import { seal } from './record-batch.ts'

/** The broker has it already: the answer to an earlier try was lost. */
const DUPLICATE = 'DUPLICATE_SEQUENCE_NUMBER'
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

/** An error that a broker answered for one batch; named as the client names those of whole requests. */
export class BatchError extends Error {
  override readonly name = 'BatchError'
  readonly apiId: string
  readonly canRetry: boolean

  constructor(code: number) {
    const { id, canRetry, message } = protocolError(code)
    super(message)
    this.apiId = id
    this.canRetry = canRetry
  }
}

interface ProduceAnswer {
  readonly responses: readonly {
    readonly name: string
    readonly partitionResponses: readonly { readonly index: number; readonly errorCode: number }[]
  }[]
}

export interface ProducerId {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/**
 * An idempotent producer of finished batches, acks=all, over the client's connections. One `send` at a time: several
 * batches of a partition in flight would come in an order that nobody knows once one of them fails. After a failure it
 * is to be closed, as it may not know which numbers a broker has seen.
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
  #id: ProducerId | null = null

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
      for (const batch of batches) this.#number(batch, id)
    } catch (error) {
      return batches.map(() => error as Error)
    }
    return this.#sendNumbered(batches)
  }

  /** Becomes the producer that it stays to its end. */
  async begin(): Promise<ProducerId> {
    this.#id ??= await this.retried(() => this.identify())
    return this.#id
  }

  close(): Promise<void> {
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
    const key = `${batch.topic}:${batch.partition}`
    const sequence = this.#sequences.get(key) ?? 0
    this.#sequences.set(key, (sequence + batch.count) % SEQUENCES)
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

  /** Fills in what became of those of the batches. */
  async #tryOnce(
    batches: readonly PartitionBatch[],
    which: readonly number[],
    errors: (Error | null)[],
    again: boolean,
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
    const sends = [...byLeader].map(async ([leader, its]) => {
      const answers = await this.#sendTo(
        metadata,
        leader,
        its.map((i) => batches[i]!),
      )
      for (const [place, i] of its.entries()) errors[i] = answers[place]!
    })
    await Promise.all(sends)
  }

  async #sendTo(
    metadata: ClusterMetadata,
    leader: number,
    batches: readonly PartitionBatch[],
  ): Promise<readonly (Error | null)[]> {
    try {
      const [connection, api] = await Promise.all([
        this.connection(metadata, leader),
        this.api<ProduceAnswer>('Produce'),
      ])
      const body = produceRequest(api.version, batches, this.options.timeoutMs, this.transactionalId)
      const answer = await request(connection, api, body, isFlexible(api.version)).catch(answerInside)
      return errorsOf(answer, batches)
    } catch (error) {
      return batches.map(() => error as Error)
    }
  }
}

/** The client gives an answer that holds an error as one. */
function answerInside(error: unknown): ProduceAnswer {
  if (error instanceof ResponseError) return (error as unknown as { readonly response: ProduceAnswer }).response
  throw error
}

function errorsOf({ responses }: ProduceAnswer, batches: readonly PartitionBatch[]): (Error | null)[] {
  return batches.map(({ topic, partition }) => {
    const partitions = responses.find(({ name }) => name === topic)?.partitionResponses ?? []
    const answer = partitions.find(({ index }) => index === partition)
    if (answer === undefined) return new Error(`the broker did not answer for partition ${partition} of ${topic}`)
    if (answer.errorCode === 0) return null
    const error = new BatchError(answer.errorCode)
    return error.apiId === DUPLICATE ? null : error
  })
}

/** Of all that went wrong, nothing is for ever. */
function mayRetry(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(mayRetry)
  return !(error instanceof Error && 'canRetry' in error && error.canRetry === false)
}
