import type { Connection, RowDataPacket } from 'mysql2/promise'
import { expect } from 'vitest'
import { stringifyValue } from '../../src/model/event/forms/event-json.ts'
import type { Row, Value } from '../../src/model/event/row.ts'
import type { ColumnDef, TableDef } from '../../src/model/table/table.ts'
import { ColumnType } from '../../src/model/table/column-type.ts'

const TEMPORAL_STAMPS = new Set<number>([ColumnType.TIMESTAMP, ColumnType.TIMESTAMP2])
const BINARY = 63

/** Compares decoded rows with what the server itself prints for the table's rows, both in the order of `id`. */
export async function expectAsPrinted(
  db: Connection,
  table: TableDef,
  rows: readonly Row[],
  from: string = table.name,
): Promise<void> {
  await db.query("SET time_zone = '+00:00'")
  const shown = table.columns.map((column) => `${printed(column, table.flavour)} AS \`${column.name}\``)
  const [expected] = await db.query<RowDataPacket[]>(`SELECT ${shown.join(', ')} FROM ${from} ORDER BY ${from}.id`)
  expect(rows).toHaveLength(expected.length)
  for (const [i, row] of expected.entries()) {
    for (const column of table.columns) {
      const where = `${table.name}.${column.name} of row ${i + 1} (type ${column.type}, meta ${column.meta})`
      const text = row[column.name] as string | null
      expect(asPrinted(column, rows[i]![column.name]), where).toEqual(normalised(column, text))
    }
  }
}

/** SQL that prints a column so that nothing of it is lost. */
function printed(column: ColumnDef, flavour: string): string {
  const name = `\`${column.name}\``
  switch (column.type) {
    case ColumnType.GEOMETRY:
      return flavour === 'mysql' ? `CAST(ST_AsGeoJSON(${name}, 17) AS CHAR)` : `ST_AsGeoJSON(${name}, 17)`
    case ColumnType.FLOAT:
      // As a FLOAT it would print six digits only.
      return `CAST(${name} + 0e0 AS CHAR)`
    case ColumnType.BIT:
      return `CAST(${name} + 0 AS CHAR)`
    case ColumnType.VECTOR:
      return `HEX(${name})`
    default:
      if (column.special === 'vector') return `HEX(${name})`
      if (isBytes(column)) return `HEX(${name})`
      return `CAST(${name} AS CHAR CHARACTER SET utf8mb4)`
  }
}

function isBytes({ type, collation, special }: ColumnDef): boolean {
  const stringTypes = [15, 140, 141, 249, 250, 251, 252, 253, 254]
  return collation === BINARY && special === undefined && stringTypes.includes(type)
}

/** Our value in the server's form. */
function asPrinted(column: ColumnDef, value: Value): unknown {
  if (value === null || value === undefined) return value
  if (column.type === ColumnType.SET) return (value as string[]).join(',')
  if (column.type === ColumnType.VECTOR || column.special === 'vector') return hexOfFloats(value as number[])
  if (column.type === ColumnType.JSON) return sortedJson(value)
  if (column.type === ColumnType.GEOMETRY) return value
  if (column.type === ColumnType.FLOAT) return Math.fround(value as number)
  if (column.type === ColumnType.DOUBLE) return value
  if (isBytes(column))
    return Buffer.from(value as string, 'base64')
      .toString('hex')
      .toUpperCase()
  return String(value as string | number | bigint)
}

/** The server's text in a form that can be compared. */
function normalised(column: ColumnDef, text: string | null): unknown {
  // A JSON null and an SQL NULL are the same in an event.
  if (text === null || (text === 'null' && column.type === ColumnType.JSON)) return null
  if (TEMPORAL_STAMPS.has(column.type)) return text.startsWith('0000') ? text : `${text.replace(' ', 'T')}Z`
  if (column.type === ColumnType.JSON) return sortedJson(parseExactly(text))
  if (column.type === ColumnType.GEOMETRY) return JSON.parse(text) as unknown
  if (column.type === ColumnType.FLOAT || column.type === ColumnType.DOUBLE) return Number(text)
  if (column.type === ColumnType.YEAR) return String(Number(text))
  return text
}

function hexOfFloats(numbers: readonly number[]): string {
  const bytes = Buffer.alloc(4 * numbers.length)
  for (const [i, number] of numbers.entries()) bytes.writeFloatLE(number, 4 * i)
  return bytes.toString('hex').toUpperCase()
}

/** Integers beyond 2^53 as decimal strings, as events show them; so too a DECIMAL that no number is. */
function parseExactly(text: string): Value {
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    token.startsWith('"') || isExact(token) ? token : `"${token}"`,
  )
  return JSON.parse(quoted, nullPrototype) as Value
}

function isExact(token: string): boolean {
  if (/[eE]/.test(token)) return true
  if (!token.includes('.')) return Number.isSafeInteger(Number(token))
  return token.replace(/[-.]/g, '').replace(/^0+/, '').length <= 17
}

function nullPrototype(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.assign(Object.create(null) as object, value)
}

function sortedJson(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return stringifyValue(value)
  const map = value as { readonly [key: string]: Value }
  const members = Object.keys(map)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${sortedJson(map[key])}`)
  return `{${members.join(',')}}`
}
