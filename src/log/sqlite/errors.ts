import { isCorrupt, NewerFormatError } from '../../clients/sqlite/sqlite.ts'
import { BingoError } from '../../model/errors.ts'

/** What an error of SQLite means for who uses the log. */
export function fileError(log: string, error: unknown): BingoError {
  if (error instanceof BingoError) return error
  const reason = error instanceof Error ? error.message : String(error)
  if (error instanceof NewerFormatError) {
    return new BingoError('BINGO_LOG_NEWER', reason, { hint: 'Run the newer BinGo.', cause: error })
  }
  if (isCorrupt(error)) {
    return new BingoError('BINGO_LOG_CORRUPT', `The event log ${log} is corrupt: ${reason}`, {
      hint: 'Stop BinGo and restore the file from a backup, or move it away with its -wal and -shm files to start with an empty log.',
      cause: error,
    })
  }
  return new BingoError('BINGO_LOG_UNREACHABLE', `The event log ${log} is unavailable: ${reason}`, {
    hint: 'Check that the path is writable and that its disk is not full.',
    retryable: true,
    cause: error,
  })
}

/** Something else is in the file, such as the state of an instance. */
export function foreignFile(log: string): BingoError {
  return new BingoError('BINGO_LOG_CORRUPT', `${log} is a database of something else, not an event log`, {
    hint: 'Give `events.store` a file of its own.',
  })
}

export function fileLocked(log: string): BingoError {
  return new BingoError('BINGO_LOG_LOCKED', `The event log ${log} is in use by another process`, {
    hint: 'Stop the other BinGo first, or give this one another `events.store`. Several instances share a database server.',
    retryable: true,
  })
}
