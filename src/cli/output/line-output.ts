import { once } from 'node:events'

/** Lines on stdout at the pace of whoever reads them. A reader that goes away (`| head`) is no error. */
export class LineOutput {
  private readonly stream: NodeJS.WriteStream
  private closed = false

  /** `onClosed`: nobody reads any more. */
  constructor(stream: NodeJS.WriteStream, onClosed: () => void) {
    this.stream = stream
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      this.closed = true
      onClosed()
    })
  }

  /** A promise where the reader is slower than we are: wait for it, or memory fills up. */
  write(lines: readonly string[]): void | Promise<void> {
    if (this.closed) return undefined
    if (this.stream.write(`${lines.join('\n')}\n`)) return undefined
    return this.drained()
  }

  /** Resolves when everything was handed over. */
  async flush(): Promise<void> {
    if (this.closed || this.stream.writableLength === 0) return
    await this.drained()
  }

  private async drained(): Promise<void> {
    if (this.closed) return
    const stop = new AbortController()
    const closed = (): void => stop.abort()
    this.stream.once('error', closed)
    try {
      await once(this.stream, 'drain', { signal: stop.signal })
    } catch {
      // Closed, or failed, which the listener of the constructor handles.
    } finally {
      this.stream.off('error', closed)
    }
  }
}
