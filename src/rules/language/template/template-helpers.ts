import { createHash } from 'node:crypto'
import type { Value } from '../../../model/change.ts'
import { stringifyValue } from '../../../model/event-json.ts'

/** A helper of templates: `{{lower email}}`. NULL goes in and comes out as null unless the helper is about NULL. */
export interface TemplateHelper {
  readonly doc: string
  /** Fewest and most arguments. */
  readonly arity: readonly [number, number]
  apply(values: readonly Value[]): Value
}

/** All helpers, by name. */
export const TEMPLATE_HELPERS: ReadonlyMap<string, TemplateHelper> = new Map(
  Object.entries({
    json: one('the value as JSON; a NULL is null', (value) => stringifyValue(value ?? null), 'null too'),
    lower: one('lower case', (value) => textOf(value).toLowerCase()),
    upper: one('upper case', (value) => textOf(value).toUpperCase()),
    trim: one('without white space at both ends', (value) => textOf(value).trim()),
    base64: one('base64 of the UTF-8 text', (value) => Buffer.from(textOf(value)).toString('base64')),
    sha256: one('SHA-256 of the UTF-8 text, in hexadecimal', (value) =>
      createHash('sha256').update(textOf(value)).digest('hex'),
    ),
    urlencode: one('percent-encoded for a URL', (value) => encodeURIComponent(textOf(value).toWellFormed())),
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
    concat: { doc: 'values one after the other', arity: [1, 32], apply: (values) => nullable(values, concat) },
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
  } satisfies { [name: string]: TemplateHelper }),
)

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

function textOf(value: Value): string {
  return typeof value === 'object' && value !== null ? stringifyValue(value) : String(value ?? '')
}
