import { isIP } from 'node:net'
import type { MessageToProduce } from '@platformatic/kafka'
import { messageId } from '../plan/message-id.ts'
import { openAdmin, openProducer } from '../../clients/kafka.ts'
import type { KafkaConnection, StringProducer } from '../../clients/kafka.ts'
import type { ActionPlan, DeliveryFailure, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import { shortestTimeoutMs } from '../failure/deadline.ts'
import { ConnectionAge } from '../plan/connection-age.ts'
import { readTls } from '../tls-files.ts'
import { DeadlineError, withDeadline } from '../../model/with-deadline.ts'
import { planChunks } from './chunks.ts'
import type { Chunk } from './chunks.ts'
import { isMissingTopic, kafkaFailure, topicFailure } from './failure.ts'
import type { KafkaActionOptions, KafkaPayload, KafkaTargetOptions } from './options.ts'

const MAX_BATCH = 10_000
const ALL_REPLICAS = -1
const CONNECT_TIMEOUT_MS = 5_000
/** Per step, in the client; the `timeout` of the actions bounds all steps and tries of a request. */
const REQUEST_TIMEOUT_MS = 30_000
/** A producer that does not close by then is left to its own timeouts. */
const CLOSE_TIMEOUT_MS = 1_000
const RETRIES = 3
const RETRY_DELAY_MS = 300
/** Learnt anew after this long, so that partitions that were added are used. */
const METADATA_MAX_AGE_MS = 60_000

/**
 * Records with acks=all from an idempotent producer, one request in flight: several at once fail with sequence numbers
 * out of order. After a failed send the producer is thrown away, as it may not know which sequence number the broker
 * has seen (RELIABILITY: traps 12 and 13).
 */
export class KafkaTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = 1
  readonly #options: KafkaTargetOptions
  readonly #age: ConnectionAge
  #producer: StringProducer | null = null
  /** Of the client's own tries for the request under way. */
  #lastError: unknown = null

  constructor(options: KafkaTargetOptions) {
    this.#options = options
    this.#age = new ConnectionAge(options.maxConnectionAgeMs)
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    if (this.#age.isOver) await this.#discard()
    const failures: (DeliveryFailure | null)[] = Array.from({ length: jobs.length }, () => null)
    const failedTopics = new Map<string, DeliveryFailure>()
    let down: DeliveryFailure | undefined
    for (const chunk of planChunks(jobs)) {
      const earlier = down ?? failedTopics.get(chunk.topic)
      if (earlier) for (const index of chunk.indexes) failures[index] = earlier
      else {
        const failure = await this.#sendChunk(jobs, chunk, failures)
        if (failure?.kind === 'down') down = failure
        else if (failure?.kind === 'unknown') failedTopics.set(chunk.topic, failure)
      }
    }
    return failures.some((failure) => failure !== null) ? failures : undefined
  }

  /** Answers the failure that holds for what follows in the topic as well; a poisonous record holds for itself alone. */
  async #sendChunk(
    jobs: readonly Sendable[],
    chunk: Chunk,
    failures: (DeliveryFailure | null)[],
  ): Promise<DeliveryFailure | null> {
    const failure = await this.#produce(jobs, chunk)
    if (failure === null) return null
    if (failure.kind === 'poison' && chunk.indexes.length > 1) return this.#sendHalves(jobs, chunk, failures)
    for (const index of chunk.indexes) failures[index] = failure
    return failure.kind === 'poison' ? null : failure
  }

  /** The topic's limit may be below ours, or one record over it: find out by halves which. */
  async #sendHalves(
    jobs: readonly Sendable[],
    chunk: Chunk,
    failures: (DeliveryFailure | null)[],
  ): Promise<DeliveryFailure | null> {
    const middle = chunk.indexes.length >> 1
    const first = { ...chunk, indexes: chunk.indexes.slice(0, middle) }
    const second = { ...chunk, indexes: chunk.indexes.slice(middle) }
    const failure = await this.#sendChunk(jobs, first, failures)
    if (failure === null) return this.#sendChunk(jobs, second, failures)
    for (const index of second.indexes) failures[index] = failure
    return failure
  }

  async #produce(jobs: readonly Sendable[], chunk: Chunk): Promise<DeliveryFailure | null> {
    const failure = await this.#tryToProduce(jobs, chunk)
    if (failure === null || !this.#options.createTopics || !isMissingTopic(failure)) return failure
    // A broker may be told not to make topics for whoever writes to them, and yet let an account create them.
    return (await this.#createTopic(jobs, chunk)) ?? this.#tryToProduce(jobs, chunk)
  }

  /** With as many partitions and replicas as the broker's defaults are. */
  async #createTopic(jobs: readonly Sendable[], chunk: Chunk): Promise<DeliveryFailure | null> {
    const first = jobs[chunk.indexes[0]!]!
    const admin = openAdmin(this.#connection())
    try {
      await withDeadline(admin.createTopics({ topics: [chunk.topic] }), first.action.timeoutMs)
      return null
    } catch (error) {
      const { topicSource } = first.action.options as KafkaActionOptions
      return topicFailure(error, { source: topicSource, rendered: chunk.topic })
    } finally {
      await withDeadline(admin.close(), CLOSE_TIMEOUT_MS).catch(() => undefined)
    }
  }

  async #tryToProduce(jobs: readonly Sendable[], chunk: Chunk): Promise<DeliveryFailure | null> {
    try {
      this.#producer ??= this.#open()
      const sent = chunk.indexes.map((index) => jobs[index]!)
      const messages = sent.flatMap((job) => recordsOf(job))
      const request = this.#producer.send({ messages, compression: chunk.compression })
      this.#lastError = null
      await withDeadline(request, shortestTimeoutMs(sent))
      return null
    } catch (error) {
      // Out of time in the midst of the client's tries: what the last of them failed of says more than the clock.
      const reason = error instanceof DeadlineError ? (this.#lastError ?? error) : error
      await this.#discard()
      const { topicSource } = jobs[chunk.indexes[0]!]!.action.options as KafkaActionOptions
      return kafkaFailure(reason, { source: topicSource, rendered: chunk.topic })
    }
  }

  /** Asks for the topic, where its name is known, without creating it. */
  async check({ options, timeoutMs }: Pick<ActionPlan, 'options' | 'timeoutMs'>): Promise<DeliveryFailure | null> {
    const { topic } = options as KafkaActionOptions
    const topics = topic === undefined || this.#options.createTopics ? [] : [topic]
    try {
      this.#producer ??= this.#open()
      this.#lastError = null
      await withDeadline(this.#producer.metadata({ topics, autocreateTopics: false }), timeoutMs)
      return null
    } catch (error) {
      await this.#discard()
      return kafkaFailure(error instanceof DeadlineError ? (this.#lastError ?? error) : error, {
        source: topic ?? '',
        rendered: topic ?? '',
      })
    }
  }

  #open(): StringProducer {
    this.#age.begin()
    return openProducer({
      ...this.#connection(),
      acks: ALL_REPLICAS,
      idempotent: true,
      autocreateTopics: this.#options.createTopics,
      // The client repeats a batch with its sequence numbers, so that a broker drops what it has already: worth a
      // second over a new leader, before the executor tries with a new producer. (0 or 1 would mean for ever.)
      retries: RETRIES,
      retryDelay: (_client, _operation, _attempt, _retries, error) => {
        this.#lastError = error
        return RETRY_DELAY_MS
      },
      metadataMaxAge: METADATA_MAX_AGE_MS,
    })
  }

  #connection(): KafkaConnection {
    const { brokers, tls, sasl } = this.#options
    return {
      clientId: 'bingo',
      bootstrapBrokers: [...brokers],
      connectTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      timeout: REQUEST_TIMEOUT_MS,
      ...(tls && { tls: readTls(tls), tlsServerName: tls.servername === undefined && areNames(brokers) }),
      ...(sasl && { sasl }),
    }
  }

  async #discard(): Promise<void> {
    const producer = this.#producer
    this.#producer = null
    if (producer !== null) await withDeadline(producer.close(true), CLOSE_TIMEOUT_MS).catch(() => undefined)
  }

  async close(): Promise<void> {
    await this.#discard()
  }
}

type StringRecord = MessageToProduce<string, string, string, string>

function recordsOf(job: Sendable): readonly StringRecord[] {
  const { topic, key, value, headers, tombstone } = job.payload as KafkaPayload
  const { contentType } = job.action.options as KafkaActionOptions
  const id = {
    ...headers,
    'bingo-event-id': job.id,
    'bingo-message-id': messageId(job.id, job.action),
  }
  // The client writes what is not there as null; an empty text would be a value.
  const empty = { topic, key, headers: id } as StringRecord
  if (value === null) return [empty]
  const record = { topic, key, value, headers: { 'content-type': contentType, ...id } }
  return tombstone === true ? [record, empty] : [record]
}

/** Brokers behind a router that chooses by server name (SNI) need it; it cannot be an IP address. */
function areNames(brokers: readonly string[]): boolean {
  return brokers.every((broker) => isIP(broker.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')) === 0)
}
