import { BingoError } from '../../model/errors.ts'

/** Bytes of payloads that one transaction writes, about: it holds up everything else in this process. */
const MOST_BYTES = 4 << 20

/** One piece of work in a transaction. */
interface Write {
  readonly bytes: number
  readonly isLasting: boolean
  readonly work: () => unknown
  readonly done: (result: unknown) => void
  readonly failed: (error: unknown) => void
}

export interface GroupCommitDeps {
  /** Runs what it is given in one transaction, at once or later; throws, or rejects, when nothing of it was written. */
  readonly transact: (work: () => void) => void | Promise<void>
  /** Whatever else is written would fail with the same error. */
  readonly isForAll?: (error: unknown) => boolean
  /** Resolves when what was written until now is on disk. Absent: it is when `transact` returns. */
  readonly sync?: () => Promise<void>
  /** Bytes that may wait; more are refused. */
  readonly maxWaitingBytes: number
  readonly busy: () => BingoError
}

/** What came in while the last transaction was written, and synced to disk, goes out in the next one. */
export class GroupCommit {
  readonly #deps: GroupCommitDeps
  #waiting: Write[] = []
  #waitingBytes = 0
  #scheduled = false
  /** Answers that are due when the disk has what they tell. */
  #unsynced: ((error: unknown) => void)[] = []
  /** A transaction that is not written yet, or its sync. */
  #inFlight: Promise<void> | null = null

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps
  }

  /**
   * Resolves with what `work` answered, when that is durable. Where it throws a BingoError, nothing else of its transaction
   * is refused with it: it has to do so before it writes. `isLasting` false: a loss of power may take it, together with
   * everything behind it.
   */
  run<T>(bytes: number, work: () => T, isLasting = true): Promise<T> {
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#deps.maxWaitingBytes) {
      return Promise.reject(this.#deps.busy())
    }
    this.#waitingBytes += bytes
    this.#schedule()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, isLasting, work, done: resolve as (result: unknown) => void, failed: reject })
    })
  }

  /** Writes everything that waits, now; resolves when it is durable. */
  async drain(): Promise<void> {
    for (;;) {
      if (this.#inFlight !== null) await this.#inFlight
      else if (this.#waiting.length > 0) this.#flush()
      else return
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight !== null) return
    this.#scheduled = true
    // After the input of this turn was read: that is what came in meanwhile.
    setImmediate(() => {
      this.#scheduled = false
      if (this.#waiting.length === 0 || this.#inFlight !== null) return
      this.#flush()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }

  #flush(): void {
    const writing = this.#write(this.#take())
    if (writing !== undefined || this.#unsynced.length > 0) this.#inFlight = this.#finish(writing)
  }

  /** Never rejects. */
  async #finish(writing: void | Promise<void>): Promise<void> {
    if (writing !== undefined) await writing
    const answers = this.#unsynced.splice(0)
    let failed: unknown = null
    try {
      if (answers.length > 0) await this.#deps.sync!()
    } catch (error) {
      failed = error
    }
    this.#inFlight = null
    for (const answer of answers) answer(failed)
    if (this.#waiting.length > 0) this.#schedule()
  }

  /** Never rejects. */
  #write(writes: readonly Write[]): void | Promise<void> {
    try {
      return this.#answer(writes)?.catch((error: unknown) => this.#writeEach(writes, error))
    } catch (error) {
      return this.#writeEach(writes, error)
    }
  }

  /** One that is too much for the disk must not take the others with it. */
  async #writeEach(writes: readonly Write[], error: unknown): Promise<void> {
    if (writes.length === 1 || this.#deps.isForAll?.(error) === true) {
      for (const { failed } of writes) failed(error)
      return
    }
    for (const write of writes) {
      try {
        await this.#answer([write])
      } catch (own) {
        write.failed(own)
      }
    }
  }

  /** In one transaction; throws, or rejects, when nothing of it was written. */
  #answer(writes: readonly Write[]): void | Promise<void> {
    const results: unknown[] = []
    const written = this.#deps.transact(() => {
      results.length = 0
      for (const { work } of writes) results.push(outcomeOf(work))
    })
    return written === undefined ? this.#written(writes, results) : written.then(() => this.#written(writes, results))
  }

  #written(writes: readonly Write[], results: readonly unknown[]): void {
    const answer = (error: unknown): void => {
      for (const [i, { done, failed }] of writes.entries()) {
        const result = results[i]
        if (error !== null) failed(error)
        else if (result instanceof BingoError) failed(result)
        else done(result)
      }
    }
    if (this.#deps.sync !== undefined && writes.some(({ isLasting }) => isLasting)) this.#unsynced.push(answer)
    else answer(null)
  }

  #take(): Write[] {
    let bytes = 0
    let count = 0
    while (count < this.#waiting.length && (count === 0 || bytes + this.#waiting[count]!.bytes <= MOST_BYTES)) {
      bytes += this.#waiting[count]!.bytes
      count += 1
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, count)
  }
}

function outcomeOf(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    if (error instanceof BingoError) return error
    throw error
  }
}
