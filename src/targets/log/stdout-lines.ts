import type { Lines } from './target.ts'

/** Lines on standard output, written when the stream says so. */
export class StdoutLines implements Lines {
  /** The callback of the write says it; without a listener a reader that went away would end the process. */
  readonly #onError = (): void => undefined

  constructor() {
    process.stdout.on('error', this.#onError)
  }

  write(text: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    process.stdout.write(text, (error) => {
      if (error) reject(error)
      else resolve()
    })
    return promise
  }

  async close(): Promise<void> {
    // Standard output itself belongs to the process.
    process.stdout.off('error', this.#onError)
  }
}
