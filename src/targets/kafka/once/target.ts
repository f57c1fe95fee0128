import { TransactionalProducer } from '../../../clients/kafka/transactional-producer.ts'
import type { PartitionBatch } from '../../../clients/kafka/produce-request.ts'
import type { DeliveryRun } from '../../../model/delivery/delivery-run.ts'
import type { DeliveryFailure, Sendable, SendResult, Target } from '../../../model/rule/action.ts'
import type { ActionPlan } from '../../../model/rule/rule.ts'
import { DeadlineError, withDeadline } from '../../../model/with-deadline.ts'
import { shortestTimeoutMs } from '../../failure/deadline.ts'
import { effectId } from '../../plan/effect-id.ts'
import { kafkaFailure } from '../failure.ts'
import type { KafkaTargetOptions } from '../options.ts'
import { BatchPacker, type PackedBatch, roundsOf } from '../packed-batches.ts'
import { SendResults } from '../send-results.ts'
import { KafkaSession, topicNameOf } from '../session.ts'
import type { AppliedEvents } from './applied-events.ts'
import { AppliedTopic, ownerName } from './applied-topic.ts'
import { FencedError } from './fenced-error.ts'

/** A transaction costs four round trips, whatever it holds. */
const MAX_BATCH = 10_000
/** For what is done at the start, and for what concerns dead letters. */
const OPEN_TIMEOUT_MS = 60_000
/** Beside the run of an instance, a retry of its dead letters may send. */
const RETRY_SUFFIX = '/retry'

/**
 * Each send is one transaction, which holds beside the records which events they are of: readers of what is committed see
 * each event once. After anything that went wrong the producer begins anew, which ends what was open, and the record is
 * read again: an event that was sent is not sent again, whatever became of the answer.
 */
export class ExactlyOnceTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = 1
  readonly #packer: BatchPacker
  readonly #session: KafkaSession<TransactionalProducer>
  readonly #topic: AppliedTopic
  readonly #keepsByName: boolean
  /** Of the producer that is open. */
  #applied: { readonly producer: TransactionalProducer; readonly events: AppliedEvents } | null = null

  constructor(id: string, options: KafkaTargetOptions, run: DeliveryRun, now: () => number) {
    const owner = ownerName(run, id)
    const transactionalId = `bingo/${owner}${run.epoch === null ? RETRY_SUFFIX : ''}`
    this.#packer = new BatchPacker(now)
    this.#topic = new AppliedTopic(owner, run)
    this.#keepsByName = run.epoch === null
    this.#session = new KafkaSession(options, now, (producer) => new TransactionalProducer(producer, transactionalId))
  }

  send(jobs: readonly Sendable[]): Promise<SendResult> {
    return this.#session.inTurn(async () => {
      const results = new SendResults(jobs)
      const opened = await this.#opened(jobs[0]!)
      if ('kind' in opened) return jobs.map(() => opened)
      await this.#session.learnTopics(jobs, results)
      const usable = results.unfailed().filter((index) => !opened.has(effectId(jobs[index]!)))
      await this.#sendAll(jobs, usable, results)
      return results.failures
    })
  }

  /** In one transaction; where a record is refused for what it is, in as many as it takes to find it. */
  async #sendAll(jobs: readonly Sendable[], indexes: readonly number[], results: SendResults): Promise<void> {
    if (indexes.length === 0) return
    const opened = results.isDown ?? (await this.#opened(jobs[indexes[0]!]!))
    const failure = 'kind' in opened ? opened : await this.#transact(jobs, indexes, opened)
    if (failure === null) return
    if (failure.kind === 'poison' && indexes.length > 1) {
      const middle = indexes.length >> 1
      await this.#sendAll(jobs, indexes.slice(0, middle), results)
      await this.#sendAll(jobs, indexes.slice(middle), results)
      return
    }
    results.allFailed(indexes, failure)
  }

  async #transact(
    jobs: readonly Sendable[],
    indexes: readonly number[],
    applied: AppliedEvents,
  ): Promise<DeliveryFailure | null> {
    const { topics, producer } = this.#session
    const batches = await this.#packer.pack(jobs, indexes, (topic) => topics.partitionsOf(topic))
    const some = indexes.map((index) => jobs[index]!)
    const ids = some.map(effectId)
    const slot = applied.freeSlot()
    const note = await (this.#keepsByName ? this.#topic.kept(ids) : this.#topic.sent(slot, ids))
    let failed: PackedBatch | null = null
    try {
      const work = async (): Promise<void> => {
        for (const round of roundsOf(batches)) {
          const errors = await producer.send(round)
          const place = errors.findIndex((error) => error !== null)
          if (place < 0) continue
          failed = round[place]!
          throw errors[place]
        }
        await write(producer, [note])
      }
      await withDeadline(work(), shortestTimeoutMs(some))
    } catch (error) {
      const reason = this.#session.reasonOf(error)
      const first = failed as PackedBatch | null
      if (first !== null) topics.doubt(first.topic)
      await this.#discard()
      return kafkaFailure(reason, topicNameOf(jobs[first?.indexes[0] ?? indexes[0]!]!))
    }
    this.#packer.done(batches)
    if (this.#keepsByName) for (const id of ids) applied.keep(id, true)
    else applied.sent(slot, ids)
    return null
  }

  /** What was sent, as the only one that can send; or why that cannot be had. */
  async #opened(job: Sendable): Promise<AppliedEvents | DeliveryFailure> {
    try {
      return await this.#open()
    } catch (error) {
      if (error instanceof FencedError) return { kind: 'down', error }
      return kafkaFailure(error, topicNameOf(job))
    }
  }

  async #open(): Promise<AppliedEvents> {
    const { producer } = this.#session
    if (this.#applied?.producer === producer) return this.#applied.events
    const ended = new AbortController()
    try {
      const work = async (): Promise<AppliedEvents> => {
        await this.#topic.create(this.#session.connection())
        // Ends what an earlier producer left open, and keeps it from writing more.
        await producer.begin()
        const events = await this.#topic.read(this.#session.connection(), ended.signal)
        events.complete()
        if (!this.#keepsByName) await write(producer, [await this.#topic.begun()])
        return events
      }
      const events = await withDeadline(work(), OPEN_TIMEOUT_MS)
      this.#applied = { producer, events }
      return events
    } catch (error) {
      const reason = this.#session.reasonOf(error)
      await this.#discard()
      throw reason
    } finally {
      ended.abort(new DeadlineError(OPEN_TIMEOUT_MS))
    }
  }

  /** Events that were sent all the same outlive what this run forgets: somebody will retry them, some day. */
  async beforeDeadLetter(jobs: readonly Sendable[]): Promise<void> {
    await this.#session.inTurn(async () => {
      const applied = await this.#open()
      const ids = jobs.map(effectId).filter((id) => applied.has(id))
      if (ids.length > 0) await this.#note(await this.#topic.kept(ids))
      for (const id of ids) applied.keep(id, true)
    })
  }

  /** Dead letters that were sent are gone: nobody sends them again. */
  async afterRedelivery(jobs: readonly Sendable[]): Promise<void> {
    await this.#session.inTurn(async () => {
      const applied = await this.#open()
      const ids = jobs.map(effectId).filter((id) => applied.has(id))
      if (ids.length > 0) await this.#note(await this.#topic.forgotten(ids))
      for (const id of ids) applied.keep(id, false)
    })
  }

  async #note(batch: PartitionBatch): Promise<void> {
    try {
      await withDeadline(write(this.#session.producer, [batch]), OPEN_TIMEOUT_MS)
    } catch (error) {
      await this.#discard()
      throw error
    }
  }

  async #discard(): Promise<void> {
    this.#applied = null
    await this.#session.discard()
  }

  check(action: Pick<ActionPlan, 'options' | 'timeoutMs'>): Promise<DeliveryFailure | null> {
    return this.#session.check(action)
  }

  close(): Promise<void> {
    return this.#discard()
  }
}

/** The last batches of a transaction. */
async function write(producer: TransactionalProducer, batches: readonly PartitionBatch[]): Promise<void> {
  const [error] = (await producer.send(batches)).filter((each) => each !== null)
  if (error !== undefined) throw error
  await producer.commit()
}
