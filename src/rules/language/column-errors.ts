import { EvaluationError } from '../../model/errors.ts'
import { isPosted } from '../../model/event/posted/posted-event.ts'
import type { SourceLocation } from '../../model/errors.ts'
import type { TableDef } from '../../model/table/table.ts'
import { printLocation } from './source-text.ts'
import type { SourceText } from './source-text.ts'
import { columnsOf } from './table-columns.ts'

/** A column that is named but not there; `location` is where the rule names it. */
export class ColumnError extends EvaluationError {
  readonly location: SourceLocation

  constructor(code: string, message: string, location: SourceLocation, hint: string) {
    super(code, `${message} (${printLocation(location)})`, { hint })
    this.location = location
  }
}

/** The table has no such column: never a silent non-match. `offset` is where the text names it. */
export function unknownColumn(source: SourceText, table: TableDef, column: string, offset = 0): ColumnError {
  if (isPosted(table)) return notOfEvent(source, `"${column}"`, offset)
  const nearest = columnsOf(table).nearest(column)
  const known = columnsOf(table).names.join(', ')
  return new ColumnError(
    'BINGO_UNKNOWN_COLUMN',
    `rule "${source.ruleId}" reads column "${column}", which ${table.schema}.${table.name} does not have`,
    source.locate(offset),
    nearest === undefined ? `the table has: ${known}` : `did you mean "${nearest}"?`,
  )
}

/** The column is not part of the row image (binlog_row_image is not FULL), so its value is not known. */
export function absentColumn(source: SourceText, table: TableDef, column: string, offset = 0): ColumnError {
  return new ColumnError(
    'BINGO_COLUMN_ABSENT',
    `rule "${source.ruleId}" reads column "${column}" of ${table.schema}.${table.name}, which this row image does not contain`,
    source.locate(offset),
    absenceHint(table, column),
  )
}

function absenceHint(table: TableDef, column: string): string {
  if (columnsOf(table).find(column)?.special === 'unknown') {
    return 'the table was altered later in the binlog, so the type of the column at this position is unknown'
  }
  const generated = 'read the base columns instead: MariaDB omits generated columns from UPDATE and DELETE in any case'
  return `set binlog_row_image=FULL on the server${table.flavour === 'mariadb' ? `; newer ${generated}` : ''}`
}

/** Posted events have no rows: `what` is `new.status`, `op`. */
export function notOfEvent(source: SourceText, what: string, offset = 0): ColumnError {
  return new ColumnError(
    'BINGO_NOT_OF_EVENT',
    `rule "${source.ruleId}" reads ${what}, which posted events do not have`,
    source.locate(offset),
    'write payload.… for posted events, or source: database where the rule is for rows',
  )
}

/** `key.x` where x is not part of the primary key. */
export function notInKey(source: SourceText, table: TableDef, column: string, offset = 0): ColumnError {
  const key = columnsOf(table).key
  return new ColumnError(
    'BINGO_UNKNOWN_COLUMN',
    `rule "${source.ruleId}" reads key.${column}, but "${column}" is not part of the primary key of ${table.schema}.${table.name}`,
    source.locate(offset),
    key.length === 0 ? 'the table has no primary key' : `the key is: ${key.join(', ')}`,
  )
}
