import { BatchProducer } from '../../clients/kafka/batch-producer.ts'
import type { ActionPlan, DeliveryFailure, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import { shortestTimeoutMs } from '../failure/deadline.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { kafkaFailure } from './failure.ts'
import type { KafkaTargetOptions } from './options.ts'
import { BatchPacker, type PackedBatch } from './packed-batches.ts'
import { SendResults } from './send-results.ts'
import { KafkaSession, topicNameOf } from './session.ts'

/** Enough for the round trip to vanish; what is larger is garbage that is old before it is collected. */
const MAX_BATCH = 5_000
/** While the brokers work on one send, the next is encoded. */
const MAX_CONCURRENCY = 2

/**
 * Records with acks=all from an idempotent producer, in requests that are one after the other: one that fails with
 * others behind it would leave sequence numbers out of order.
 */
export class KafkaTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = MAX_CONCURRENCY
  readonly #packer: BatchPacker
  readonly #session: KafkaSession<BatchProducer>

  constructor(options: KafkaTargetOptions, now: () => number) {
    this.#packer = new BatchPacker(now)
    this.#session = new KafkaSession(options, now, (producer) => new BatchProducer(producer))
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    // Encoded while the send before is under way, where the partitions are known.
    const early = this.#session.topics.has(jobs) ? await this.#pack(jobs, jobs.keys()) : null
    return this.#session.inTurn(() => this.#sendInTurn(jobs, early))
  }

  async #sendInTurn(jobs: readonly Sendable[], early: readonly PackedBatch[] | null): Promise<SendResult> {
    const results = new SendResults(jobs)
    if (early === null) await this.#session.learnTopics(jobs, results)
    let batches = early ?? (await this.#pack(jobs, results.unfailed()))
    while (batches.length > 0) {
      results.queue(batches)
      for (let round = results.nextRound(); round.length > 0; round = results.nextRound()) {
        await this.#sendRound(jobs, round, results)
      }
      batches = (await Promise.all(results.takeHalves().map((indexes) => this.#pack(jobs, indexes)))).flat()
    }
    return results.failures
  }

  /** At most one batch for each partition. */
  async #sendRound(jobs: readonly Sendable[], round: readonly PackedBatch[], results: SendResults): Promise<void> {
    let errors: readonly unknown[]
    try {
      const timeoutMs = shortestTimeoutMs(round.flatMap(({ indexes }) => indexes.map((index) => jobs[index]!)))
      errors = await withDeadline(this.#session.producer.send(round), timeoutMs)
      // Of those that failed a request may be under way still.
      this.#packer.done(round.filter((_, i) => errors[i] === null))
    } catch (error) {
      const reason = this.#session.reasonOf(error)
      errors = round.map(() => reason)
    }
    if (errors.some((error) => error !== null)) await this.#session.discard()
    for (const [i, batch] of round.entries()) {
      if (errors[i] === null) continue
      this.#session.topics.doubt(batch.topic)
      results.failed(batch, kafkaFailure(errors[i], topicNameOf(jobs[batch.indexes[0]!]!)))
    }
  }

  #pack(jobs: readonly Sendable[], indexes: Iterable<number>): Promise<PackedBatch[]> {
    return this.#packer.pack(jobs, indexes, (topic) => this.#session.topics.partitionsOf(topic))
  }

  check(action: Pick<ActionPlan, 'options' | 'timeoutMs'>): Promise<DeliveryFailure | null> {
    return this.#session.check(action)
  }

  close(): Promise<void> {
    return this.#session.discard()
  }
}
