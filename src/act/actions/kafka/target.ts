import { Producer, stringSerializers } from '@platformatic/kafka'
import type { DeliveryFailure, Job, SendResult, Target } from '../../../core/action.ts'
import { classify, KAFKA_ERRORS } from '../../classify.ts'
import { codeOf, deliveryFailure, reasonOf } from '../../failure.ts'
import { readTls } from '../../tls-files.ts'
import { withDeadline } from '../../with-deadline.ts'
import { planChunks } from './chunks.ts'
import type { Chunk } from './chunks.ts'
import type { KafkaActionOptions, KafkaPayload, KafkaTargetOptions } from './options.ts'

const MAX_BATCH = 10_000
const ALL_REPLICAS = -1
const CONNECT_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 30_000
/** All of one send: the client's own limits count per step. */
const SEND_DEADLINE_MS = 60_000
const RETRIES = 5
const RETRY_DELAY_MS = 300
/** Learnt anew after this long, so that partitions that were added are used. */
const METADATA_MAX_AGE_MS = 60_000

type StringProducer = Producer<string, string, string, string>

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
  #producer: StringProducer | null = null

  constructor(options: KafkaTargetOptions) {
    this.#options = options
  }

  async send(jobs: readonly Job[]): Promise<SendResult> {
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
    jobs: readonly Job[],
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
    jobs: readonly Job[],
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

  async #produce(jobs: readonly Job[], chunk: Chunk): Promise<DeliveryFailure | null> {
    try {
      this.#producer ??= this.#open()
      const messages = chunk.indexes.map((index) => recordOf(jobs[index]!))
      await withDeadline(this.#producer.send({ messages, compression: chunk.compression }), SEND_DEADLINE_MS)
      return null
    } catch (error) {
      await this.#discard()
      return kafkaFailure(error, chunk.topic)
    }
  }

  #open(): StringProducer {
    const { brokers, createTopics, tls, sasl } = this.#options
    return new Producer<string, string, string, string>({
      clientId: 'bingo',
      bootstrapBrokers: [...brokers],
      serializers: stringSerializers,
      acks: ALL_REPLICAS,
      idempotent: true,
      autocreateTopics: createTopics,
      // The client repeats a batch with its sequence numbers, so that a broker drops what it has already: worth a
      // second or two over a new leader, before the executor tries with a new producer. (0 or 1 would mean for ever.)
      retries: RETRIES,
      retryDelay: RETRY_DELAY_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      timeout: REQUEST_TIMEOUT_MS,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      ...(tls && { tls: readTls(tls) }),
      ...(sasl && { sasl }),
    })
  }

  async #discard(): Promise<void> {
    const producer = this.#producer
    this.#producer = null
    await producer?.close(true).catch(() => undefined)
  }

  async close(): Promise<void> {
    await this.#discard()
  }
}

function recordOf(job: Job): { topic: string; key: string; value: string; headers: Record<string, string> } {
  const { topic, key, value, headers } = job.payload as KafkaPayload
  const { contentType } = job.action.options as KafkaActionOptions
  return {
    topic,
    key,
    value,
    headers: { 'content-type': contentType, ...headers, 'bingo-event-id': job.change.id },
  }
}

function kafkaFailure(error: unknown, topic: string): DeliveryFailure {
  const name = protocolErrorOf(error)
  const kind = name === undefined ? 'down' : classify(KAFKA_ERRORS, name)
  const code = name === undefined ? 'BINGO_KAFKA_UNREACHABLE' : 'BINGO_KAFKA_REFUSED'
  const message =
    name === undefined ? `Kafka cannot be reached: ${reasonOf(error)}` : `Kafka answered ${name} for topic ${topic}`
  return deliveryFailure(kind, code, message, { hint: name === undefined ? undefined : HINTS[name], cause: error })
}

const HINTS: { readonly [name: string]: string } = {
  MESSAGE_TOO_LARGE: 'Raise max.message.bytes of the topic, or send less: a `value` with the fields that are needed.',
  UNKNOWN_TOPIC_OR_PARTITION: 'Create the topic, or set `createTopics: true` where the broker may create it.',
  TOPIC_AUTHORIZATION_FAILED: 'Grant the user Write and Describe on the topic.',
  SASL_AUTHENTICATION_FAILED: 'User or password in `sasl` is wrong.',
}

/** Name of the protocol error somewhere inside what the client threw; it nests them. */
function protocolErrorOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  if ('apiId' in error && typeof error.apiId === 'string') return error.apiId
  if (codeOf(error) === 'PLT_KFK_AUTHENTICATION') return 'SASL_AUTHENTICATION_FAILED'
  // The client translates this one, and keeps nothing of what the broker said.
  if (error instanceof Error && error.message.startsWith('Unknown topic ')) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const inner: unknown[] = error instanceof AggregateError ? [...error.errors] : []
  if (error instanceof Error && error.cause !== undefined) inner.push(error.cause)
  for (const candidate of inner) {
    const found = protocolErrorOf(candidate)
    if (found !== undefined) return found
  }
  return undefined
}
