import type { Predicate } from '../../../model/rule/rule.ts'
import { celUintValue } from './cel-engine.ts'
import type { CelNode } from './cel-engine.ts'
import { columnAccess } from './cel-references.ts'

type Comparison = Predicate['necessary'][number]
type Literal = Comparison['values'][number]

/**
 * The comparisons of a column with constants that must hold for the expression to be true: those among the operands of
 * its top-level &&.
 */
export function necessaryComparisons(ast: CelNode): readonly Comparison[] {
  if (ast.op === '&&') return [...necessaryComparisons(ast.args[0]), ...necessaryComparisons(ast.args[1])]
  const comparison = ast.op === '==' ? equality(ast.args) : ast.op === 'in' ? membership(ast.args) : undefined
  return comparison === undefined ? [] : [comparison]
}

function equality([left, right]: readonly [CelNode, CelNode]): Comparison | undefined {
  return comparisonWith(left, [right]) ?? comparisonWith(right, [left])
}

function membership([value, list]: readonly [CelNode, CelNode]): Comparison | undefined {
  return list.op === 'list' ? comparisonWith(value, list.args) : undefined
}

function comparisonWith(column: CelNode, constants: readonly CelNode[]): Comparison | undefined {
  const access = columnAccess(column)
  if (access === undefined || access.image === 'key') return undefined
  const values = constants.map(literal)
  if (!values.every((value) => value !== undefined)) return undefined
  return { image: access.image, column: access.column, values }
}

/**
 * A constant that equals exactly one decoded value. Numbers beyond 2^53 are left out: an integer column holds them as
 * bigint, a floating one as number, and CEL calls both equal.
 */
function literal(node: CelNode): Literal | undefined {
  if (node.op === '-_') {
    const value = literal(node.args)
    return typeof value === 'number' ? -value : undefined
  }
  if (node.op !== 'value') return undefined
  const value = celUintValue(node.args) ?? node.args
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value !== 'bigint' && typeof value !== 'number') return undefined
  const number = Number(value)
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number + 0 : undefined
}
