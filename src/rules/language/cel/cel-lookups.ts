import type { Change } from '../../../model/event/change.ts'
import type { LookedUp } from '../../../model/event/facts.ts'
import { lookupColumn, lookupProblem, rowOfLookup } from '../fact-values.ts'
import type { RuleFacts } from '../fact-values.ts'
import { textProblem } from '../source-text.ts'
import type { SourceText } from '../source-text.ts'
import { childrenOf, isComprehension, LOOKUP_ROWS } from './cel-engine.ts'
import type { CelNode } from './cel-engine.ts'
import { toCelValue } from './values/cel-values.ts'
import { looksLikeMap } from './values/lazy-map.ts'

const LOOKUPS: ReadonlySet<string> = new Set(['lookup', ...Object.values(LOOKUP_ROWS)])

/** What a missing row is: `null` itself, a row of NULLs, or one without values. */
export type MissingRow = 'null' | 'nulls' | 'nothing'

/** The lookups of one change by name, for an expression. */
export class LookupMap extends Map<string, unknown> {
  readonly #change: Change
  readonly #source: SourceText
  readonly #missing: MissingRow

  constructor(change: Change, source: SourceText, missing: MissingRow) {
    super()
    this.#change = change
    this.#source = source
    this.#missing = missing
  }

  override get(name: string): unknown {
    const found = rowOfLookup(this.#change, name, this.#source)
    if (found === null && this.#missing === 'null') return null
    return new LookupRow(found, name, this.#source, this.#missing)
  }
}

class LookupRow extends Map<string, unknown> {
  readonly #found: LookedUp | null
  readonly #name: string
  readonly #source: SourceText
  readonly #missing: MissingRow

  constructor(found: LookedUp | null, name: string, source: SourceText, missing: MissingRow) {
    super()
    this.#found = found
    this.#name = name
    this.#source = source
    this.#missing = missing
    if (found === null) return
    for (const [column, value] of Object.entries(found.row)) {
      super.set(column, toCelValue(value, found.kinds[column] ?? 'json'))
    }
  }

  override get(column: string): unknown {
    const value = this.#found === null ? null : super.get(lookupColumn(this.#found, this.#name, column, this.#source))
    return this.#missing === 'nothing' ? (value ?? undefined) : value
  }
}

looksLikeMap(LookupMap)
looksLikeMap(LookupRow)

/** Names of the lookups that an expression reads. Throws ProblemsError for what the rule does not have. */
export function lookupsIn(source: SourceText, ast: CelNode, facts: RuleFacts): readonly string[] {
  const names = new Set<string>()

  function fail({ message, hint }: { readonly message: string; readonly hint: string }, offset: number): never {
    throw textProblem(source, 'BINGO_RULE_BAD_FILTER', message, offset, hint)
  }

  function walk(node: CelNode, shadowed: ReadonlySet<string>): void {
    if (node.op === 'id' && node.args === 'threshold' && !shadowed.has('threshold') && !facts.threshold) {
      fail({ message: 'the rule has no threshold', hint: 'write threshold: {count: 100, within: 1m}' }, node.start)
    }
    const named = lookupName(node, shadowed)
    if (named !== undefined) {
      const problem = lookupProblem(named.name, facts)
      if (problem !== undefined) fail(problem, node.start)
      names.add(named.name!)
      return
    }
    const variable = isComprehension(node) && node.op === 'rcall' ? node.args[2][0] : undefined
    const inner = variable?.op === 'id' ? new Set([...shadowed, variable.args]) : shadowed
    for (const child of childrenOf(node)) walk(child, inner)
  }

  walk(ast, new Set())
  return [...names]
}

/** `lookup.customer`; `name` undefined where `lookup` stands alone or its name is computed. */
function lookupName(node: CelNode, shadowed: ReadonlySet<string>): { readonly name: string | undefined } | undefined {
  if (shadowed.has('lookup')) return undefined
  if (node.op === 'id') return LOOKUPS.has(node.args) ? { name: undefined } : undefined
  if (node.op !== '.' && node.op !== '[]') return undefined
  const [receiver] = node.args
  if (receiver.op !== 'id' || !LOOKUPS.has(receiver.args)) return undefined
  if (node.op === '.') return { name: node.args[1] }
  const [, index] = node.args
  return { name: index.op === 'value' && typeof index.args === 'string' ? index.args : undefined }
}
