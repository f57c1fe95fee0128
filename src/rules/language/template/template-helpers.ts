import { createHash } from 'node:crypto'
import type { Value } from '../../../model/event/row.ts'
import { stringifyValue } from '../../../model/event/forms/event-json.ts'
import { textOf } from './helper.ts'
import type { TemplateHelper } from './helper.ts'
import { NUMBER_HELPERS } from './number-helpers.ts'
import { TEXT_HELPERS } from './text-helpers.ts'
import { TIME_HELPERS } from './time-helpers.ts'

/** All helpers, by name. */
export const TEMPLATE_HELPERS: ReadonlyMap<string, TemplateHelper> = new Map(
  Object.entries<TemplateHelper>({
    json: one('the value as JSON; a NULL is null', (value) => stringifyValue(value ?? null), 'null too'),
    lower: one('lower case', (value) => textOf(value).toLowerCase()),
    upper: one('upper case', (value) => textOf(value).toUpperCase()),
    trim: one('without leading and trailing white space', (value) => textOf(value).trim()),
    base64: one('base64 of the UTF-8 text', (value) => Buffer.from(textOf(value)).toString('base64')),
    sha256: one('SHA-256 of the UTF-8 text, in hexadecimal', (value) =>
      createHash('sha256').update(textOf(value)).digest('hex'),
    ),
    urlencode: one('percent-encoded for a URL', (value) => encodeURIComponent(textOf(value).toWellFormed())),
    urlpath: one('percent-encoded for the path of a URL, keeping slashes', (value) =>
      textOf(value).toWellFormed().split('/').map(encodeURIComponent).join('/'),
    ),
    hex: one('hexadecimal of a BINARY or BLOB column, or of a whole number', hexOf),
    uuid: {
      doc: 'a BINARY(16) as UUID; with "swap" as UUID_TO_BIN(…, 1) stores it',
      arity: [1, 2],
      apply: ([value, how]) => (value === null || value === undefined ? null : uuidOf(value, how === 'swap')),
    },
    default: {
      doc: 'the first value that is neither NULL nor empty',
      arity: [2, 8],
      apply: (values) => values.find((value) => value !== null && value !== undefined && value !== '') ?? null,
    },
    join: {
      doc: 'a list (SET, JSON array) as text: {{join tags ","}}',
      arity: [1, 2],
      apply: ([list, separator]) =>
        Array.isArray(list) ? list.map(textOf).join(separator === undefined ? ',' : textOf(separator)) : (list ?? null),
    },
    concat: { doc: 'values concatenated', arity: [1, 32], apply: (values) => nullable(values, concat) },
    lookup: {
      doc: 'an entry of a map or list: {{lookup doc "a b"}}',
      arity: [2, 2],
      apply: ([of, key]) => entry(of, key),
    },
    eq: { doc: 'whether two values are equal', arity: [2, 2], apply: ([a, b]) => (a ?? null) === (b ?? null) },
    ne: { doc: 'whether two values differ', arity: [2, 2], apply: ([a, b]) => (a ?? null) !== (b ?? null) },
    and: { doc: 'whether all are truthy', arity: [1, 32], apply: (values) => values.every(isTruthy) },
    or: { doc: 'whether one is truthy', arity: [1, 32], apply: (values) => values.some(isTruthy) },
    not: { doc: 'whether it is not truthy', arity: [1, 1], apply: ([value]) => !isTruthy(value) },
    ...TEXT_HELPERS,
    ...NUMBER_HELPERS,
    ...TIME_HELPERS,
  }),
)

/** Binary columns are base64 in events. What is neither that nor a whole number has no bytes to show. */
function hexOf(value: Value): Value {
  if (typeof value === 'number' || typeof value === 'bigint') {
    return Number.isInteger(Number(value)) && value >= 0 ? value.toString(16) : null
  }
  return bytesOf(value)?.toString('hex') ?? null
}

/** NULL for what does not have 16 bytes. A text that is a UUID already (UUID columns of MariaDB) stays. */
function uuidOf(value: Value, swapped: boolean): Value {
  if (typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value))
    return value.toLowerCase()
  const bytes = bytesOf(value)
  if (bytes?.length !== 16) return null
  const hex = bytes.toString('hex')
  // UUID_TO_BIN(…, 1) moves the time-high part first, then time-mid, then time-low, so that rows sort by time.
  const plain = swapped ? hex.slice(8, 16) + hex.slice(4, 8) + hex.slice(0, 4) + hex.slice(16) : hex
  return plain.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function bytesOf(value: Value): Buffer | undefined {
  if (typeof value !== 'string' || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) {
    return undefined
  }
  return Buffer.from(value, 'base64')
}

function one(doc: string, apply: (value: Value) => Value, nulls?: 'null too'): TemplateHelper {
  return {
    doc,
    arity: [1, 1],
    apply: ([value]) => (nulls === undefined && (value === null || value === undefined) ? null : apply(value)),
  }
}

function nullable(values: readonly Value[], apply: (values: readonly Value[]) => Value): Value {
  return values.some((value) => value === null || value === undefined) ? null : apply(values)
}

function concat(values: readonly Value[]): Value {
  return values.map(textOf).join('')
}

/** As in Handlebars: NULL, false, 0, the empty string and the empty list are not. */
export function isTruthy(value: Value): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value)
}

/** Own entries only: whatever prototypes have reads as missing. */
export function entry(of: Value, key: Value): Value {
  if (typeof of !== 'object' || of === null) return undefined
  if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint') return undefined
  if (Array.isArray(of) && !/^\d+$/.test(String(key))) return undefined
  return Object.hasOwn(of, String(key)) ? (of as { readonly [key: string]: Value })[String(key)] : undefined
}
