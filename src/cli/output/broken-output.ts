import type { EventEmitter } from 'node:events'
import { BingoError } from '../../model/errors.ts'

/** A reader that went away, as `| head` does. */
export function isClosedPipe(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === 'EPIPE'
}

export function outputFailed(cause: Error): BingoError {
  return new BingoError('BINGO_OUTPUT', `cannot write the output: ${cause.message}`, {
    hint: 'Check the disk or the program that the output is redirected to.',
    cause,
  })
}

/**
 * Without a listener a stream ends the process with a stack trace when its reader goes away. Whoever looks after a stream
 * itself (LineOutput, the audit log) decides; for all others `onFailure` is told of what is not a closed pipe.
 */
export function watchOutput(streams: readonly EventEmitter[], onFailure: (error: BingoError) => void): void {
  for (const stream of streams) {
    stream.on('error', (error) => {
      if (!isClosedPipe(error) && stream.listenerCount('error') === 1) onFailure(outputFailed(error))
    })
  }
}
