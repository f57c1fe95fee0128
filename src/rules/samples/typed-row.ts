import type { Row, Value } from '../../model/event/row.ts'
import { ColumnType } from '../../model/table/column-type.ts'
import { BingoError } from '../../model/errors.ts'
import type { ColumnDef, TableDef } from '../../model/table/table.ts'
import { typeName } from '../../model/event/posted/type-name.ts'
import { valueKind } from '../../model/table/value-kind.ts'
import { columnsOf } from '../language/table-columns.ts'

/** The row with values as the columns' types give them. Throws BINGO_EVENT_INVALID for what no row can hold. */
export function typedRow(row: Row, table: TableDef, image: 'old' | 'new'): Row {
  const columns = columnsOf(table)
  const typed = Object.create(null) as { [column: string]: Value }
  for (const [name, value] of Object.entries(row)) {
    const column = columns.find(name)
    if (column === undefined) {
      const nearest = columns.nearest(name)
      const hint = nearest === undefined ? `The table has: ${columns.names.join(', ')}.` : `Did you mean "${nearest}"?`
      throw invalid(`${table.schema}.${table.name} has no column "${name}"`, hint)
    }
    typed[column.name] = typedValue(value, column, `${image}.${column.name}`)
  }
  return typed
}

function typedValue(value: Value, column: ColumnDef, name: string): Value {
  const refuse = (hint: string): never => {
    throw invalid(`${name} is ${typeName(column)}, which is never ${JSON.stringify(value)}`, hint)
  }
  if (value === null || value === undefined) {
    return column.nullable ? null : refuse('Write a value: the column is NOT NULL.')
  }
  switch (valueKind(column)) {
    case 'int':
    case 'uint64':
      if (typeof value === 'boolean') return refuse(`Write ${value ? 1 : 0}.`)
      if (typeof value === 'string' && /^-?\d{16,}$/.test(value)) return BigInt(value)
      return Number.isInteger(value) ? value : refuse('Write a whole number, without quotes.')
    case 'float':
      return typeof value === 'number' ? value : refuse('Write a number, without quotes.')
    case 'string':
      return typedText(value, column, refuse)
    case 'set':
      return typedSet(value, column, refuse)
    default:
      return value
  }
}

const TIMES: { readonly [type: number]: { readonly pattern: RegExp; readonly example: string } } = {
  [ColumnType.DATE]: { pattern: /^\d{4}-\d\d-\d\d$/, example: '"2026-11-20"' },
  [ColumnType.DATETIME2]: { pattern: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$/, example: '"2026-11-20 10:11:12"' },
  [ColumnType.TIMESTAMP2]: {
    pattern: /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z| 00:00:00(\.0+)?)$/,
    example: '"2026-11-20T10:11:12Z"',
  },
  [ColumnType.TIME2]: { pattern: /^-?\d{2,3}:\d\d:\d\d(\.\d+)?$/, example: '"10:11:12"' },
}

function typedText(value: Value, column: ColumnDef, refuse: (hint: string) => never): Value {
  if (column.type === ColumnType.NEWDECIMAL) return decimal(value, column, refuse)
  if (typeof value !== 'string') return refuse('Put quotes around it.')
  if (column.type === ColumnType.ENUM && column.values?.includes(value) === false) {
    return refuse(`Write one of: ${column.values.join(', ')}.`)
  }
  const time = TIMES[column.type]
  return time === undefined || time.pattern.test(value) ? value : refuse(`Write for example ${time.example}.`)
}

/** All digits of the scale, as the binlog gives them: 19.9 is "19.90" in a DECIMAL(10,2). */
function decimal(value: Value, { meta }: ColumnDef, refuse: (hint: string) => never): Value {
  const scale = meta & 0xff
  const text = typeof value === 'number' ? String(value) : value
  const [, whole, digits = ''] = typeof text === 'string' ? (/^(-?\d+)(?:\.(\d+))?$/.exec(text) ?? []) : []
  if (whole === undefined) return refuse('Write a number.')
  if (digits.length > scale) return refuse(`Write at most ${scale} digits after the point.`)
  return scale === 0 ? whole : `${whole}.${digits.padEnd(scale, '0')}`
}

function typedSet(value: Value, { values = [] }: ColumnDef, refuse: (hint: string) => never): Value {
  const items = typeof value === 'string' ? value.split(',').filter((each) => each !== '') : value
  const right = Array.isArray(items) && items.every((item) => typeof item === 'string' && values.includes(item))
  return right ? items : refuse(`Write a list of: ${values.join(', ')}.`)
}

function invalid(message: string, hint: string): BingoError {
  return new BingoError('BINGO_EVENT_INVALID', `the event is not valid: ${message}`, { hint })
}
