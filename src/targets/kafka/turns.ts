/** What became of work that went beside other work: it is over, or has to go on alone. */
export type BesideResult<T> = { readonly done: T } | { readonly alone: () => Promise<T> }

interface Waiting {
  /** By when it came. */
  readonly rank: number
  readonly isAlone: boolean
  run(): void
}

/**
 * Work that goes side by side, and work that goes alone, in the order in which it came. What began beside others and has to
 * go on alone keeps its rank: it goes on when the others have ended, before all that came later.
 */
export class Turns {
  #came = 0
  #beside = 0
  #isAlone = false
  /** In the order of their ranks. */
  readonly #waiting: Waiting[] = []

  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#alone(this.#came++, work)
  }

  beside<T>(work: () => Promise<BesideResult<T>>): Promise<T> {
    const rank = this.#came++
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        this.#beside += 1
        try {
          const result = await work()
          if ('done' in result) resolve(result.done)
          // In its place before anything else may begin.
          else resolve(this.#alone(rank, result.alone))
        } catch (error) {
          reject(error as Error)
        }
        this.#beside -= 1
        this.#goOn()
      }
      this.#wait({ rank, isAlone: false, run: () => void run() })
    })
  }

  #alone<T>(rank: number, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        this.#isAlone = true
        await work().then(resolve, reject)
        this.#isAlone = false
        this.#goOn()
      }
      this.#wait({ rank, isAlone: true, run: () => void run() })
    })
  }

  #wait(waiting: Waiting): void {
    const behind = this.#waiting.findIndex(({ rank }) => rank > waiting.rank)
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, waiting)
    this.#goOn()
  }

  #goOn(): void {
    for (let first = this.#waiting[0]; first !== undefined && !this.#isAlone; first = this.#waiting[0]) {
      if (first.isAlone && this.#beside > 0) return
      this.#waiting.shift()
      first.run()
    }
  }
}
