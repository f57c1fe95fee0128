import type { Lines } from './target.ts'

/** Lines on standard output, written when the stream says so. */
export class StdoutLines implements Lines {
  write(text: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    process.stdout.write(text, (error) => {
      if (error) reject(error)
      else resolve()
    })
    return promise
  }

  async close(): Promise<void> {
    // Standard output belongs to the process.
  }
}
