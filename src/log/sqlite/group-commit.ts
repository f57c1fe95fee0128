import { BingoError } from '../../model/errors.ts'

/** Bytes of payloads that one transaction writes, about: it holds up everything else in this process. */
const MOST_BYTES = 4 << 20

/** One piece of work in a transaction. */
interface Write {
  readonly bytes: number
  readonly work: () => void
  readonly done: () => void
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

  /** Resolves with what `work` answered, when that is durable. */
  run<T>(bytes: number, work: () => T): Promise<T> {
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#deps.maxWaitingBytes) {
      return Promise.reject(this.#deps.busy())
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    let result: T
    this.#waiting.push({
      bytes,
      work: () => (result = work()),
      done: () => resolve(result),
      failed: reject,
    })
    this.#waitingBytes += bytes
    this.#schedule()
    return promise
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
      this.#deps.transact(() => {
        for (const write of writes) write.work()
      })
    } catch (error) {
      this.#refuse(writes, error)
      return
    }
    for (const write of writes) write.done()
  }

  /** One that is refused for what it is must not take the others with it. */
  #refuse(writes: readonly Write[], error: unknown): void {
    if (writes.length === 1 || !(error instanceof BingoError)) {
      for (const write of writes) write.failed(error)
      return
    }
    for (const write of writes) {
      try {
        this.#deps.transact(write.work)
        write.done()
      } catch (own) {
        write.failed(own)
      }
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
