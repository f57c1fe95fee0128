import type { Predicate } from '../../../../model/rule/expression.ts'
import { isEventField } from '../../../../model/event/posted/posted-event.ts'
import { celUintValue } from '../cel-engine.ts'
import type { CelNode } from '../cel-engine.ts'
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

/** As `necessaryComparisons`, of fields of posted events: `payload.plan == 'pro'`, `event.source in ['api', 'system']`. */
export function necessaryLookups(ast: CelNode): Predicate['lookups'] {
  if (ast.op === '&&') return [...necessaryLookups(ast.args[0]), ...necessaryLookups(ast.args[1])]
  if (ast.op === '==') return [...lookup(ast.args[0], [ast.args[1]]), ...lookup(ast.args[1], [ast.args[0]])]
  return ast.op === 'in' && ast.args[1].op === 'list' ? lookup(ast.args[0], ast.args[1].args) : []
}

function lookup(field: CelNode, constants: readonly CelNode[]): Predicate['lookups'] {
  const path = fieldPath(field)
  const values = constants.map(literal)
  if (path === undefined || !values.every((value) => value !== undefined)) return []
  return [{ path, by: 'value', strict: true, values }]
}

/** `payload.customer.id` and `event.payload.customer.id`, without optional steps. */
function fieldPath(node: CelNode): readonly string[] | undefined {
  const path = plainPath(node)
  if (path === undefined) return undefined
  const [head, ...rest] = path
  const own = head === 'event' ? rest : path
  const isField = own[0] !== undefined && isEventField(own[0])
  return isField && (head === 'event' || VARIABLES.has(head!)) ? own : undefined
}

/** Fields that are variables too. */
const VARIABLES: ReadonlySet<string> = new Set(['payload', 'context', 'metadata', 'key'])

function plainPath(node: CelNode): readonly string[] | undefined {
  if (node.op === 'id') return [node.args]
  if (node.op !== '.' && node.op !== '[]') return undefined
  const before = plainPath(node.args[0])
  const step = node.op === '.' ? node.args[1] : node.args[1].op === 'value' ? node.args[1].args : undefined
  return before !== undefined && typeof step === 'string' ? [...before, step] : undefined
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
