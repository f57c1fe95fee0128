import type { Value } from '../../../model/event/row.ts'
import type { Literal, Operator, PatternClause, PatternMap, PatternNode } from './pattern.ts'

/** Answers whether a value fits; `undefined` is a value that is missing. */
export type Matches = (value: Value) => boolean
type Fields = { readonly [name: string]: Value }

/** Names that objects have without holding them. */
const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype))

/** Reads an own property of a map. */
export function fieldReader(key: string): (map: Fields) => Value {
  return INHERITED.has(key) ? (map) => (Object.hasOwn(map, key) ? map[key] : undefined) : (map) => map[key]
}

/** The pattern as a function over values. Made once per pattern; matching allocates nothing. */
export function compilePattern(node: PatternNode): Matches {
  return node.tag === 'map' ? compileMap(node) : compileClause(node)
}

/** As `compilePattern`, of what one map has to hold: never true for lists and primitives. */
export function compileFields({ entries }: PatternMap): (map: Fields) => boolean {
  const tests = entries.map(({ key, node }) => ({ read: fieldReader(key), matches: compilePattern(node) }))
  const [first, second] = tests
  if (first === undefined) return () => true
  if (second === undefined) return (map) => first.matches(first.read(map))
  return (map) => {
    for (const { read, matches } of tests) if (!matches(read(map))) return false
    return true
  }
}

function compileMap(map: PatternMap): Matches {
  if (map.entries.length === 0) return (value) => !Array.isArray(value) || value.length > 0
  const holds = compileFields(map)
  const isHeld = (value: Value): boolean => isMap(value) && holds(value)
  return (value) => {
    if (typeof value !== 'object' || value === null) return false
    return Array.isArray(value) ? value.some(isHeld) : holds(value as Fields)
  }
}

function isMap(value: Value): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function compileClause(clause: PatternClause): Matches {
  switch (clause.tag) {
    case 'any':
      return () => true
    case 'values':
      return isOneOf(clause.values)
    case 'operators': {
      const [first, ...more] = clause.operators.map(compileOperator)
      return more.length === 0 ? first! : (value) => first!(value) && more.every((matches) => matches(value))
    }
  }
}

function compileOperator(operator: Operator): Matches {
  switch (operator.name) {
    case '$startsWith':
      return (value) => typeof value === 'string' && value.startsWith(operator.operand)
    case '$endsWith':
      return (value) => typeof value === 'string' && value.endsWith(operator.operand)
    case '$ignoreCaseEquals':
      return (value) => typeof value === 'string' && ignoringCase.compare(value, operator.operand) === 0
    case '$exists':
      return operator.operand ? (value) => value !== undefined : (value) => value === undefined
    case '$isNull':
      return operator.operand ? (value) => value === null : (value) => value !== null
    case '$anythingBut': {
      const isOne = isOneOf(operator.operand)
      return (value) => !isOne(value)
    }
    case '$includes': {
      const is = isSame(operator.operand)
      return (value) => Array.isArray(value) && value.some(is)
    }
    case '$not':
      return compileNot(operator.operand)
    default:
      return compileComparison(operator)
  }
}

/** One locale for all machines. Letter case and width do not count, accents do. */
const ignoringCase = new Intl.Collator('und', { sensitivity: 'accent' })

/** A number and a bigint compare by their exact values. */
function compileComparison(operator: Operator & { name: '$gt' | '$gte' | '$lt' | '$lte' | '$between' }): Matches {
  switch (operator.name) {
    case '$gt':
      return (value) => isNumber(value) && value > operator.operand
    case '$gte':
      return (value) => isNumber(value) && value >= operator.operand
    case '$lt':
      return (value) => isNumber(value) && value < operator.operand
    case '$lte':
      return (value) => isNumber(value) && value <= operator.operand
    case '$between': {
      const [low, high] = operator.operand
      return (value) => isNumber(value) && value >= low && value <= high
    }
  }
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

function compileNot(operand: Literal | Operator): Matches {
  const holds = typeof operand === 'object' ? compileOperator(operand) : isSame(operand)
  return (value) => {
    if (typeof value !== 'object') return value !== undefined && !holds(value)
    return Array.isArray(value) && !holds(value) && !value.some(holds)
  }
}

/** Identical, without coercion; −0 is 0, and an integer equals itself as number and as bigint. */
export function isSame(literal: Literal): Matches {
  // oxlint-disable-next-line eqeqeq -- of two numbers only: `==` compares a bigint and a number by their values
  if (typeof literal === 'bigint') return (value) => isNumber(value) && value == literal
  if (typeof literal !== 'number' || Number.isSafeInteger(literal)) return (value) => value === literal
  // oxlint-disable-next-line eqeqeq -- as above
  return (value) => isNumber(value) && value == literal
}

const FEW = 4

function isOneOf(values: readonly Literal[]): Matches {
  const [first, ...more] = values
  if (more.length === 0) return isSame(first!)
  const tests = values.map(isSame)
  if (values.length <= FEW) return (value) => tests.some((is) => is(value))
  const known = new Set(values.map(canonical))
  return (value) => known.has(canonical(value as Literal))
}

/** Equal values are one: an integer beyond 2^53 is a bigint wherever it comes from. */
export function canonical<T>(value: T): T | bigint {
  return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value) : value
}
