import type { Log, Sendable, SendResult, Target } from '../model/rule/action.ts'
import { BingoError } from '../model/errors.ts'
import type { ChangeLog, ChangeLogRecord } from '../model/state/change-log.ts'
import { Appended, type Missing } from './appended.ts'
import { requireOwnSigns } from './owner.ts'
import { piecesOf } from './pieces.ts'
import type { AppendPayload } from './reader-rule.ts'
import { recordText, signText, type Sign } from './record.ts'
import type { Shapes } from './shapes.ts'

export interface AppendTargetDeps {
  readonly changes: ChangeLog
  readonly shapes: Shapes
  readonly shares: number
  /** Name of the instance: a log is of one. */
  readonly instance: string
  /** Of this run. */
  readonly epoch: number
  readonly log: Log
}

const MOST_AT_ONCE = 500

/** Where a change goes, and under which number: the same whenever it is sent. */
interface Numbered {
  readonly number: number
  readonly missing: Missing
}

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
  readonly #numbered = new WeakMap<Sendable, Numbered>()
  #number = 0
  #mostBytes = 0
  /** Null: this run has not begun. */
  #appended: Appended | null = null
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
    const { changes, shares, instance, epoch, log } = this.#deps
    this.#mostBytes = await changes.mostBytes()
    const before = await changes.tail()
    requireOwnSigns(
      before.map(({ body }) => body),
      instance,
      changes.description,
    )
    await changes.append(this.#toAll('hello'))
    const appended = new Appended(await changes.tail(), shares, epoch)
    const records = appended.size
    if (records > 0) log.info({ records }, 'the reader before this one was killed: what it has appended is known')
    this.#appended = appended
  }

  #recordsOf(job: Sendable): ChangeLogRecord[] {
    const { shares, meets, id, shape, text } = job.payload as AppendPayload
    let numbered = this.#numbered.get(job)
    if (numbered === undefined) {
      const missing = this.#appended!.missing(id, { shares, meets })
      // The one before is that of the sign.
      this.#number += missing.again.length > 0 ? 2 : 1
      this.#numbered.set(job, (numbered = { number: this.#number, missing }))
    }
    const { number, missing } = numbered
    if (missing.shares.length === 0) return []
    const { epoch } = this.#deps
    const ordinal = { epoch, number }
    const body = recordText(ordinal, shape, meets ? shares : null, id, text)
    const pieces = piecesOf(body, ordinal, this.#mostBytes)
    const sign = signText('again', { epoch, number: number - 1 })
    return [
      ...missing.again.map((share) => ({ share, body: sign })),
      ...missing.shares.flatMap((share) => pieces.map((piece) => ({ share, body: piece }))),
    ]
  }

  #toAll(tag: Exclude<Sign, 'again'>): ChangeLogRecord[] {
    const { shares, epoch, instance } = this.#deps
    const body = signText(tag, { epoch, number: tag === 'hello' ? 0 : ++this.#number }, instance)
    return Array.from({ length: shares }, (_, share) => ({ share, body }))
  }
}
