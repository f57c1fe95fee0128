import { nearestName } from '../../model/nearest-name.ts'
import { parseBytes, parseDuration, writeDuration } from '../../model/quantity.ts'
import { BYTES_SCHEMA, DURATION_SCHEMA, type JsonSchema } from '../../rules/schema/json-schema.ts'

/** A value that a setting cannot take. The message never quotes the value of a secret. */
export class InvalidValue extends Error {
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

/** Reads one written value (a YAML scalar or list, or the text of an environment variable). Throws InvalidValue. */
export interface Parse<T> {
  (value: unknown): T
  /** What an editor may know of it, as JSON Schema. */
  readonly schema: JsonSchema
  /** A number that stands there counts as it is written. */
  readonly readsText: boolean
}

export function parser<T>(schema: JsonSchema, read: (value: unknown) => T, readsText = false): Parse<T> {
  return Object.assign((value: unknown) => read(value), { schema, readsText })
}

/** A parser of texts. */
export function textParser<T>(
  read: (value: unknown) => T,
  schema: JsonSchema = { type: ['string', 'number'] },
): Parse<T> {
  return parser(schema, read, true)
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  return `"${String(value)}"`
}

export const text = textParser((value): string => {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  throw new InvalidValue(`${shown(value)} is not a string`, 'Write one string.')
})

export function textLike(pattern: RegExp, hint: string): Parse<string> {
  return textParser((value) => {
    const result = text(value)
    if (!pattern.test(result)) throw new InvalidValue(`${shown(value)} is not a valid value`, hint)
    return result
  })
}

export function integer(min: number, max: number): Parse<number> {
  return parser({ type: 'integer', minimum: min, maximum: max }, (value) => {
    const number = typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isInteger(number)) {
      throw new InvalidValue(`${shown(value)} is not a whole number`, `Write a whole number from ${min} to ${max}.`)
    }
    if (number < min || number > max) {
      throw new InvalidValue(`${number} is out of range`, `Write a whole number from ${min} to ${max}.`)
    }
    return number
  })
}

/** Milliseconds. */
export function duration(minMs: number, maxMs: number): Parse<number> {
  return parser(DURATION_SCHEMA, (value) => {
    const ms = typeof value === 'string' ? parseDuration(value.trim()) : undefined
    if (ms === undefined) {
      const hint =
        typeof value === 'number'
          ? `Add the unit: ${value}ms or ${value}s.`
          : 'Write a duration such as 250ms, 10s, 5m, 1h or 7d.'
      throw new InvalidValue(`${shown(value)} is not a valid duration`, hint)
    }
    if (ms < minMs || ms > maxMs) {
      throw new InvalidValue(
        `${shown(value)} is out of range`,
        `Write a duration from ${writeDuration(minMs)} to ${writeDuration(maxMs)}.`,
      )
    }
    return ms
  })
}

export const bytes = parser(BYTES_SCHEMA, (value): number => {
  const size = typeof value === 'number' ? value : typeof value === 'string' ? parseBytes(value) : undefined
  if (size === undefined || !Number.isSafeInteger(size) || size < 1) {
    throw new InvalidValue(
      `${shown(value)} is not a valid size`,
      'Write a size such as 32MiB, 512KiB or 1GiB, or a number of bytes.',
    )
  }
  return size
})

/** `unlimited` as Infinity, anything else as `parse` reads it. */
export function orUnlimited(parse: Parse<number>): Parse<number> {
  return parser({ anyOf: [{ const: 'unlimited' }, parse.schema] }, (value) => {
    if (value === 'unlimited') return Infinity
    try {
      return parse(value)
    } catch (error) {
      if (error instanceof InvalidValue) throw new InvalidValue(error.message, `${error.hint} Or: unlimited.`)
      throw error
    }
  })
}

export const flag = parser({ type: 'boolean' }, (value): boolean => {
  if (typeof value === 'boolean') return value
  if (typeof value === 'string') {
    const word = value.trim().toLowerCase()
    if (word === 'true' || word === '1') return true
    if (word === 'false' || word === '0') return false
  }
  throw new InvalidValue(`${shown(value)} is neither true nor false`, 'Write true or false.')
})

export function choice<const T extends string>(...choices: readonly T[]): Parse<T> {
  return parser({ enum: choices }, (value) => {
    const found = choices.find((candidate) => candidate === value)
    if (found !== undefined) return found
    const meant = typeof value === 'string' ? nearestName(value, choices) : undefined
    throw new InvalidValue(
      `${shown(value)} is not a valid choice`,
      `${meant === undefined ? '' : `Did you mean "${meant}"? `}Write one of: ${choices.join(', ')}.`,
    )
  })
}

/** A list, or one text with commas (as environment variables have it). */
export const textList = textParser(
  (value): readonly string[] => {
    if (Array.isArray(value)) return value.map((item) => text(item))
    return text(value)
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  },
  { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
)
