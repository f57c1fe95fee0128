import type { Writable } from 'node:stream'
import { isClosedPipe, outputFailed } from './broken-output.ts'

/** What is written in one turn of the event loop is gathered up to this size: a call of the system costs as much as many lines. */
const GATHERED_BYTES = 32 * 1024

/** Lines on stdout at the pace of whoever reads them. A reader that goes away (`| head`) is no error. */
export class LineOutput {
  private readonly stream: Writable
  private readonly onClosed: () => void
  private closed = false
  /** What was handed to the stream and not taken from it yet; the oldest first. */
  private readonly waiting = new Set<PromiseWithResolvers<void>>()
  /** What was written and not handed to the stream yet, and whom to tell when it was taken. */
  private gathered: (string | Buffer)[] = []
  private gatheredBytes = 0
  private whenWritten: (() => void)[] = []
  private last: Promise<void> = Promise.resolve()
  private failure: Error | null = null

  /** `onClosed`: nobody reads any more. */
  constructor(stream: Writable, onClosed: () => void) {
    this.stream = stream
    this.onClosed = onClosed
    stream.on('error', (error) => {
      if (!isClosedPipe(error)) this.failure ??= outputFailed(error)
      this.close()
    })
    stream.once('close', () => this.close())
  }

  /** A promise where the reader is slower than we are: wait for it, or memory fills up. */
  write(lines: readonly string[]): void | Promise<void> {
    return this.send([`${lines.join('\n')}\n`], () => undefined)
  }

  /** As `write`, for lines with their ends. `written`: nobody looks at the buffers any more. */
  writeBytes(buffers: readonly Buffer[], written: () => void): void | Promise<void> {
    return this.send(buffers, written)
  }

  private send(chunks: readonly (string | Buffer)[], written: () => void): void | Promise<void> {
    if (this.closed) return undefined
    if (this.gathered.length === 0) setImmediate(() => void this.handOver())
    for (const chunk of chunks) {
      this.gathered.push(chunk)
      this.gatheredBytes += chunk.length
    }
    this.whenWritten.push(written)
    const { writableLength, writableHighWaterMark } = this.stream
    const fits = writableLength + this.gatheredBytes < Math.min(writableHighWaterMark, GATHERED_BYTES)
    return fits ? undefined : this.handOver()
  }

  private handOver(): void | Promise<void> {
    const { gathered, whenWritten } = this
    if (this.closed || gathered.length === 0) return undefined
    this.gathered = []
    this.gatheredBytes = 0
    this.whenWritten = []
    const handed = Promise.withResolvers<void>()
    this.waiting.add(handed)
    // Together, so that they can be written by one call.
    this.stream.cork()
    for (const chunk of gathered.slice(0, -1)) this.stream.write(chunk)
    // Each write is asked for its own end: `drain` comes only after a write that returned false.
    const fits = this.stream.write(gathered.at(-1)!, () => {
      this.waiting.delete(handed)
      for (const written of whenWritten) written()
      handed.resolve()
    })
    this.stream.uncork()
    this.last = handed.promise
    // When the oldest is written, the stream writes the next ones while the caller makes more.
    const [oldest = handed] = this.waiting
    return fits ? undefined : oldest.promise
  }

  /** Resolves when everything was handed over, or nobody reads any more. Rejects with BINGO_OUTPUT when it cannot be. */
  async flush(): Promise<void> {
    void this.handOver()
    await this.last
    if (this.failure !== null) throw this.failure
  }

  private close(): void {
    if (this.closed) return
    this.closed = true
    for (const { resolve } of this.waiting) resolve()
    this.waiting.clear()
    this.onClosed()
  }
}
