/**
 * Work that has begun and not ended, such as what a connection must not be closed under. It is counted, not kept: a set
 * that is filled and emptied all the time leaks what was in it into the old generation until a full collection.
 */
export class InFlight {
  #count = 0
  #ended: PromiseWithResolvers<void> | null = null

  /** Settles as `work` does. */
  async add<T>(work: Promise<T>): Promise<T> {
    this.#count += 1
    try {
      return await work
    } finally {
      this.#count -= 1
      if (this.#count === 0) {
        this.#ended?.resolve()
        this.#ended = null
      }
    }
  }

  /** Resolves as soon as nothing is in flight, whether it succeeded or not. */
  async ended(): Promise<void> {
    if (this.#count === 0) return
    this.#ended ??= Promise.withResolvers()
    await this.#ended.promise
  }
}
