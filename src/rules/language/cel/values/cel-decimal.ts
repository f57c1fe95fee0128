import { Decimal } from '../../decimal.ts'
import type { CelFunction, Integers } from '../cel-functions.ts'

/** Exact decimals, as DECIMAL columns hold them: `decimal(new.price) > decimal(old.price) * 1.1`. */
export function decimalFunctions(engine: Integers): readonly CelFunction[] {
  const { fail } = engine
  const decimal = readerOf(engine)
  return [
    on('decimal(decimal): decimal', (value: Decimal) => value),
    ...['string', 'int', 'uint', 'double'].map((type) => on(`decimal(${type}): decimal`, decimal)),
    on('decimal.round(): decimal', (value: Decimal) => value.rounded(0)),
    on('decimal.round(int): decimal', (value: Decimal, digits: bigint) => {
      if (digits < 0n || digits > 100n) throw fail('round() takes 0 to 100 digits')
      return value.rounded(Number(digits))
    }),
    on('to_string(decimal): string', String),
    on('to_double(decimal): double', Number),
    on('to_int(decimal): int', ({ whole }: Decimal) => {
      if (BigInt.asIntN(64, whole) === whole) return whole
      throw fail(`${whole} does not fit into an int`)
    }),
  ]
}

type Apply = (one: Decimal, other: Decimal) => unknown

/** A decimal with a decimal or with any other number, on either side. */
export function decimalOperators(engine: Integers): readonly CelFunction[] {
  const decimal = readerOf(engine)
  const operators: readonly (readonly [string, string, Apply])[] = [
    ['==', 'bool', (a, b) => a.compare(b) === 0],
    ['<', 'bool', (a, b) => a.compare(b) < 0],
    ['<=', 'bool', (a, b) => a.compare(b) <= 0],
    ['>', 'bool', (a, b) => a.compare(b) > 0],
    ['>=', 'bool', (a, b) => a.compare(b) >= 0],
    ['+', 'decimal', (a, b) => a.plus(b)],
    ['-', 'decimal', (a, b) => a.minus(b)],
    ['*', 'decimal', (a, b) => a.times(b)],
    ['/', 'decimal', (a, b) => quotient(a, b, engine)],
  ]
  const pairs = [
    ['decimal', 'decimal'],
    ...NUMBERS.flatMap((type) => [
      ['decimal', type],
      [type, 'decimal'],
    ]),
  ]
  return [
    on('-decimal: decimal', (value: Decimal) => value.negated()),
    ...operators.flatMap(([operator, result, apply]) =>
      // The engine takes equality for symmetric, and registers both orders itself.
      (operator === '==' ? pairs.filter(([left]) => left === 'decimal') : pairs).map(([left, right]) =>
        on(`${left} ${operator} ${right}: ${result}`, (a: unknown, b: unknown) => apply(decimal(a), decimal(b))),
      ),
    ),
  ]
}

const NUMBERS = ['int', 'uint', 'double']

function quotient(a: Decimal, b: Decimal, { fail }: Integers): Decimal {
  const result = a.dividedBy(b)
  if (result === undefined) throw fail('division by zero')
  return result
}

/** Doubles count as they are written: 1.1 is 1.1 exactly. */
function readerOf(engine: Integers): (value: unknown) => Decimal {
  return (value) => {
    if (value instanceof Decimal) return value
    const plain = engine.uintValue(value) ?? (value as string | number | bigint)
    const decimal = Decimal.of(plain)
    if (decimal === undefined) throw engine.fail(`${JSON.stringify(String(plain))} is not a number`)
    return decimal
  }
}

function on(signature: string, handler: (...values: never[]) => unknown): CelFunction {
  return { signature, handler }
}
