/**
 * What JSON has to look like, where people and other programs can write it. A check says what is wrong with a value:
 * ` is not a text`, or `.at is not a number` of something inside. Null: nothing.
 */
export type Check = (value: unknown) => string | null

/** `{…}` of JSON: neither a list nor null. */
export function isMap(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export const text: Check = (value) => (typeof value === 'string' ? null : ' is not a text')
export const number: Check = (value) => (typeof value === 'number' ? null : ' is not a number')

export const count: Check = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? null : ' is not a whole number of 0 or more'
export const flag: Check = (value) => (typeof value === 'boolean' ? null : ' is not true or false')

/** As in `attempts[0].code is not a text`; null: nothing is wrong. */
export function faultOf(check: Check, value: unknown): string | null {
  const fault = check(value)
  return fault === null ? null : fault.startsWith('.') ? fault.slice(1) : `it${fault}`
}

/** Milliseconds since 1970 that a Date can hold. */
export function time(value: unknown): string | null {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15 ? null : ' is not a time in milliseconds'
}

/** Microseconds since 1970, of a moment that a Date can hold. */
export function timeUs(value: unknown): string | null {
  return typeof value === 'number' && Math.abs(value) <= 8.64e18 ? null : ' is not a time in microseconds'
}

export function oneOf(...texts: readonly string[]): Check {
  return (value) => (texts.includes(value as string) ? null : ` is not one of ${texts.join(', ')}`)
}

export function optional(check: Check): Check {
  return (value) => (value === undefined ? null : check(value))
}

export function anyOf(...checks: readonly Check[]): Check {
  return (value) => {
    let first: string | null = null
    for (const check of checks) {
      const fault = check(value)
      if (fault === null) return null
      first ??= fault
    }
    return first
  }
}

export function orNull(check: Check): Check {
  return (value) => (value === null ? null : check(value))
}

export function listOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return ' is not a list'
    for (const [i, each] of value.entries()) {
      const fault = check(each)
      if (fault !== null) return `[${i}]${fault}`
    }
    return null
  }
}

/** A list of these, and of no more. What is not there is undefined. */
export function tupleOf(...checks: readonly Check[]): Check {
  return (value) => {
    if (!Array.isArray(value) || value.length > checks.length) return ` is not a list of ${checks.length}`
    for (let i = 0; i < checks.length; i++) {
      const fault = checks[i]!(value[i])
      if (fault !== null) return `[${i}]${fault}`
    }
    return null
  }
}

/** Other fields may be anything. */
export function mapOf(fields: { readonly [name: string]: Check }): Check {
  const names = Object.keys(fields)
  const checks = Object.values(fields)
  return (value) => {
    if (!isMap(value)) return ' is not a map'
    for (let i = 0; i < names.length; i++) {
      const fault = checks[i]!(value[names[i]!])
      if (fault !== null) return `.${names[i]}${fault}`
    }
    return null
  }
}

/** With whatever names. */
export function valuesOf(check: Check): Check {
  return (value) => {
    if (!isMap(value)) return ' is not a map'
    for (const name of Object.keys(value)) {
      const fault = check(value[name])
      if (fault !== null) return `.${name}${fault}`
    }
    return null
  }
}

export const map = mapOf({})
export const list: Check = (value) => (Array.isArray(value) ? null : ' is not a list')
