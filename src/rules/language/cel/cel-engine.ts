/* oxlint-disable no-restricted-imports -- the one place where the CEL library comes in */
import { Environment, EvaluationError, ParseError, TypeError as CheckError } from '@marcbachmann/cel-js'
import type { ASTNode } from '@marcbachmann/cel-js'
import { UnsignedInt } from '@marcbachmann/cel-js/evaluator'
import { decimalFunctions, decimalOperators } from './values/cel-decimal.ts'
import { conversions, RENAMED, timeFunctions, timeOperators } from './cel-functions.ts'
import type { Integers } from './cel-functions.ts'
import { CelDuration, CelTimestamp } from './values/cel-time.ts'
import { textFunctions } from './values/cel-text.ts'
import { Decimal } from '../decimal.ts'
import { re2Matches } from './values/re2.ts'

/** Node of a parsed expression; `start` and `end` are offsets in the text. */
export type CelNode = ASTNode

/** What the engine found wrong with an expression, or with one evaluation of it. */
export interface CelIssue {
  readonly kind: 'syntax' | 'type' | 'evaluation'
  /** The engine's own code, such as `no_such_overload`. */
  readonly code: string
  readonly message: string
  readonly start: number
}

/** A parsed expression. */
export interface CelProgram {
  readonly ast: CelNode
  /** Static type of the result: `bool`, `dyn`, `int`, … */
  readonly resultType: string
  evaluate(variables: object): unknown
}

/** RELIABILITY of evaluation: deeper nesting than this is refused. */
export const MAX_DEPTH = 50

/** Name under which `text.matches(pattern)` is evaluated: the engine's own uses a backtracking RegExp. */
const SAFE_MATCHES = 're2Matches'

/** Names and types of everything that a filter on rows can use. */
const VARIABLES: { readonly [name: string]: string } = {
  new: 'map<string, dyn>',
  old: 'map<string, dyn>',
  NewRow: 'map<string, dyn>',
  OldRow: 'map<string, dyn>',
  key: 'map<string, dyn>',
  op: 'string',
  schema: 'string',
  table: 'string',
  changed: 'list<string>',
  ts: 'timestamp',
  gtid: 'dyn',
  serverId: 'int',
  txId: 'string',
  lookup: 'map<string, dyn>',
  threshold: 'map<string, dyn>',
}

/** What a filter of a rule with `on` can use besides. The key of a posted event is a text. */
const EVENT_VARIABLES: { readonly [name: string]: string } = {
  event: 'map<string, dyn>',
  payload: 'dyn',
  context: 'map<string, dyn>',
  metadata: 'map<string, dyn>',
  key: 'dyn',
}

/** What `when` of a step of a saga can use besides. */
const SAGA_VARIABLES: { readonly [name: string]: string } = {
  saga: 'map<string, dyn>',
  steps: 'map<string, dyn>',
  input: 'dyn',
  output: 'map<string, dyn>',
}

/** Names and types of what an expression can use: that of a rule on rows, or of one with `on`. */
export type CelScope = 'events' | 'saga' | undefined

export function variablesOf(scope: CelScope): { readonly [name: string]: string } {
  if (scope === undefined) return VARIABLES
  return { ...VARIABLES, ...EVENT_VARIABLES, ...(scope === 'saga' && SAGA_VARIABLES) }
}

/**
 * Rows as `new.?x` asks for them, where NULL and a column that the table does not have are no value. The parser gives such
 * variables another name, which nobody can write.
 */
export const OPTIONAL_ROWS: ReadonlyMap<string, string> = new Map(
  ['new', 'old', 'NewRow', 'OldRow', 'key'].map((name) => [name, `${name}?`]),
)

/**
 * Lookups as `lookup.NAME.COLUMN` and `lookup.NAME.?COLUMN` ask for them: in the first a missing row is one of NULLs, in the
 * second it has no values.
 */
export const LOOKUP_ROWS = { '.': 'lookup row', '[]': 'lookup row', '.?': 'lookup row?', '[?]': 'lookup row?' } as const

const INTEGERS: Integers = {
  uint: celUint,
  uintValue: celUintValue,
  fail: (message) => new EvaluationError(message),
}

function createEnvironment(scope: CelScope): Environment {
  const env = new Environment({
    unlistedVariablesAreDyn: false,
    // Lists of mixed literals are legal CEL.
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
    limits: { maxDepth: MAX_DEPTH },
  })
  env.registerFunction(`string.${SAFE_MATCHES}(string): bool`, re2Matches)
  env.registerFunction('matches(string, string): bool', re2Matches)
  env.registerType('timestamp', CelTimestamp)
  env.registerType('duration', CelDuration)
  env.registerType('decimal', Decimal)
  for (const { signature, handler } of [
    ...conversions(INTEGERS),
    ...timeFunctions(INTEGERS),
    ...decimalFunctions(INTEGERS),
    ...textFunctions(INTEGERS),
  ]) {
    env.registerFunction(signature, handler)
  }
  for (const { signature, handler } of [...timeOperators(INTEGERS), ...decimalOperators(INTEGERS)]) {
    env.registerOperator(signature, handler as (left: unknown, right: unknown) => unknown)
  }
  for (const [name, type] of Object.entries(variablesOf(scope))) env.registerVariable(name, type)
  for (const name of [...OPTIONAL_ROWS.values(), ...new Set(Object.values(LOOKUP_ROWS))])
    env.registerVariable(name, 'map<string, dyn>')
  return env
}

const rowEnvironment = createEnvironment(undefined)
const eventEnvironments = new Map<CelScope, Environment>()

function environmentOf(scope: CelScope): Environment {
  if (scope === undefined) return rowEnvironment
  let environment = eventEnvironments.get(scope)
  if (environment === undefined) eventEnvironments.set(scope, (environment = createEnvironment(scope)))
  return environment
}

/** Parses and type-checks an expression. Throws what `celIssue` understands. */
export function parseCel(text: string, scope?: CelScope): CelProgram {
  const environment = environmentOf(scope)
  const parsed = environment.parse(text)
  forEachNode(parsed.ast, useOwnFunctions)
  useOptionalRows(parsed.ast, new Set())
  const checked = parsed.check()
  if (!checked.valid) throw checked.error as Error
  return { ast: parsed.ast, resultType: checked.type!, evaluate: (context) => parsed(context) }
}

function useOwnFunctions(node: CelNode): void {
  if (node.op === 'call') node.args[0] = RENAMED.get(node.args[0]) ?? node.args[0]
  if (node.op === 'rcall' && node.args[0] === 'matches') node.args[0] = SAFE_MATCHES
}

function useOptionalRows(node: CelNode, shadowed: ReadonlySet<string>): void {
  if (node.op === '.?' || node.op === '[?]') {
    const [receiver] = node.args
    const optional = receiver.op === 'id' && !shadowed.has(receiver.args) ? OPTIONAL_ROWS.get(receiver.args) : undefined
    if (receiver.op === 'id' && optional !== undefined) (receiver as { args: string }).args = optional
  }
  const lookup = lookupOf(node)
  if (lookup !== undefined && !shadowed.has('lookup')) (lookup as { args: string }).args = LOOKUP_ROWS[node.op as '.']
  const variable = isComprehension(node) && node.op === 'rcall' ? node.args[2][0] : undefined
  const inner = variable?.op === 'id' ? new Set([...shadowed, variable.args]) : shadowed
  for (const child of childrenOf(node)) useOptionalRows(child, inner)
}

/** The `lookup` in a node such as `lookup.customer.name`. */
function lookupOf(node: CelNode): (CelNode & { op: 'id' }) | undefined {
  if (node.op !== '.' && node.op !== '[]' && node.op !== '.?' && node.op !== '[?]') return undefined
  const [row] = node.args
  if (row.op !== '.' && row.op !== '[]') return undefined
  const [lookup] = row.args
  return lookup.op === 'id' && lookup.args === 'lookup' ? lookup : undefined
}

/** Macros whose first argument names a variable for the rest. */
const COMPREHENSIONS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter', 'bind'])

export function isComprehension(node: CelNode): boolean {
  return (
    node.op === 'rcall' && COMPREHENSIONS.has(node.args[0]) && node.args[2].length >= 2 && node.args[2][0]!.op === 'id'
  )
}

/** Gives a constant another value; it counts from the next evaluation. */
export function setLiteral(node: CelNode & { op: 'value' }, value: string): void {
  ;(node as { args: unknown }).args = value
}

export function isMatchesCall(name: string): boolean {
  return name === SAFE_MATCHES || name === 'matches'
}

/** The engine's view of an error, or undefined when it comes from elsewhere (a column that is absent, say). */
export function celIssue(error: unknown): CelIssue | undefined {
  if (error instanceof ParseError) return issue('syntax', error)
  if (error instanceof CheckError) return issue('type', error)
  if (error instanceof EvaluationError) return issue('evaluation', error)
  return undefined
}

function issue(kind: CelIssue['kind'], error: ParseError | CheckError | EvaluationError): CelIssue {
  return { kind, code: error.code, message: error.summary, start: error.range?.start ?? 0 }
}

/** A CEL uint, for integers above 2^63 - 1. */
export function celUint(value: bigint): object {
  return new UnsignedInt(value)
}

export function celUintValue(value: unknown): bigint | undefined {
  return value instanceof UnsignedInt ? BigInt(value.toString()) : undefined
}

/** Direct children of a node, in the order of the text. */
export function childrenOf(node: CelNode): readonly CelNode[] {
  if (node.op === 'value' || node.op === 'id') return []
  if (node.op === '.' || node.op === '.?') return [node.args[0]]
  if (node.op === '!_' || node.op === '-_') return [node.args]
  if (node.op === 'call') return node.args[1]
  if (node.op === 'rcall') return [node.args[1], ...node.args[2]]
  return node.op === 'map' ? node.args.flat() : node.args
}

export function forEachNode(node: CelNode, visit: (node: CelNode) => void): void {
  visit(node)
  for (const child of childrenOf(node)) forEachNode(child, visit)
}
