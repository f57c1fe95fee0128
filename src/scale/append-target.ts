import type { Log, Sendable, SendResult, Target } from '../model/rule/action.ts'
import { BingoError } from '../model/errors.ts'
import type { ChangeLog, ChangeLogRecord } from '../model/state/change-log.ts'
import { Pieces, piecesOf } from './pieces.ts'
import type { AppendPayload } from './reader-rule.ts'
import { parseRecord, recordText, signText } from './record.ts'
import type { ScaleRecord } from './record.ts'
import type { Shapes } from './shapes.ts'

export interface AppendTargetDeps {
  readonly changes: ChangeLog
  readonly shapes: Shapes
  readonly shares: number
  /** Of this run. */
  readonly epoch: number
  readonly log: Log
}

const MOST_AT_ONCE = 500

/**
 * Appends what the reader's rule matched, in the order of commits. What is sent again, for want of an answer, has the number
 * that it had, so that workers take it once. What a reader that was killed has appended behind its checkpoint is known by
 * the newest records of each share, and is not appended again.
 */
export class AppendTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MOST_AT_ONCE
  readonly maxConcurrency = 1
  readonly #deps: AppendTargetDeps
  readonly #numbers = new WeakMap<Sendable, number>()
  #number = 0
  #mostBytes = 0
  /** By share: ids of changes that the run before, which was killed, has appended. Null: this run has not begun. */
  #appended: readonly ReadonlySet<string>[] | null = null
  /** The last append was answered. */
  #isInOrder = false

  constructor(deps: AppendTargetDeps) {
    this.#deps = deps
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    try {
      this.#isInOrder = false
      await this.#begin()
      await this.#deps.shapes.keep(new Set(jobs.map(({ payload }) => (payload as AppendPayload).shape)))
      await this.#deps.changes.append(jobs.flatMap((job) => this.#recordsOf(job)))
      this.#isInOrder = true
      return undefined
    } catch (error) {
      if (!(error instanceof BingoError)) throw error
      return jobs.map(() => ({ kind: 'down', error }))
    }
  }

  async close(): Promise<void> {
    const { changes } = this.#deps
    try {
      if (this.#isInOrder) await changes.append(this.#toAll('bye'))
    } catch {
      // The next run finds out by the records themselves.
    } finally {
      await changes.close()
    }
  }

  /** Tells all shares that this run begins: what comes of an earlier one behind that is of no account. */
  async #begin(): Promise<void> {
    if (this.#appended !== null) return
    const { changes, shares, log } = this.#deps
    this.#mostBytes = await changes.mostBytes()
    await changes.append(this.#toAll('hello'))
    const appended = Array.from({ length: shares }, () => new Set<string>())
    const found = Map.groupBy(await changes.tail(), ({ share }) => share)
    for (const [share, records] of found) if (share < shares) appended[share] = this.#unended(records)
    const count = appended.reduce((sum, { size }) => sum + size, 0)
    if (count > 0) log.info({ records: count }, 'the reader before this one was killed: what it has appended is known')
    this.#appended = appended
  }

  /** What the last run has appended, where it has not ended in order. */
  #unended(records: readonly ChangeLogRecord[]): Set<string> {
    const pieces = new Pieces()
    let ids = new Set<string>()
    for (const { body } of records) {
      const record = parsed(pieces.add(body))
      if (record === null) continue
      // This run's.
      if (record.ordinal.epoch >= this.#deps.epoch) break
      if (record.tag === 'bye') ids = new Set()
      // Shares that meet count on each other: all of them get it again.
      else if (record.tag === 'change' && record.meet === null) ids.add(record.id)
    }
    return ids
  }

  #recordsOf(job: Sendable): ChangeLogRecord[] {
    const { shares, meets, id, shape, text } = job.payload as AppendPayload
    let number = this.#numbers.get(job)
    if (number === undefined) this.#numbers.set(job, (number = ++this.#number))
    const meet = meets ? shares : null
    const body = recordText({ epoch: this.#deps.epoch, number }, shape, meet, id, text)
    const pieces = piecesOf(body, this.#mostBytes)
    return shares.flatMap((share) =>
      !meets && this.#appended![share]!.has(id) ? [] : pieces.map((piece) => ({ share, body: piece })),
    )
  }

  #toAll(tag: 'hello' | 'bye'): ChangeLogRecord[] {
    const { shares, epoch } = this.#deps
    const body = signText(tag, { epoch, number: tag === 'hello' ? 0 : ++this.#number })
    return Array.from({ length: shares }, (_, share) => ({ share, body }))
  }
}

function parsed(text: string | null): ScaleRecord | null {
  try {
    return text === null ? null : parseRecord(text)
  } catch {
    return null
  }
}
