import type { Value } from '../../model/event/row.ts'
import { exactJson, parseJson } from '../../model/json/strict-json.ts'
import type { OutboxColumn } from './contract.ts'

/** As deep as posted events may be. */
const MOST_DEPTH = 64
const UTF8 = new TextDecoder('utf-8', { fatal: true })
const UUID_BYTES = 16
/** A DATETIME has no zone; a time with one says so. */
const SQL_TIME = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:?\d\d)?$/
const LATEST_MS = 253_402_300_799_999

/** A value of a row as the text of a name, an id, or a header; undefined where it is none. */
export function textOf(value: Value, kind: OutboxColumn['kind']): string | undefined {
  switch (typeof value) {
    case 'string':
      return kind === 'binary' ? textOfBytes(value) : value
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
      return value === null || value === undefined ? undefined : exactJson(value)
  }
}

/** A UUID in 16 bytes as it is written; other bytes as the text that they are in UTF-8, or as base64. */
function textOfBytes(base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length === UUID_BYTES) {
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }
  return decoded(bytes) ?? base64
}

function decoded(bytes: Buffer): string | undefined {
  try {
    return UTF8.decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * A payload, as JSON where it is a JSON object or list in text. Text that is neither, or no JSON, stays text: it may be of
 * any other format.
 */
export function payloadOf(value: Value, kind: OutboxColumn['kind'], expand: boolean): Value {
  if (kind === 'json' || typeof value !== 'string') return value
  const text = kind === 'binary' ? (decoded(Buffer.from(value, 'base64')) ?? value) : value
  if (!expand) return text
  const first = text.trimStart()[0]
  if (first !== '{' && first !== '[') return text
  try {
    return parseJson(text, MOST_DEPTH)
  } catch {
    return text
  }
}

export function isBlank(value: Value): boolean {
  return value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
}

/** Without members that are null and empty lists, at any depth: Debezium's schemas have no place for them. */
export function withoutNulls(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((each: Value) => withoutNulls(each))
  const kept = Object.create(null) as { [name: string]: Value }
  for (const [name, each] of Object.entries(value as { readonly [name: string]: Value })) {
    if (each === null || each === undefined || (Array.isArray(each) && each.length === 0)) continue
    kept[name] = withoutNulls(each)
  }
  return kept
}

/** Milliseconds since 1970 of a number or of a time of SQL; undefined where it is none. */
export function momentOf(value: Value): number | undefined {
  const ms = typeof value === 'string' ? momentOfText(value) : typeof value === 'number' ? value : NaN
  return ms >= 0 && ms <= LATEST_MS ? Math.floor(ms) : undefined
}

function momentOfText(text: string): number {
  const time = SQL_TIME.exec(text)
  return time === null ? NaN : Date.parse(`${time[1]}T${time[2]}${time[3] ?? 'Z'}`)
}

/** Headers of a JSON object: texts as they are, everything else as JSON, nulls left out; undefined where it is none. */
export function headersOf(value: Value, kind: OutboxColumn['kind']): { [name: string]: string } | undefined {
  const read = payloadOf(value, kind, true)
  if (read === null || read === undefined) return {}
  if (typeof read !== 'object' || Array.isArray(read)) return undefined
  const headers = Object.create(null) as { [name: string]: string }
  for (const [name, each] of Object.entries(read as { readonly [name: string]: Value })) {
    if (each !== null && each !== undefined) headers[name] = typeof each === 'string' ? each : exactJson(each)
  }
  return headers
}
