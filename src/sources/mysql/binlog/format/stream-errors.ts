import { BingoError } from '../../../../model/errors.ts'
import { eventTypeName } from './event-types.ts'

/** Errors that end reading, each naming the place in the binlog. BINGO_BINLOG_CORRUPT is in corrupt-event.ts. */

export interface EventPlace {
  readonly file: string
  readonly offset: number
}

export function checksumMismatch(type: number, { file, offset }: EventPlace): BingoError {
  return new BingoError(
    'BINGO_BINLOG_CHECKSUM',
    `the checksum of the ${eventTypeName(type)} event at ${file}:${offset} does not match its bytes`,
    {
      hint:
        'A byte was changed on the way or on the disk of the server. Reading again helps against the former; for the ' +
        'latter check the file with mysqlbinlog --verify-binlog-checksum.',
      retryable: true,
    },
  )
}

export function unknownEvent(type: number, { file, offset }: EventPlace): BingoError {
  return new BingoError(
    'BINGO_BINLOG_UNKNOWN_EVENT',
    `an event of ${eventTypeName(type)} at ${file}:${offset}, which may carry changes, is not known`,
    { hint: 'The server is newer than this version of BinGo knows: update BinGo.' },
  )
}

export function incident({ file, offset }: EventPlace): BingoError {
  return new BingoError(
    'BINGO_BINLOG_INCIDENT',
    `the server reports at ${file}:${offset} that events may be missing from its binlog`,
    {
      hint:
        'See the error log of the server. Changes were lost there: bring the targets up to date, then move the position ' +
        'past it (bingo position set).',
    },
  )
}

/** `transaction` is empty where it has no name yet; `tables` null where it cannot be told which ones changed. */
export function statementFormat(
  verb: string,
  transaction: string,
  tables: readonly { readonly schema: string; readonly table: string }[] | null,
): BingoError {
  const where = transaction === '' ? '' : ` (transaction ${transaction})`
  const names = tables?.map(({ schema, table }) => `${schema}.${table}`)
  const on = names === undefined ? '' : ` on ${names.join(', ')}`
  const ignore =
    names === undefined
      ? ''
      : ` If nothing depends on what it changed, set source.ignoreStatementsOn: [${names.join(', ')}].`
  return new BingoError(
    'BINGO_STATEMENT_FORMAT',
    `the server logged the statement ${verb}${on} instead of the rows that it changed${where}`,
    {
      hint:
        'SET GLOBAL binlog_format = ROW, and reconnect the sessions that still use another format. The changes of this ' +
        `statement cannot be seen: move the position past it knowingly (bingo position set).${ignore}`,
    },
  )
}
