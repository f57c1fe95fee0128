import { isIP } from 'node:net'
import { openAdmin } from '../../clients/kafka/kafka.ts'
import type { KafkaConnection } from '../../clients/kafka/kafka.ts'
import type { BatchProducer, BatchProducerOptions } from '../../clients/kafka/batch-producer.ts'
import type { DeliveryFailure, Sendable } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { ConnectionAge } from '../plan/connection-age.ts'
import { readTls } from '../tls-files.ts'
import { DeadlineError, withDeadline } from '../../model/with-deadline.ts'
import { isMissingTopic, kafkaFailure, topicFailure, type TopicName } from './failure.ts'
import { KnownTopics } from './known-topics.ts'
import type { KafkaActionOptions, KafkaPayload, KafkaTargetOptions } from './options.ts'
import type { SendResults } from './send-results.ts'
import { type BesideResult, Turns } from './turns.ts'

const CONNECT_TIMEOUT_MS = 5_000
/** Per step, in the client; the `timeout` of the actions bounds all steps and tries of a request. */
const REQUEST_TIMEOUT_MS = 30_000
/** A producer that does not close by then is left to its own timeouts. */
const CLOSE_TIMEOUT_MS = 1_000
/**
 * A batch is repeated with its sequence numbers, so that a broker drops what it has already: worth a second over a new
 * leader, before the executor tries with a new producer.
 */
const RETRIES = 3
const RETRY_DELAY_MS = 300
/** Learnt anew after this long, so that partitions that were added are used. */
const METADATA_MAX_AGE_MS = 60_000

/**
 * The producer of a target, until its first trouble or its age: it is thrown away after a failed send, as it may not know
 * which sequence number the broker has seen (RELIABILITY: traps 12 and 13). Only sends that begin `beside` others use it at
 * a time.
 */
export class KafkaSession<P extends BatchProducer> {
  readonly topics: KnownTopics
  readonly #options: KafkaTargetOptions
  readonly #make: (options: BatchProducerOptions) => P
  readonly #age: ConnectionAge
  #producer: P | null = null
  readonly #turns = new Turns()

  constructor(options: KafkaTargetOptions, now: () => number, make: (options: BatchProducerOptions) => P) {
    this.#options = options
    this.#make = make
    this.#age = new ConnectionAge(options.maxConnectionAgeMs)
    this.topics = new KnownTopics(now, METADATA_MAX_AGE_MS)
  }

  /** Once everything before has ended. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.alone(() => this.#renewed(work))
  }

  /** While others of its kind are under way; `work` is given the producer, or null where it cannot be used by several. */
  beside<T>(work: (producer: P | null) => Promise<BesideResult<T>>): Promise<T> {
    return this.#turns.beside(async () => {
      const producer = this.#age.isOver ? null : this.#producer
      const result = await work(producer)
      // What was sent is sent again by the producer that has numbered it, however old that is.
      return producer === null && 'alone' in result ? { alone: () => this.#renewed(result.alone) } : result
    })
  }

  async #renewed<T>(work: () => Promise<T>): Promise<T> {
    if (this.#age.isOver) await this.discard()
    return work()
  }

  get producer(): P {
    this.#producer ??= this.#open()
    return this.#producer
  }

  /** Out of time in the midst of tries: what the last of them failed of says more than the clock. */
  reasonOf(error: unknown): unknown {
    return error instanceof DeadlineError ? (this.#producer?.lastError ?? error) : error
  }

  async discard(): Promise<void> {
    const producer = this.#producer
    this.#producer = null
    if (producer !== null) await withDeadline(producer.close(), CLOSE_TIMEOUT_MS).catch(() => undefined)
  }

  /** Finds out how many partitions the topics have that are not known; the jobs of those that cannot be used fail. */
  async learnTopics(jobs: readonly Sendable[], results: SendResults): Promise<void> {
    for (const job of this.topics.firstOfUnknown(jobs)) {
      if (results.isFailed(job)) continue
      const { topic } = job.payload as KafkaPayload
      const failure = await this.#learn(job, topic)
      if (failure !== null) results.topicFailed(topic, failure)
    }
  }

  async #learn(job: Sendable, topic: string): Promise<DeliveryFailure | null> {
    const failure = await this.#askFor(job, topic)
    if (failure === null || !this.#options.createTopics || !isMissingTopic(failure)) return failure
    // A broker may be told not to make topics for whoever writes to them, and yet let an account create them.
    return (await this.#createTopic(job, topic)) ?? this.#askFor(job, topic)
  }

  async #askFor(job: Sendable, topic: string): Promise<DeliveryFailure | null> {
    try {
      this.topics.learnt(topic, await withDeadline(this.producer.partitions(topic), job.action.timeoutMs))
      return null
    } catch (error) {
      const reason = this.reasonOf(error)
      await this.discard()
      return kafkaFailure(reason, topicNameOf(job))
    }
  }

  /** With as many partitions and replicas as the broker's defaults are. */
  async #createTopic(job: Sendable, topic: string): Promise<DeliveryFailure | null> {
    const admin = openAdmin(this.connection())
    try {
      await withDeadline(admin.createTopics({ topics: [topic] }), job.action.timeoutMs)
      return null
    } catch (error) {
      return topicFailure(error, topicNameOf(job))
    } finally {
      await withDeadline(admin.close(), CLOSE_TIMEOUT_MS).catch(() => undefined)
    }
  }

  /** Asks for the topic, where its name is known, without creating it. */
  async check({ options, timeoutMs }: Pick<ActionPlan, 'options' | 'timeoutMs'>): Promise<DeliveryFailure | null> {
    const { topic } = options as KafkaActionOptions
    const topics = topic === undefined || this.#options.createTopics ? [] : [topic]
    try {
      await withDeadline(this.producer.client.metadata({ topics, autocreateTopics: false }), timeoutMs)
      return null
    } catch (error) {
      const reason = this.reasonOf(error)
      await this.discard()
      return kafkaFailure(reason, { source: topic ?? '', rendered: topic ?? '' })
    }
  }

  connection(): KafkaConnection {
    const { brokers, tls, sasl } = this.#options
    return {
      clientId: 'bingo',
      bootstrapBrokers: [...brokers],
      connectTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      timeout: REQUEST_TIMEOUT_MS,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      ...(tls && { tls: readTls(tls), tlsServerName: tls.servername === undefined && areNames(brokers) }),
      ...(sasl && { sasl }),
    }
  }

  #open(): P {
    this.#age.begin()
    return this.#make({
      connection: this.connection(),
      timeoutMs: REQUEST_TIMEOUT_MS,
      createTopics: this.#options.createTopics,
      tries: RETRIES,
      retryDelayMs: RETRY_DELAY_MS,
    })
  }
}

export function topicNameOf({ action, payload }: Sendable): TopicName {
  const { topicSource } = action.options as KafkaActionOptions
  return { source: topicSource, rendered: (payload as KafkaPayload).topic }
}

/** Brokers behind a router that chooses by server name (SNI) need it; it cannot be an IP address. */
function areNames(brokers: readonly string[]): boolean {
  return brokers.every((broker) => isIP(broker.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')) === 0)
}
