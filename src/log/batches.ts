import { BingoError } from '../model/errors.ts'

export interface BatchLimits {
  /** In one batch, about. */
  readonly bytes: number
  readonly count: number
  /** That may wait; more are refused. */
  readonly waitingBytes: number
}

interface Waiting<In, Out> {
  readonly input: In
  readonly bytes: number
  readonly resolve: (result: Out) => void
  readonly reject: (error: unknown) => void
}

/** What came in while the last batch was worked on goes into the next one. */
export class Batches<In, Out> {
  readonly #run: (inputs: readonly In[]) => Promise<readonly (Out | BingoError)[]>
  readonly #limits: BatchLimits
  readonly #busy: () => BingoError
  #waiting: Waiting<In, Out>[] = []
  #waitingBytes = 0
  #running: Promise<void> | null = null

  /** `run` answers for each input, or rejects for all. */
  constructor(
    run: (inputs: readonly In[]) => Promise<readonly (Out | BingoError)[]>,
    limits: BatchLimits,
    busy: () => BingoError,
  ) {
    this.#run = run
    this.#limits = limits
    this.#busy = busy
  }

  add(input: In, bytes: number): Promise<Out> {
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#limits.waitingBytes) {
      return Promise.reject(this.#busy())
    }
    this.#waitingBytes += bytes
    const answer = new Promise<Out>((resolve, reject) => this.#waiting.push({ input, bytes, resolve, reject }))
    this.#running ??= this.#runAll()
    return answer
  }

  get isBusy(): boolean {
    return this.#running !== null
  }

  /** Resolves when nothing waits. */
  async drain(): Promise<void> {
    await this.#running
  }

  async #runAll(): Promise<void> {
    // After the input of this turn was read.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) await this.#runOne(this.#take())
    this.#running = null
  }

  async #runOne(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const results = await this.#run(batch.map(({ input }) => input))
      for (const [i, { resolve, reject }] of batch.entries()) {
        const result = results[i]!
        if (result instanceof BingoError) reject(result)
        else resolve(result)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  #take(): Waiting<In, Out>[] {
    let bytes = 0
    let count = 0
    while (count < this.#waiting.length && count < this.#limits.count) {
      bytes += this.#waiting[count]!.bytes
      if (count > 0 && bytes > this.#limits.bytes) break
      count += 1
    }
    const taken = this.#waiting.splice(0, count)
    for (const each of taken) this.#waitingBytes -= each.bytes
    return taken
  }
}
