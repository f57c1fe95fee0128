import { isCorrupt, NewerFormatError } from '../../clients/sqlite/sqlite.ts'
import { BingoError } from '../../model/errors.ts'

/** What SQLite says about a state file: corrupt and newer files are refused, everything else may pass. */
export function stateFileError(path: string, error: unknown): unknown {
  if (error instanceof NewerFormatError) return stateNewer(error)
  return isCorrupt(error) ? stateCorrupt(path, error) : error
}

function stateCorrupt(place: string, cause: unknown): BingoError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_STATE_CORRUPT', `The state in ${place} is corrupt: ${reason}`, {
    hint: 'Stop BinGo and restore the file from a backup, or move it away with its -wal and -shm and run `bingo position set` (docs/operations.md, State files).',
    cause,
  })
}

function stateNewer(cause: Error): BingoError {
  return new BingoError('BINGO_STATE_NEWER', cause.message, {
    hint: 'Run the newer BinGo, or roll back (docs/operations.md, State files, Rollback).',
    cause,
  })
}
