import { BingoError } from '../../../../model/errors.ts'
import { eventTypeName } from './event-types.ts'

export const CORRUPT = 'BINGO_BINLOG_CORRUPT'

/** Bytes that contradict the format; worth another try where no checksum vouches for them. The reader adds file and offset (`locateCorruption`) before it goes any further. */
export function corrupt(what: string, retryable = false): BingoError {
  return new BingoError(CORRUPT, what, { retryable })
}

/** The same error with the place of the event in the binlog; errors of other kinds pass unchanged. */
export function locateCorruption(thrown: unknown, type: number, file: string, offset: number): unknown {
  // No name, statement or value that a server has is that long; where one could be, the reader looks itself.
  const error = isStringTooLong(thrown) ? corrupt('a string that exceeds the maximum length') : thrown
  if (!(error instanceof BingoError) || error.code !== CORRUPT || error.hint !== undefined) return error
  return new BingoError(CORRUPT, `corrupt ${eventTypeName(type)} event at ${file}:${offset}: ${error.message}`, {
    hint:
      `Check the event with mysqlbinlog --verify-binlog-checksum. If the file is intact, report this message; ` +
      `otherwise restore the binlog, or skip the event: bingo position set FILE:POS.`,
    retryable: error.retryable,
    cause: error,
  })
}

function isStringTooLong(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STRING_TOO_LONG'
}
