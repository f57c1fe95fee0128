import type { SqlRow } from '../../clients/sql/session.ts'
import type { Row, Value } from '../../model/event/row.ts'
import { parseJson } from '../../model/json/strict-json.ts'
import type { PolledColumn, Reading } from './table-info.ts'

const MAX_DEPTH = 1_000

/** The values of a row as a binlog has them. */
export function rowValues(columns: readonly PolledColumn[], row: SqlRow): Row {
  const values = Object.create(null) as { [column: string]: Value }
  for (const { name, reading } of columns) values[name] = valueOf(row[name], reading)
  return values
}

function valueOf(value: unknown, reading: Reading): Value {
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return Buffer.from(value).toString(reading === 'bytes' ? 'base64' : 'utf8')
  if (typeof value !== 'string') return value as Value
  switch (reading) {
    case 'json':
      return jsonOf(value)
    case 'integer':
      return Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value)
    case 'boolean':
      return value === 't' || value === 'true'
    case 'bytes':
      // PostgreSQL writes bytes as \x and hex.
      return value.startsWith('\\x') ? Buffer.from(value.slice(2), 'hex').toString('base64') : value
    case 'time':
      // 2026-11-28 10:00:00+00: the minutes of a zone belong to it.
      return value.replace(/([+-]\d\d)$/, '$1:00')
    case 'plain':
      return value
  }
}

/** Documents of databases may hold what JSON from outside must not: the same key twice. */
function jsonOf(text: string): Value {
  try {
    return parseJson(text, MAX_DEPTH)
  } catch {
    return JSON.parse(text) as Value
  }
}
