import type { DeliveryFailure, Sendable } from '../../model/rule/action.ts'
import type { KafkaPayload } from './options.ts'
import type { PackedBatch } from './packed-batches.ts'

/**
 * What becomes of the batches of one send. One that is refused holds back what comes behind it: all of its topic, or
 * everything where the brokers are down. A record that is refused for what it is holds for itself alone, and is looked
 * for by halves, as the limit of a topic may be below ours.
 */
export class SendResults {
  readonly #jobs: readonly Sendable[]
  /** Null: nothing failed, as in most sends. */
  #failures: (DeliveryFailure | null)[] | null = null
  readonly #failedTopics = new Map<string, DeliveryFailure>()
  #down: DeliveryFailure | null = null
  /** By partition, in order. */
  #queues: PackedBatch[][] = []
  #halves: (readonly number[])[] = []

  constructor(jobs: readonly Sendable[]) {
    this.#jobs = jobs
  }

  /** Undefined: all was acknowledged. */
  get failures(): readonly (DeliveryFailure | null)[] | undefined {
    return this.#failures ?? undefined
  }

  /** Indexes of the jobs whose topics can be used. */
  unfailed(): readonly number[] {
    if (this.#down === null && this.#failedTopics.size === 0) return [...this.#jobs.keys()]
    return [...this.#jobs.keys()].filter((index) => {
      const failure = this.#failureOf((this.#jobs[index]!.payload as KafkaPayload).topic)
      if (failure !== null) this.#fail([index], failure)
      return failure === null
    })
  }

  isFailed({ payload }: Sendable): boolean {
    return this.#failureOf((payload as KafkaPayload).topic) !== null
  }

  /** Why nothing can be sent any more; null: it can. */
  get isDown(): DeliveryFailure | null {
    return this.#down
  }

  /** All of these have the same end. */
  allFailed(indexes: readonly number[], failure: DeliveryFailure): void {
    if (failure.kind !== 'poison') this.#down = failure
    this.#fail(indexes, failure)
  }

  topicFailed(topic: string, failure: DeliveryFailure): void {
    if (failure.kind === 'down') this.#down = failure
    else this.#failedTopics.set(topic, failure)
  }

  queue(batches: readonly PackedBatch[]): void {
    const queues = Map.groupBy(batches, ({ topic, partition }) => `${partition} ${topic}`)
    this.#queues = [...queues.values()]
  }

  /** The next batch of each partition that is not held back; none: all came to an end. */
  nextRound(): readonly PackedBatch[] {
    const round: PackedBatch[] = []
    for (const queue of this.#queues) {
      for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
        const failure = this.#failureOf(batch.topic)
        if (failure === null) {
          round.push(batch)
          break
        }
        this.#fail(batch.indexes, failure)
      }
    }
    return round
  }

  failed({ topic, indexes, partition }: PackedBatch, failure: DeliveryFailure): void {
    if (failure.kind !== 'poison') {
      this.topicFailed(topic, failure)
      this.#fail(indexes, failure)
    } else if (indexes.length === 1) {
      this.#fail(indexes, failure)
    } else {
      const behind = this.#takeBehind(topic, partition)
      const middle = indexes.length >> 1
      this.#halves.push(indexes.slice(0, middle), indexes.slice(middle), ...behind)
    }
  }

  /** Jobs to be packed anew, each list by itself; those of a partition are in order. */
  takeHalves(): readonly (readonly number[])[] {
    const halves = this.#halves
    this.#halves = []
    return halves
  }

  /** What waits in the partition comes behind the halves. */
  #takeBehind(topic: string, partition: number): (readonly number[])[] {
    const queue = this.#queues.find(([first]) => first?.topic === topic && first.partition === partition)
    return queue === undefined ? [] : queue.splice(0).map(({ indexes }) => indexes)
  }

  #failureOf(topic: string): DeliveryFailure | null {
    return this.#down ?? this.#failedTopics.get(topic) ?? null
  }

  #fail(indexes: readonly number[], failure: DeliveryFailure): void {
    this.#failures ??= this.#jobs.map(() => null)
    for (const index of indexes) this.#failures[index] = failure
  }
}
