import type { ActionSpec, ActionType, Sendable } from '../../../src/model/rule/action.ts'
import type { ActionPlan } from '../../../src/model/rule/rule.ts'
import type { Change } from '../../../src/model/event/change.ts'
import type { Row, Value } from '../../../src/model/event/row.ts'
import { EvaluationError } from '../../../src/model/errors.ts'
import { stringifyValue } from '../../../src/model/event/forms/event-json.ts'
import type { ColumnReads, Structure, Template } from '../../../src/model/rule/expression.ts'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import { actionTypes } from '../../../src/targets/registry.ts'
import { treeOf } from '../../support/tree-of.ts'
import { action, change, CountingHold, tableDef, transaction } from '../../support/jobs.ts'

const location = { file: 'rules.yaml', line: 1, column: 1 }
const EXPRESSION = /\{\{\s*([\w.]+)\s*\}\}/g

function valueOf(path: string, from: Change): Value {
  const [image, column] = path.includes('.') ? path.split('.') : ['new', path]
  if (image === 'event') return from.id
  const row: Row | null = image === 'old' ? from.old : (from.new ?? from.old)
  return row?.[column!]
}

function readsOf(texts: readonly string[]): ColumnReads {
  const reads = { new: new Set<string>(), old: new Set<string>() }
  for (const text of texts) {
    for (const [, path = ''] of text.matchAll(EXPRESSION)) {
      const [image, column] = path.includes('.') ? path.split('.') : ['new', path]
      if (image !== 'event') reads[image as 'new' | 'old'].add(column!)
    }
  }
  return reads
}

/** A template over `{{column}}`, `{{new.column}}`, `{{old.column}}` and `{{event.id}}`: enough to test what uses it. */
export function template(source: string): Template {
  return {
    source,
    location,
    outline: source.replaceAll(EXPRESSION, '{{}}'),
    constant: source.includes('{{') ? undefined : source,
    reads: () => readsOf([source]),
    bind: () => (from) =>
      source.replaceAll(EXPRESSION, (_, path: string) => {
        const value = valueOf(path, from)
        if (value === null || value === undefined) throw new EvaluationError('BINGO_TEMPLATE_NULL', `${path} is NULL`)
        return typeof value === 'object' ? JSON.stringify(value) : String(value)
      }),
  }
}

export function structure(node: unknown): Structure {
  const render = (part: unknown, from: Change): unknown => {
    if (Array.isArray(part)) return part.map((item) => render(item, from))
    if (typeof part === 'object' && part !== null) {
      return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, render(item, from)]))
    }
    if (typeof part !== 'string') return part
    const whole = /^\{\{\s*([\w.]+)\s*\}\}$/.exec(part)
    return whole ? (valueOf(whole[1]!, from) ?? null) : template(part).bind(tableDef())(from)
  }
  const text = (value: unknown): string => (typeof value === 'string' ? value : stringifyValue(value))
  return {
    location,
    isScalar: typeof node !== 'object' || node === null,
    reads: () => readsOf([JSON.stringify(node)]),
    bind: () => (from) => render(node, from),
    bindJson: () => (from) => stringifyValue(render(node, from)),
    bindContent: () => (from) => stringifyValue(render(node, from)),
    bindText: () => (from) => text(render(node, from) ?? ''),
  }
}

export interface FakeSpec extends ActionSpec {
  readonly problems: { field: string; code: string; message: string; hint: string | undefined }[]
}

/** An ActionSpec over plain values, as the rule loader would hand it over. */
export function actionSpec(fields: { readonly [name: string]: unknown }, hasDebounce = false): FakeSpec {
  const problems: FakeSpec['problems'] = []
  const get = (field: string): unknown => fields[field]
  const map = <T>(value: unknown, each: (text: string) => T): ReadonlyMap<string, T> =>
    new Map(Object.entries(value as object).map(([name, text]) => [name, each(String(text))]))
  const given = <T>(field: string, make: (value: unknown) => T): T | undefined =>
    get(field) === undefined ? undefined : make(get(field))
  return {
    ruleId: 'rule',
    location,
    hasDebounce,
    targetName: undefined,
    problems,
    has: (field) => field in fields,
    string: (field) => get(field) as string | undefined,
    number: (field) => get(field) as number | undefined,
    boolean: (field) => get(field) as boolean | undefined,
    strings: (field) => get(field) as readonly string[] | undefined,
    stringMap: (field) => given(field, (value) => map(value, String)),
    template: (field) => given(field, (value) => template(String(value))),
    templates: (field) => given(field, (value) => (value as unknown[]).map((text) => template(String(text)))),
    templateMap: (field) => given(field, (value) => map(value, template)),
    structure: (field) => given(field, structure),
    outline: (field) => given(field, (value) => treeOf(value, () => location)),
    object: (field) => given(field, (value) => actionSpec(value as { [name: string]: unknown })),
    fail: (field, code, message, hint) => problems.push({ field, code, message, hint }),
    failAt: (_, code, message, hint) => problems.push({ field: '', code, message, hint }),
  }
}

export interface CompiledPlan {
  readonly plan: ActionPlan
  readonly type: ActionType
  readonly problems: FakeSpec['problems']
  readonly reads: ColumnReads
}

export const DEFAULTS = { redisUrl: 'redis://127.0.0.1:6379', allowCidrs: [] }

/** Compiles an action the way a rule would have it; `problems` holds what the type complained about. */
export function compile(
  fields: { readonly type: string; readonly [name: string]: unknown },
  overrides: Partial<ActionPlan> = {},
  hasDebounce = false,
): CompiledPlan {
  const type = actionTypes().get(fields.type)!
  const spec = actionSpec(fields, hasDebounce)
  const compiled = type.compile(spec, DEFAULTS)
  const plan = action({ type: fields.type, ...compiled, coalesce: type.defaultCoalesce(spec), ...overrides })
  return {
    plan,
    type,
    problems: spec.problems,
    reads: spec.problems.length > 0 ? { new: new Set(), old: new Set() } : compiled.reads(tableDef()),
  }
}

/** A job of that plan for an UPDATE of one row of `shop.users`. */
export function jobFor(plan: ActionPlan, row: Row = { id: 1, status: 1 }, seq = 0): Sendable {
  const columns = Object.keys(row)
  const table = columns.join() === 'id,status' ? tableDef() : tableDef(columns)
  const before = { ...row, status: 0 }
  const from = change('update', before, row, seq, table, transaction(1))
  return new InFlightJob(plan, from, plan.bind(table)(from), 0, 100, new CountingHold(), null)
}
