import type { Operation } from '../../model/event/row.ts'
import type { Problem, SourceLocation } from '../../model/errors.ts'
import type { Recheck, Rule } from '../../model/rule/rule.ts'
import type { TableDef } from '../../model/table/table.ts'
import { RULE_CODES } from '../codes.ts'
import type { ValueReader } from './read-values.ts'
import { entryOf, plainValue } from '../yaml/tree.ts'
import type { MapNode, TreeNode } from '../yaml/tree.ts'

const ROWS: readonly Operation[] = ['insert', 'update', 'delete']

/** Reads `recheck` of a rule; null when it is off, undefined when it cannot be used (what is wrong is reported). */
export function readRecheck(
  node: TreeNode,
  rule: MapNode,
  operations: readonly Operation[],
  reader: ValueReader,
): Recheck | null | undefined {
  const on = reader.boolean(node, 'recheck')
  if (on !== true) return on === false ? null : undefined
  const fail = (message: string, hint: string): undefined => reader.fail(node, RULE_CODES.value, message, hint)
  if (entryOf(rule, 'delay') === undefined) {
    return fail(
      'recheck asks again when a delay is over, and the rule has none',
      'add for example delay: 30m, or remove recheck',
    )
  }
  const manual = entryOf(rule, 'manual')
  if (manual !== undefined && plainValue(manual.value) === true) {
    return fail('recheck asks again of a row, and a manual rule matches none', 'remove recheck')
  }
  if (entryOf(rule, 'on') === undefined && !operations.some((operation) => ROWS.includes(operation))) {
    const listed = operations.map((operation) => operation.toUpperCase()).join(', ')
    return fail(
      `recheck asks again of a row, and ${listed} has none`,
      'list INSERT, UPDATE or DELETE in events, or remove recheck',
    )
  }
  return { location: node.location }
}

/** A rule with `on` that is for posted events alone has no row to ask again of. */
export function recheckWithoutRows({ id, recheck, on }: Rule): readonly Problem[] {
  if (!recheck || on === null || on.kinds.has('row')) return []
  const message = 'recheck asks again of a row, and the rule is for posted events, which never change'
  return [problem('error', recheck.location, message, 'remove recheck; `when` reads a lookup at the due time', id)]
}

/** Nothing tells which later change is of the same row. */
export function recheckWithoutKey({ id, recheck, key }: Rule, table: TableDef): readonly Problem[] {
  if (!recheck || key !== null || table.key.length > 0 || table.columns.length === 0) return []
  const message = `${table.schema}.${table.name}: the table has no primary key, so recheck does not find later changes of a row`
  return [
    problem('warning', recheck.location, message, 'add a primary key, or set `key` of the rule to unique columns', id),
  ]
}

function problem(
  severity: Problem['severity'],
  location: SourceLocation,
  message: string,
  hint: string,
  ruleId: string,
): Problem {
  const code = severity === 'error' ? RULE_CODES.value : RULE_CODES.noPrimaryKey
  return { code, severity, location, message, hint, ruleId }
}
