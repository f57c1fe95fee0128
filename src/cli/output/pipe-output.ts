import { writev } from 'node:fs'
import { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { isatty } from 'node:tty'
import { behindBytes } from '../../model/event/bytes/behind-bytes.ts'

/** What a reader may be behind: enough for one write to be in flight while the next one is gathered. */
const AHEAD_BYTES = 1024 * 1024
const STDOUT = 1

/** Standard output for many lines: a pipe is written beside the main thread, everything else as Node does. */
export function standardOutput(): Writable {
  const { platform, stdout } = process
  return platform !== 'win32' && isPipe(stdout) && stdout._handle.setBlocking(true) === 0
    ? new PipeOutput(stdout, STDOUT)
    : stdout
}

/** Node's stream of a pipe. It sets the pipe not to block, and its handle can take that back. */
interface PipeStream extends Writable {
  readonly _handle: { setBlocking(blocking: boolean): number }
}

function isPipe(stream: Writable): stream is PipeStream {
  const { _handle: handle } = stream as Partial<PipeStream>
  return stream instanceof Socket && !isatty(STDOUT) && typeof handle?.setBlocking === 'function'
}

/**
 * A pipe that blocks, written by a thread of the pool: copying into the pipe, and waiting for its reader, take no time of
 * the main thread. One write at a time, so that bytes stay in order. Where somebody who shares the pipe has it not block
 * any more, the rest goes out through Node's own stream, which knows how to wait for that.
 */
export class PipeOutput extends Writable {
  readonly #stream: Writable
  readonly #fd: number
  #blocks = true

  constructor(stream: Writable, fd: number) {
    super({ highWaterMark: AHEAD_BYTES })
    this.#stream = stream
    this.#fd = fd
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#writeAll([chunk], done)
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#writeAll(
      chunks.map(({ chunk }) => chunk),
      done,
    )
  }

  #writeAll(buffers: readonly Buffer[], done: (error?: Error | null) => void): void {
    if (!this.#blocks) return this.#writeByStream(buffers, done)
    writev(this.#fd, buffers, null, (error, bytes) => {
      if (error?.code === 'EAGAIN') {
        this.#blocks = false
        // Callbacks say it; without a listener it would end the process.
        this.#stream.on('error', () => undefined)
        return this.#writeByStream(buffers, done)
      }
      if (error !== null) return done(error)
      const rest = behindBytes(buffers, bytes)
      if (rest.length === 0) done()
      else this.#writeAll(rest, done)
    })
  }

  #writeByStream(buffers: readonly Buffer[], done: (error?: Error | null) => void): void {
    this.#stream.write(Buffer.concat(buffers), done)
  }
}
