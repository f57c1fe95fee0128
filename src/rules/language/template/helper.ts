import type { Value } from '../../../model/event/row.ts'
import { stringifyValue } from '../../../model/event/forms/event-json.ts'

/** A helper of templates: `{{lower email}}`. NULL goes in and comes out as null unless the helper is about NULL. */
export interface TemplateHelper {
  readonly doc: string
  /** Fewest and most arguments. */
  readonly arity: readonly [number, number]
  /** Throws HelperFailure for a value that it cannot work with. */
  apply(values: readonly Value[]): Value
  /** Asked when the rules are loaded; of the arguments, those that are no constants are undefined. Throws HelperFailure. */
  readonly check?: (constants: readonly Value[]) => void
  /** Index of the argument that is a secret: a constant with `${env:NAME}` or `${file:…}`, put in when the rules are loaded. */
  readonly secret?: number
}

/** What a helper cannot work with: the message says why, for the author of the rule. */
export class HelperFailure extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

/** A helper that gives NULL when one of its values is NULL or missing. */
export function strictHelper(
  arity: readonly [number, number],
  doc: string,
  apply: (...values: Present[]) => Value,
  more: Pick<TemplateHelper, 'check' | 'secret'> = {},
): TemplateHelper {
  return { doc, arity, apply: (values) => (values.every(isPresent) ? apply(...(values as Present[])) : null), ...more }
}

/** A value that is neither NULL nor missing. */
export type Present = Exclude<Value, null | undefined>

export function isPresent(value: Value): value is Present {
  return value !== null && value !== undefined
}

export function textOf(value: Value): string {
  return typeof value === 'object' && value !== null ? stringifyValue(value) : String(value ?? '')
}

const SAFE_DIGITS = /^-?\d{1,15}$/

/** A whole number within bounds. Throws HelperFailure. */
export function wholeNumber(value: Value, name: string, least: number, most: number): number {
  const number = SAFE_DIGITS.test(textOf(value)) ? Number(value) : Number.NaN
  if (number >= least && number <= most) return number
  throw new HelperFailure(`${name} has to be a whole number from ${least} to ${most}`)
}
