import type { Change } from '../model/event/change.ts'
import type { Value } from '../model/event/row.ts'
import { columnChanged } from '../model/event/changed-columns.ts'
import { envelopeOf, isPosted } from '../model/event/posted/posted-event.ts'
import { BingoError } from '../model/errors.ts'
import { keyValue } from '../model/event/row-key.ts'
import type { ActionPlan, EventKind, OnEvents, Payload, Rule } from '../model/rule/rule.ts'
import type { ExplainedClause, Pattern, Predicate } from '../model/rule/expression.ts'
import { keysBy, shownKey } from '../model/rule/rule-key.ts'
import { parseCel } from '../rules/language/cel/cel-engine.ts'
import type { CelNode } from '../rules/language/cel/cel-engine.ts'
import { findReferences } from '../rules/language/cel/compile/cel-references.ts'
import type { ColumnReference } from '../rules/language/cel/compile/cel-references.ts'
import { operandText } from '../rules/language/cel/values/cel-text-range.ts'
import { compilePredicate } from '../rules/language/cel/predicate.ts'
import { eventPaths } from '../rules/language/cel/values/cel-kinds.ts'
import { inlineText } from '../rules/language/source-text.ts'
import type { SourceText } from '../rules/language/source-text.ts'
import { columnsOf } from '../rules/language/table-columns.ts'

/** Why a rule did or did not match a change, step by step. */
export interface Explanation {
  readonly ruleId: string
  /** `error`: the filter failed; the change would go to the dead letters. */
  readonly outcome: 'match' | 'no match' | 'error'
  /** No event matches it by itself: what is told is what happens when it is invoked. */
  readonly manual: boolean
  readonly table: { readonly holds: boolean }
  readonly operation: { readonly holds: boolean; readonly wanted: readonly string[] }
  /** What `on`, `source` and `test` say; null for a rule on tables. */
  readonly on: ExplainedOn | null
  /** Null when the rule has no pattern, or table and operation do not match anyway. */
  readonly match: ExplainedMatch | null
  /** Null when the rule has no filter, or something before it does not match anyway. */
  readonly filter: ExplainedFilter | null
  /** The `key` of the rule for this change, where the rule has one and it can be rendered. */
  readonly key: { readonly present: string; readonly previous: string | null } | null
  /** How long it would wait, and whether it is asked again then; null: not at all, or the rule does not match. */
  readonly delay: { readonly ms: number; readonly recheck: boolean } | null
  /** What would be done; empty unless the rule matches. */
  readonly actions: readonly ExplainedAction[]
}

export interface ExplainedOn {
  readonly type: { readonly holds: boolean; readonly is: string; readonly wanted: readonly string[] }
  /** What the rule reads is of rows, or of posted events. */
  readonly kind: { readonly holds: boolean; readonly wanted: readonly EventKind[] }
  readonly source: { readonly holds: boolean; readonly is: string; readonly wanted: readonly string[] | null }
  readonly test: { readonly holds: boolean; readonly wanted: 'exclude' | 'only' | 'any' }
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
  const { schema, name } = change.table
  const on = rule.on === null ? null : explainOn(rule.on, rule, change)
  // A gap concerns no table.
  const inTable = rule.on !== null || change.op === 'gap' || rule.matchesTable(schema, name)
  const inOperation = rule.on !== null || rule.operations.has(change.op)
  const applies =
    on === null ? inTable && inOperation : on.type.holds && on.kind.holds && on.source.holds && on.test.holds
  const match = applies && rule.match !== null ? explainMatch(rule.match, change) : null
  const matches = match === null ? 'match' : outcomeOf(match.answer)
  const filter = applies && matches === 'match' && rule.filter !== null ? explainFilter(rule.filter, change) : null
  const outcome = !applies ? 'no match' : filter === null ? matches : outcomeOf(filter.answer)
  return {
    ruleId: rule.id,
    outcome,
    manual: rule.manual,
    table: { holds: inTable },
    operation: { holds: inOperation, wanted: [...rule.operations] },
    on,
    match,
    filter,
    key: outcome === 'match' ? explainKey(rule, change) : null,
    delay: outcome === 'match' && rule.delayMs > 0 ? { ms: rule.delayMs, recheck: Boolean(rule.recheck) } : null,
    actions: outcome === 'match' ? rule.actions.map((plan) => explainAction(rule, plan, change)) : [],
  }
}

function explainOn(on: OnEvents, rule: Rule, change: Change): ExplainedOn {
  const envelope = envelopeOf(change)
  const { schema, name } = change.table
  const source = envelope?.source ?? 'database'
  const isType =
    envelope === null ? rule.listensTo(change.op, schema, name) || on.matches(change.type) : on.matches(envelope.type)
  return {
    type: { holds: isType, is: change.type, wanted: on.patterns },
    kind: { holds: on.kinds.has(envelope === null ? 'row' : 'posted'), wanted: [...on.kinds] },
    source: { holds: on.sources?.has(source) ?? true, is: source, wanted: on.sources && [...on.sources] },
    test: { holds: on.test === 'any' || (envelope?.isTest ?? false) === (on.test === 'only'), wanted: on.test },
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
  const parts = conjuncts(parseCel(filter.source, filter.scope).ast)
    .map((node) => operandText(filter.source, node))
    .map((text) => text ?? filter.source)
  return {
    source: filter.source,
    answer: answerOf(filter, change),
    parts: [...new Set(parts)].map((text) => explainPart({ ...inlineText(text), scope: filter.scope }, change)),
  }
}

function conjuncts(node: CelNode): readonly CelNode[] {
  return node.op === '&&' ? node.args.flatMap(conjuncts) : [node]
}

function explainPart(source: SourceText, change: Change): ExplainedPart {
  const { ast } = parseCel(source.text, source.scope)
  return {
    source: source.text,
    answer: attempt(() => answerOf(compilePredicate(source), change)),
    values: isPosted(change.table) ? valuesAt(ast, change) : valuesOf(findReferences(ast).columns, change),
  }
}

/** What the paths of an expression lead to in a posted event. */
function valuesAt(ast: CelNode, change: Change): ExplainedPart['values'] {
  const values = new Map<string, Value>()
  for (const path of eventPaths(ast)) {
    const [head, ...rest] = path[0] === 'event' ? path.slice(1) : path
    const value = rest.reduce<Value>(entryOf, head === undefined ? change.new : change.new?.[head])
    values.set(path.join('.'), value)
  }
  return [...values].map(([name, value]) => ({ name, value }))
}

function entryOf(value: Value, name: string): Value {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isMap && Object.hasOwn(value, name) ? (value as { readonly [name: string]: Value })[name] : undefined
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
