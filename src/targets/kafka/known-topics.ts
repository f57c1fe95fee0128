import type { Sendable } from '../../model/rule/action.ts'
import type { KafkaPayload } from './options.ts'

/** How many partitions topics have, for as long as that is believed. */
export class KnownTopics {
  readonly #now: () => number
  readonly #maxAgeMs: number
  readonly #topics = new Map<string, { readonly partitions: number; readonly at: number }>()

  constructor(now: () => number, maxAgeMs: number) {
    this.#now = now
    this.#maxAgeMs = maxAgeMs
  }

  /** Whether all topics of the jobs are known. */
  has(jobs: readonly Sendable[]): boolean {
    return this.firstOfUnknown(jobs).length === 0
  }

  /** One job for each topic that is not known, or was asked for too long ago. */
  firstOfUnknown(jobs: readonly Sendable[]): readonly Sendable[] {
    const unknown = new Map<string, Sendable>()
    const oldest = this.#now() - this.#maxAgeMs
    let previous = ''
    for (const job of jobs) {
      const { topic } = job.payload as KafkaPayload
      if (topic === previous) continue
      previous = topic
      const known = this.#topics.get(topic)
      if ((known === undefined || known.at < oldest) && !unknown.has(topic)) unknown.set(topic, job)
    }
    return [...unknown.values()]
  }

  partitionsOf(topic: string): number {
    return this.#topics.get(topic)!.partitions
  }

  learnt(topic: string, partitions: number): void {
    this.#topics.set(topic, { partitions, at: this.#now() })
  }

  /** Is asked for again before the next send; what is under way goes on with what was known. */
  doubt(topic: string): void {
    const known = this.#topics.get(topic)
    if (known !== undefined) this.#topics.set(topic, { ...known, at: -Infinity })
  }
}
