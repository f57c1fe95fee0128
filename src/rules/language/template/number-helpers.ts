import type { Value } from '../../../model/event/row.ts'
import { Decimal } from '../decimal.ts'
import { HelperFailure, isPresent, strictHelper, wholeNumber } from './helper.ts'
import type { Present, TemplateHelper } from './helper.ts'

const MOST_DIGITS = 100

/**
 * Exact arithmetic. A result is a text with all its digits when one of the values is a text (a DECIMAL column is one);
 * else a number, or where it is whole and beyond 2^53 an integer that JSON shows as text.
 */
export const NUMBER_HELPERS: { readonly [name: string]: TemplateHelper } = {
  add: arithmetic('the sum, exact for DECIMAL and BIGINT', [2, 32], (a, b) => a.plus(b)),
  sub: arithmetic('the difference', [2, 2], (a, b) => a.minus(b)),
  mul: arithmetic('the product', [2, 32], (a, b) => a.times(b)),
  div: strictHelper(
    [2, 3],
    'the quotient, rounded to four digits more than the dividend has, or to as many as a third value says',
    (a, b, digits) => {
      const scale = digits === undefined ? undefined : digitsOf(digits)
      const quotient = decimalOf(a).dividedBy(decimalOf(b), scale)
      if (quotient === undefined) throw new HelperFailure('division by zero', 'ask first: {{#if b}}{{div a b}}{{/if}}')
      return like([a, b], quotient)
    },
    { check: checkDivision },
  ),
  round: strictHelper(
    [1, 2],
    'rounded to whole numbers, or to as many digits as a second value says; a half goes away from zero',
    (value, digits = 0) => like([value], decimalOf(value).rounded(digitsOf(digits))),
    {
      check: ([value, digits]) => {
        if (isPresent(value)) decimalOf(value)
        if (isPresent(digits)) digitsOf(digits)
      },
    },
  ),
}

function arithmetic(
  doc: string,
  arity: readonly [number, number],
  apply: (a: Decimal, b: Decimal) => Decimal,
): TemplateHelper {
  return strictHelper(arity, doc, (...values) => like(values, values.map(decimalOf).reduce(apply)), {
    check: (constants) => void constants.filter(isPresent).map(decimalOf),
  })
}

function checkDivision([a, b, digits]: readonly Value[]): void {
  if (isPresent(a)) decimalOf(a)
  if (isPresent(b) && decimalOf(b).units === 0n) throw new HelperFailure('division by zero')
  if (isPresent(digits)) digitsOf(digits)
}

function decimalOf(value: Value): Decimal {
  const decimal =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? Decimal.of(value) : undefined
  if (decimal !== undefined) return decimal
  throw new HelperFailure('a value is not a number', 'filter such rows out')
}

function digitsOf(value: Value): number {
  return wholeNumber(value, 'the number of digits', 0, MOST_DIGITS)
}

function like(values: readonly Present[], result: Decimal): Value {
  if (values.some((value) => typeof value === 'string')) return result.toString()
  if (!result.isWhole) return Number(result.toString())
  const { whole } = result
  return whole > BigInt(Number.MAX_SAFE_INTEGER) || whole < BigInt(Number.MIN_SAFE_INTEGER) ? whole : Number(whole)
}
