import type { FieldPacket } from 'mysql2/promise'
import type { Row, Value } from '../../model/event/row.ts'
import type { LookedUp } from '../../model/event/facts.ts'
import { ColumnType } from '../../model/table/column-type.ts'
import type { ValueKind } from '../../model/table/table.ts'
import { valueKind } from '../../model/table/value-kind.ts'
import { shortestFloat } from '../../sources/mysql/binlog/columns/floats.ts'
import { readGeometry } from '../../sources/mysql/binlog/columns/geometry.ts'
import { readVector } from '../../sources/mysql/binlog/columns/vector.ts'

/** What mysql2 gives of a column; its declarations leave some of it out. */
export type AnswerField = Pick<FieldPacket, 'name'> & {
  readonly columnType?: number
  readonly flags?: number | string[]
}

const UNSIGNED = 32
/** How many bits a BIT column has is not asked. */
const MOST_BITS = 64
const TIMESTAMPS: ReadonlySet<number> = new Set([ColumnType.TIMESTAMP, ColumnType.TIMESTAMP2])
const DIGITS = /^-?\d+$/

/** Types whose bytes are read here, as mysql2 gives other values of them. */
export function isReadFromBytes(typeName: string): boolean {
  return typeName === 'GEOMETRY' || typeName === 'VECTOR'
}

/** One row of an answer, with values as events have them; a SET is text. The first `skip` columns are left out. */
export function rowOf(fields: readonly AnswerField[], values: readonly unknown[], skip: number): LookedUp {
  const row = Object.create(null) as { [column: string]: Value }
  const kinds: { [column: string]: ValueKind } = {}
  for (let i = skip; i < fields.length; i++) {
    const { name, columnType: type = ColumnType.VARCHAR, flags } = fields[i]!
    const unsigned = typeof flags === 'number' && (flags & UNSIGNED) !== 0
    kinds[name] = valueKind({ type, unsigned, meta: MOST_BITS })
    row[name] = valueOf(values[i], type)
  }
  return { row: row satisfies Row, kinds }
}

function valueOf(value: unknown, type: number): Value {
  if (value === null || value === undefined) return null
  switch (type) {
    case ColumnType.FLOAT:
      return shortestFloat(value as number)
    case ColumnType.LONGLONG:
      return typeof value === 'string' && DIGITS.test(value) ? BigInt(value) : (value as Value)
    case ColumnType.JSON:
      return JSON.parse(value as string) as Value
    case ColumnType.BIT:
      return integerOf(value as Buffer)
    case ColumnType.GEOMETRY:
      return readGeometry(value as Buffer, 0, (value as Buffer).length)
    case ColumnType.VECTOR:
      return readVector(value as Buffer, 0, (value as Buffer).length)
    default:
      if (Buffer.isBuffer(value)) return value.toString('base64')
      return TIMESTAMPS.has(type) ? instantOf(value as string) : (value as Value)
  }
}

function integerOf(bytes: Buffer): Value {
  const integer = BigInt(`0x${bytes.toString('hex') || '0'}`)
  return integer <= Number.MAX_SAFE_INTEGER ? Number(integer) : integer
}

/** The session is in UTC; the zero time is no instant. */
function instantOf(text: string): string {
  return text.startsWith('0000-00-00') ? text : `${text.replace(' ', 'T')}Z`
}
