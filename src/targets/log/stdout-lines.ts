import type { Lines } from './lines.ts'

/** Lines on standard output, written when the stream says so. */
export class StdoutLines implements Lines {
  /** The callback of the write says it; without a listener a reader that went away would end the process. */
  readonly #onError = (): void => undefined

  constructor() {
    process.stdout.on('error', this.#onError)
  }

  write(blocks: readonly Buffer[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Together, so that the stream can write them by one call.
    process.stdout.cork()
    for (const block of blocks.slice(0, -1)) process.stdout.write(block)
    process.stdout.write(blocks.at(-1)!, (error) => {
      if (error) reject(error)
      else resolve()
    })
    process.stdout.uncork()
    return promise
  }

  async close(): Promise<void> {
    // Standard output itself belongs to the process.
    process.stdout.off('error', this.#onError)
  }
}
