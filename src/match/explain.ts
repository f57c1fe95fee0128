import type { ActionPlan, Payload } from '../model/rule/action.ts'
import type { Change, Value } from '../model/event/change.ts'
import { columnChanged } from '../model/event/changed-columns.ts'
import { BingoError } from '../model/errors.ts'
import { keyValue } from '../model/event/row-key.ts'
import type { ExplainedClause, Pattern, Predicate, Rule } from '../model/rule/rule.ts'
import { keysBy, shownKey } from '../model/rule/rule-key.ts'
import { parseCel } from '../rules/language/cel/cel-engine.ts'
import type { CelNode } from '../rules/language/cel/cel-engine.ts'
import { findReferences } from '../rules/language/cel/cel-references.ts'
import type { ColumnReference } from '../rules/language/cel/cel-references.ts'
import { operandText } from '../rules/language/cel/cel-text-range.ts'
import { compilePredicate } from '../rules/language/cel/predicate.ts'
import { inlineText } from '../rules/language/source-text.ts'
import { columnsOf } from '../rules/language/table-columns.ts'

/** Why a rule did or did not match a change, step by step. */
export interface Explanation {
  readonly ruleId: string
  /** `error`: the filter failed; the change would go to the dead letters. */
  readonly outcome: 'match' | 'no match' | 'error'
  readonly table: { readonly holds: boolean }
  readonly operation: { readonly holds: boolean; readonly wanted: readonly string[] }
  /** Null when the rule has no pattern, or table and operation do not match anyway. */
  readonly match: ExplainedMatch | null
  /** Null when the rule has no filter, or something before it does not match anyway. */
  readonly filter: ExplainedFilter | null
  /** The `key` of the rule for this change, where the rule has one and it can be rendered. */
  readonly key: { readonly present: string; readonly previous: string | null } | null
  /** What would be done; empty unless the rule matches. */
  readonly actions: readonly ExplainedAction[]
}

interface ExplainedMatch {
  readonly source: string
  readonly answer: Answer
  readonly clauses: readonly ExplainedClause[]
}

interface ExplainedFilter {
  readonly source: string
  readonly answer: Answer
  /** The operands of the filter's top-level &&, or the filter itself. */
  readonly parts: readonly ExplainedPart[]
}

export type Answer =
  | { readonly tag: 'value'; readonly value: boolean }
  | { readonly tag: 'error'; readonly code: string; readonly message: string; readonly hint: string | undefined }

export interface ExplainedPart {
  readonly source: string
  readonly answer: Answer
  /** What the part reads: `new.status` → 1. Undefined where the row image leaves the column out. */
  readonly values: readonly { readonly name: string; readonly value: Value }[]
}

export interface ExplainedAction {
  readonly index: number
  readonly type: string
  readonly target: string
  /** Answer of `when:`; null when there is none. */
  readonly when: Answer | null
  /** Payload as the adapter renders it, or what goes wrong; null when `when` does not hold. */
  readonly rendered: { readonly payload: Payload } | (Answer & { readonly tag: 'error' }) | null
}

/** Explains a rule for one change. The change must hold all columns. */
export function explainRule(rule: Rule, change: Change): Explanation {
  // A gap concerns no table.
  const inTable = change.op === 'gap' || rule.matchesTable(change.table.schema, change.table.name)
  const inOperation = rule.operations.has(change.op)
  const applies = inTable && inOperation
  const match = applies && rule.match !== null ? explainMatch(rule.match, change) : null
  const matches = match === null ? 'match' : outcomeOf(match.answer)
  const filter = applies && matches === 'match' && rule.filter !== null ? explainFilter(rule.filter, change) : null
  const outcome = !applies ? 'no match' : filter === null ? matches : outcomeOf(filter.answer)
  return {
    ruleId: rule.id,
    outcome,
    table: { holds: inTable },
    operation: { holds: inOperation, wanted: [...rule.operations] },
    match,
    filter,
    key: outcome === 'match' ? explainKey(rule, change) : null,
    actions: outcome === 'match' ? rule.actions.map((plan) => explainAction(rule, plan, change)) : [],
  }
}

function explainKey({ key }: Rule, change: Change): Explanation['key'] {
  const keys = keysBy(key, change)
  if (keys === undefined) return null
  const previous = keys.previous === null ? null : shownKey(keys.previous)
  return { present: shownKey(keys.present), previous }
}

function outcomeOf(answer: Answer): Explanation['outcome'] {
  if (answer.tag === 'error') return 'error'
  return answer.value ? 'match' : 'no match'
}

function explainMatch(match: Pattern, change: Change): ExplainedMatch {
  return { source: match.source, answer: answerOf(match, change), clauses: match.explain(change) }
}

function explainFilter(filter: Predicate, change: Change): ExplainedFilter {
  const parts = conjuncts(parseCel(filter.source).ast)
    .map((node) => operandText(filter.source, node))
    .map((text) => text ?? filter.source)
  return {
    source: filter.source,
    answer: answerOf(filter, change),
    parts: [...new Set(parts)].map((text) => explainPart(text, change)),
  }
}

function conjuncts(node: CelNode): readonly CelNode[] {
  return node.op === '&&' ? node.args.flatMap(conjuncts) : [node]
}

function explainPart(text: string, change: Change): ExplainedPart {
  return {
    source: text,
    answer: attempt(() => answerOf(compilePredicate(inlineText(text)), change)),
    values: valuesOf(findReferences(parseCel(text).ast).columns, change),
  }
}

function valuesOf(references: readonly ColumnReference[], change: Change): ExplainedPart['values'] {
  const values = new Map<string, Value>()
  for (const { image, column } of references) {
    const name = columnsOf(change.table).find(column)?.name
    if (name === undefined) continue
    if (image === 'changed') values.set(`'${name}' in changed`, columnChanged(name, change.old, change.new))
    else if (image === 'key') values.set(`key.${name}`, keyValue(name, change.old, change.new))
    else values.set(`${image}.${name}`, change[image] === null ? null : change[image][name])
  }
  return [...values].map(([name, value]) => ({ name, value }))
}

function answerOf(predicate: Predicate, change: Change): Answer {
  return attempt(() => ({ tag: 'value', value: predicate.bind(change.table)(change) }))
}

function attempt(run: () => Answer): Answer {
  try {
    return run()
  } catch (error) {
    return failure(error)
  }
}

function failure(error: unknown): Answer & { readonly tag: 'error' } {
  if (!(error instanceof BingoError)) throw error
  return { tag: 'error', code: error.code, message: error.message, hint: error.hint }
}

function explainAction(rule: Rule, plan: ActionPlan, change: Change): ExplainedAction {
  const when = plan.when === null ? null : answerOf(plan.when, change)
  const runs = when === null || (when.tag === 'value' && when.value)
  return {
    index: plan.index,
    type: plan.type,
    target: plan.target.id,
    when,
    rendered: runs ? render(rule, plan, change) : null,
  }
}

function render(rule: Rule, plan: ActionPlan, change: Change): ExplainedAction['rendered'] {
  try {
    // What fails with its key is not sent.
    rule.key?.of(change)
    return { payload: plan.bind(change.table)(change) }
  } catch (error) {
    return failure(error)
  }
}
