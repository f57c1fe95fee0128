import { BingoError } from '../../model/errors.ts'

/** Bytes of payloads that one transaction writes, about: it holds up everything else in this process. */
const MOST_BYTES = 4 << 20

/** One piece of work in a transaction. */
interface Write {
  readonly bytes: number
  readonly work: () => unknown
  readonly done: (result: unknown) => void
  readonly failed: (error: unknown) => void
}

export interface GroupCommitDeps {
  /** Runs what it is given in one transaction, durable when it returns; throws when nothing of it was written. */
  readonly transact: (work: () => void) => void
  /** Bytes that may wait; more are refused. */
  readonly maxWaitingBytes: number
  readonly busy: () => BingoError
}

/** What came in while the last transaction was written goes out in the next one. */
export class GroupCommit {
  readonly #deps: GroupCommitDeps
  #waiting: Write[] = []
  #waitingBytes = 0
  #scheduled = false

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps
  }

  /**
   * Resolves with what `work` answered, when that is durable. Where it throws a BingoError, nothing else of its transaction
   * is refused with it: it has to do so before it writes.
   */
  run<T>(bytes: number, work: () => T): Promise<T> {
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#deps.maxWaitingBytes) {
      return Promise.reject(this.#deps.busy())
    }
    this.#waitingBytes += bytes
    this.#schedule()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, work, done: resolve as (result: unknown) => void, failed: reject })
    })
  }

  /** Writes everything that waits, now. */
  drain(): void {
    while (this.#waiting.length > 0) this.#flush()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After the input of this turn was read: that is what came in meanwhile.
    setImmediate(() => {
      this.#scheduled = false
      if (this.#waiting.length === 0) return
      this.#flush()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }

  #flush(): void {
    const writes = this.#take()
    try {
      this.#answer(writes)
    } catch (error) {
      if (writes.length === 1) return writes[0]!.failed(error)
      // One that is too much for the disk must not take the others with it.
      for (const write of writes) {
        try {
          this.#answer([write])
        } catch (own) {
          write.failed(own)
        }
      }
    }
  }

  /** In one transaction; throws when nothing of it was written. */
  #answer(writes: readonly Write[]): void {
    const results: unknown[] = []
    this.#deps.transact(() => {
      for (const { work } of writes) results.push(outcomeOf(work))
    })
    for (const [i, { done, failed }] of writes.entries()) {
      const result = results[i]
      if (result instanceof BingoError) failed(result)
      else done(result)
    }
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
