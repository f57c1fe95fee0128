import { nearestName } from '../../model/nearest-name.ts'
import type { MessageField, MessageType } from './message-type.ts'
import { isMap } from '../../model/json/shape.ts'

/** A value does not fit its field. `path` leads to it: `from.mail`, `cc.0`. */
export class Misfit extends Error {
  readonly path: readonly (string | number)[]

  constructor(path: readonly (string | number)[], message: string) {
    super(path.length === 0 ? message : `${path.join('.')}: ${message}`)
    this.path = path
  }
}

type Path = readonly (string | number)[]

const INTEGER = /^[+-]?\d{1,20}$/
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^(NaN|-?Infinity)$/i
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

const RANGES: { readonly [type: string]: readonly [bigint, bigint] } = {
  TYPE_INT32: signed(32),
  TYPE_SINT32: signed(32),
  TYPE_SFIXED32: signed(32),
  TYPE_INT64: signed(64),
  TYPE_SINT64: signed(64),
  TYPE_SFIXED64: signed(64),
  TYPE_UINT32: unsigned(32),
  TYPE_FIXED32: unsigned(32),
  TYPE_UINT64: unsigned(64),
  TYPE_FIXED64: unsigned(64),
}

/**
 * The message as the encoder may have it. The encoder itself is lenient: it leaves out fields that it does not know and enum
 * values that do not exist, and makes 0 of what is no number and true of "0". NULL is a field that is not set.
 * Throws Misfit.
 */
export function fitMessage(value: unknown, type: MessageType, path: Path = []): object {
  if (type.name === 'google.protobuf.Timestamp' && typeof value === 'string') return timestamp(value, path)
  if (!isMap(value)) throw new Misfit(path, `needs a map with the fields of ${type.name}`)
  const fitted: { [name: string]: unknown } = {}
  for (const [name, each] of Object.entries(value)) {
    const field = fieldOf(type, name, path)
    if (each !== null && each !== undefined) fitted[name] = fitField(each, field, [...path, name])
  }
  return fitted
}

/** The field of that name. Throws Misfit with the nearest name there is. */
export function fieldOf(type: MessageType, name: string, path: Path): MessageField {
  const field = type.fields.get(name)
  if (field !== undefined) return field
  const near = nearestName(name, [...type.fields.keys()])
  const advice = near === undefined ? `it has ${[...type.fields.keys()].join(', ')}` : `did you mean ${near}?`
  throw new Misfit([...path, name], `${type.name} does not have this field; ${advice}`)
}

function fitField(value: unknown, field: MessageField, path: Path): unknown {
  if (field.shape === 'list') {
    if (!Array.isArray(value)) throw new Misfit(path, 'needs a list')
    return value.map((item, i) => fitSingle(item, field, [...path, i]))
  }
  if (field.shape === 'map') {
    if (!isMap(value)) throw new Misfit(path, 'needs a map')
    const { entryKey } = field
    const entries = Object.entries(value).map(([key, item]) => [key, fitSingle(item, field, [...path, key])] as const)
    if (entryKey === undefined) return Object.fromEntries(entries)
    return entries.map(([key, item]) => ({ key: fitSingle(key, entryKey, [...path, key]), value: item }))
  }
  return fitSingle(value, field, path)
}

/** One value: of a list or map each of them. */
export function fitSingle(value: unknown, field: MessageField, path: Path): unknown {
  switch (field.type) {
    case 'TYPE_MESSAGE':
    case 'TYPE_GROUP': {
      const type = field.message()
      return type === undefined ? value : fitMessage(value, type, path)
    }
    case 'TYPE_ENUM':
      return fitEnum(value, field, path)
    case 'TYPE_BOOL':
      return fitBool(value, path)
    case 'TYPE_STRING':
      if (typeof value === 'string') return value
      if (typeof value === 'number' || typeof value === 'boolean') return String(value)
      throw new Misfit(path, 'needs a string')
    case 'TYPE_BYTES':
      if (typeof value === 'string' && BASE64.test(value)) return value
      throw new Misfit(path, 'needs bytes as base64')
    case 'TYPE_DOUBLE':
    case 'TYPE_FLOAT':
      if (typeof value === 'number' || (typeof value === 'string' && NUMBER.test(value))) return Number(value)
      throw new Misfit(path, 'needs a number')
    default:
      return fitInteger(value, RANGES[field.type], path)
  }
}

function fitInteger(value: unknown, range: readonly [bigint, bigint] | undefined, path: Path): unknown {
  const whole = typeof value === 'number' ? Number.isInteger(value) : typeof value === 'string' && INTEGER.test(value)
  if (!whole) throw new Misfit(path, 'needs a whole number')
  const big = BigInt(value as string | number)
  if (range !== undefined && (big < range[0] || big > range[1])) {
    throw new Misfit(path, `needs a whole number from ${range[0]} to ${range[1]}`)
  }
  return value
}

function fitEnum(value: unknown, { enumValues }: MessageField, path: Path): unknown {
  if (enumValues === undefined || (typeof value === 'string' && enumValues.has(value))) return value
  if (typeof value === 'number' && Number.isInteger(value)) return value
  throw new Misfit(path, `needs one of ${[...enumValues].join(', ')}`)
}

/** TINYINT(1) is a number in events. */
function fitBool(value: unknown, path: Path): boolean {
  if (typeof value === 'boolean') return value
  if (value === 1 || value === '1' || value === 'true') return true
  if (value === 0 || value === '0' || value === 'false') return false
  throw new Misfit(path, 'needs true or false')
}

/** From ISO 8601 in UTC, as TIMESTAMP columns and `event.ts` have it, with up to nine digits behind the point. */
function timestamp(value: string, path: Path): object {
  const [, seconds, fraction = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(value) ?? []
  const ms = Date.parse(`${seconds}Z`)
  if (Number.isNaN(ms)) throw new Misfit(path, 'needs a time as in 2026-11-20T10:00:00Z, or {seconds, nanos}')
  return { seconds: String(ms / 1000), nanos: Number(fraction.padEnd(9, '0')) }
}

function signed(bits: number): readonly [bigint, bigint] {
  const half = 2n ** BigInt(bits - 1)
  return [-half, half - 1n]
}

function unsigned(bits: number): readonly [bigint, bigint] {
  return [0n, 2n ** BigInt(bits) - 1n]
}
