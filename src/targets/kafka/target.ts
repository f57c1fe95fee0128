import { BatchProducer, type BatchProducerOptions } from '../../clients/kafka/batch-producer.ts'
import type { DeliveryFailure, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { shortestTimeoutMs } from '../failure/deadline.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { kafkaFailure } from './failure.ts'
import type { KafkaTargetOptions } from './options.ts'
import { BatchPacker, type PackedBatch, roundsOf } from './packed-batches.ts'
import { SendResults } from './send-results.ts'
import { KafkaSession, topicNameOf } from './session.ts'
import type { BesideResult } from './turns.ts'

/** Enough for the round trip to vanish; what is larger is garbage that is old before it is collected. */
const MAX_BATCH = 2_000
/** While the brokers work on one send, the next is in their sockets, or is encoded. */
const MAX_CONCURRENCY = 2
/** Brokers know the last five batches of a partition again, of which these many may be in flight for each send. */
const MOST_BESIDE = 2

/**
 * Records with acks=all from an idempotent producer. Sends are in flight side by side as long as all goes well; one that
 * fails is done alone, once the others have ended, and so are those behind it whose numbers are out of order because of it.
 * No two sends that are under way hold events of one row: their order among each other means nothing (invariant 2).
 */
export class KafkaTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = MAX_CONCURRENCY
  readonly #packer: BatchPacker
  readonly #session: KafkaSession<BatchProducer>

  constructor(
    options: KafkaTargetOptions,
    now: () => number,
    make = (producer: BatchProducerOptions): BatchProducer => new BatchProducer(producer),
  ) {
    this.#packer = new BatchPacker(now)
    this.#session = new KafkaSession(options, now, make)
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    // Encoded while the send before is under way, where the partitions are known.
    const early = this.#session.topics.has(jobs) ? await this.#pack(jobs, jobs.keys()) : null
    if (early === null || early.length === 0) return this.#session.inTurn(() => this.#sendInTurn(jobs, early))
    return this.#session.beside((producer) => this.#sendBeside(jobs, early, producer))
  }

  /** Tried once, with other sends in flight; what is not acknowledged is sent again when it is alone. */
  async #sendBeside(
    jobs: readonly Sendable[],
    batches: readonly PackedBatch[],
    producer: BatchProducer | null,
  ): Promise<BesideResult<SendResult>> {
    const rounds = roundsOf(batches)
    if (producer === null || rounds.length > MOST_BESIDE || !producer.knows(batches)) {
      return { alone: () => this.#sendInTurn(jobs, batches) }
    }
    try {
      const answers = Promise.all(rounds.map((round) => producer.sendBeside(round)))
      const errors = (await withDeadline(answers, shortestTimeoutMs(jobs))).flat()
      const sent = rounds.flat()
      this.#packer.done(sent.filter((_, i) => errors[i] === null))
      const left = sent.filter((_, i) => errors[i] !== null)
      return left.length === 0 ? { done: undefined } : { alone: () => this.#sendInTurn(jobs, left) }
    } catch (error) {
      // Out of time: whether the brokers have taken it is not known, and others may be out of order because of it.
      const reason = this.#session.reasonOf(error)
      return { alone: () => this.#failed(jobs, batches, reason) }
    }
  }

  async #failed(jobs: readonly Sendable[], batches: readonly PackedBatch[], reason: unknown): Promise<SendResult> {
    const results = new SendResults(jobs)
    await this.#judge(
      jobs,
      batches,
      batches.map(() => reason),
      results,
    )
    return results.failures
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
    await this.#judge(jobs, round, errors, results)
  }

  async #judge(
    jobs: readonly Sendable[],
    round: readonly PackedBatch[],
    errors: readonly unknown[],
    results: SendResults,
  ): Promise<void> {
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
