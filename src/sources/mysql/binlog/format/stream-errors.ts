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
    `checksum mismatch in the ${eventTypeName(type)} event at ${file}:${offset}`,
    {
      hint:
        'Check the file with mysqlbinlog --verify-binlog-checksum: a byte changed on the disk of the server or in transit. ' +
        'BinGo reads the event again, which helps only against the latter.',
      retryable: true,
    },
  )
}

export function unknownEvent(type: number, { file, offset }: EventPlace): BingoError {
  return new BingoError(
    'BINGO_BINLOG_UNKNOWN_EVENT',
    `unknown event type ${eventTypeName(type)} at ${file}:${offset}, which may contain changes`,
    { hint: 'Update BinGo: the server is newer than this version supports.' },
  )
}

export function incident({ file, offset }: EventPlace): BingoError {
  return new BingoError(
    'BINGO_BINLOG_INCIDENT',
    `incident event at ${file}:${offset}: the server reports that events may be missing from its binlog`,
    {
      hint:
        'Check the error log of the server. Changes are lost: rebuild the data in the targets, then skip the event ' +
        '(bingo position set).',
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
      : ` If nothing depends on these changes, set source.ignoreStatementsOn: [${names.join(', ')}].`
  return new BingoError(
    'BINGO_STATEMENT_FORMAT',
    `the server logged the statement ${verb}${on} instead of the rows that it changed${where}`,
    {
      hint:
        'SET GLOBAL binlog_format = ROW; and reconnect the sessions that still use another format. BinGo cannot read the changes of this ' +
        `statement: to skip it, run bingo position set.${ignore}`,
    },
  )
}
