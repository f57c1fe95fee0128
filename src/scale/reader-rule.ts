import { RuleIndex } from '../match/rule-index.ts'
import type { Change } from '../model/event/change.ts'
import type { Operation } from '../model/event/row.ts'
import type { SourceLocation } from '../model/errors.ts'
import type { TargetConfig } from '../model/rule/target-config.ts'
import { conditionOf } from '../model/rule/condition.ts'
import { makeRule } from '../model/rule/made-rule.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import type { Predicate } from '../model/rule/expression.ts'
import { isSagaRule } from '../model/saga/sink.ts'
import { unionReads } from '../model/table/column-reads.ts'
import type { TableDef } from '../model/table/table.ts'
import type { Shapes } from './shapes.ts'
import { changeText } from './record.ts'
import { routeOf, type Route } from './routes.ts'

/** What is appended of one change. */
export interface AppendPayload extends Route {
  readonly id: string
  readonly shape: string
  readonly text: string
}

const LOCATION: SourceLocation = { file: 'scale.through', line: 1, column: 1 }
export const SCALE_TARGET: TargetConfig = { id: 'scale', type: 'scale', options: null, spool: { maxBytes: 0 } }
const NEVER_GIVES_UP = { attempts: Infinity, maxAgeMs: Infinity, minMs: 100, maxMs: 5_000 }

/** What one rule wants of a table: by operation, and by what has to hold. */
interface Wish {
  readonly rule: Rule
  readonly wants: (operation: Operation) => boolean
  readonly condition: Predicate | null
}

/**
 * The reader's rule for workers: it matches a change when some rule wants it, without its actions, and appends the whole row,
 * so that a rule that comes later finds the columns that it reads. A condition that fails counts as one that holds: what is
 * wrong with it is found, and told, where the rule runs. What sagas listen to is not for workers.
 */
export function readerRule(ruleSet: RuleSet, shapes: Shapes, shares: number): Rule {
  const rules = ruleSet.rules.filter((rule) => !rule.manual && !isSagaRule(rule))
  const matched = new LastMatch()
  const matchesTable = (schema: string, table: string): boolean =>
    rules.some((rule) => rule.matchesTable(schema, table))
  const listensTo = (operation: Operation, schema: string, table: string): boolean =>
    rules.some((rule) => wishesOf(rule, schema, table).some(({ wants }) => wants(operation)))
  const wishes = (table: TableDef): readonly Wish[] => rules.flatMap((rule) => wishesOf(rule, table.schema, table.name))
  const operations = new Set<Operation>(rules.flatMap((rule) => [...rule.operations]))
  const filter: Predicate = {
    source: 'some rule wants it',
    location: LOCATION,
    necessary: [],
    lookups: [],
    reads: (table) => unionReads(wishes(table).flatMap((wish) => readsOf(wish, table))),
    bind: (table) => {
      const wanted = bindWishes(wishes(table), table)
      return (change) => matched.of(change, wanted).length > 0
    },
  }
  return makeRule(
    { id: 'scale', location: LOCATION, version: '1', operations, matchesTable, listensTo, filter },
    {
      identity: 'append',
      target: SCALE_TARGET,
      onFailure: 'block',
      retry: NEVER_GIVES_UP,
      timeoutMs: 60_000,
      bind: (table) => {
        const wanted = bindWishes(wishes(table), table)
        const shape = shapes.nameOf(table)
        return (change): AppendPayload => ({
          ...routeOf(matched.of(change, wanted), change, shares),
          id: change.id,
          shape,
          text: changeText(change),
        })
      },
      options: null,
    },
  )
}

function wishesOf(rule: Rule, schema: string, table: string): readonly Wish[] {
  const wishes: Wish[] = [
    {
      rule,
      wants: (operation) =>
        operation === 'gap' ? rule.operations.has('gap') : rule.listensTo(operation, schema, table),
      condition: conditionOf(rule),
    },
  ]
  if (!rule.matchesTable(schema, table)) return rule.operations.has('gap') ? wishes : []
  const { cancelOn, recheck } = rule
  if (cancelOn) wishes.push({ rule, wants: (op) => cancelOn.operations.has(op), condition: conditionOf(cancelOn) })
  // What waits follows its row, whatever becomes of it.
  if (recheck) wishes.push({ rule, wants: (operation) => operation !== 'ddl' && operation !== 'gap', condition: null })
  return wishes
}

function readsOf({ rule, condition }: Wish, table: TableDef) {
  return [
    ...(condition === null ? [] : [condition.reads(table)]),
    ...(rule.key === null ? [] : [rule.key.reads(table)]),
  ]
}

type WantedBy = (change: Change) => readonly Rule[]

function bindWishes(wishes: readonly Wish[], table: TableDef): WantedBy {
  const index = new RuleIndex(wishes.map(({ condition }) => condition))
  const holds = wishes.map(({ condition }) => (condition === null ? null : binder(condition, table)))
  return (change) => {
    const found: Rule[] = []
    for (const number of index.candidates(change.old, change.new)) {
      const { rule, wants } = wishes[number]!
      if (found.at(-1) === rule || !wants(change.op)) continue
      if (holds[number]?.(change) ?? true) found.push(rule)
    }
    return found
  }
}

function binder(condition: Predicate, table: TableDef): (change: Change) => boolean {
  let bound: ((change: Change) => boolean) | null = null
  return (change) => {
    try {
      bound ??= condition.bind(table)
      return bound(change)
    } catch {
      return true
    }
  }
}

/** The filter and the action ask for the same change, one after the other, which need not be the same object. */
class LastMatch {
  #transaction: object | null = null
  #seq = -1
  #rules: readonly Rule[] = []

  of(change: Change, wanted: WantedBy): readonly Rule[] {
    if (change.transaction !== this.#transaction || change.seq !== this.#seq) {
      this.#rules = wanted(change)
      this.#transaction = change.transaction
      this.#seq = change.seq
    }
    return this.#rules
  }
}
