import type { SourceLocation } from '../../model/errors.ts'
import type { ActionType } from '../../model/rule/action.ts'
import type { AddedRules } from '../../rules/files/load.ts'
import type { RuleChecks } from '../../rules/rule-checks.ts'
import { compileTablePattern } from '../../rules/table-pattern.ts'
import { entryOf } from '../../rules/yaml/tree.ts'
import type { MapNode, ScalarNode, TreeNode } from '../../rules/yaml/tree.ts'
import type { OutboxConfig } from '../config/outbox/contract.ts'
import type { NamedTarget } from '../config/config.ts'
import { rowRule } from './row-rule.ts'

/** Fields of an action that say what it sends. */
const MESSAGES = ['format', 'value', 'body', 'text', 'message', 'payload']

/** The rules that outboxes stand for: one that takes their rows, and one for what `to` says. */
export function outboxRules(
  outboxes: readonly OutboxConfig[],
  targets: ReadonlyMap<string, NamedTarget>,
  types: ReadonlyMap<string, ActionType>,
): AddedRules {
  return {
    rules: outboxes.map(rowChecks),
    nodes: outboxes.flatMap((outbox) => (outbox.to.length === 0 ? [] : [sendingRule(outbox, targets, types)])),
  }
}

function rowChecks(outbox: OutboxConfig): RuleChecks {
  const { table: pattern, tableLocation: location, polling } = outbox
  // That of a table that is polled is not among those of the binlog.
  const tables = polling === undefined ? [{ pattern, location, matches: compileTablePattern(pattern)! }] : []
  return { rule: rowRule(outbox), tables, match: undefined, filter: undefined, key: undefined, actions: [] }
}

/** What `to` says, as people would write the rule: `source` and `match` name the outbox. */
function sendingRule(
  { table, mapping, location, to, polling }: OutboxConfig,
  targets: ReadonlyMap<string, NamedTarget>,
  types: ReadonlyMap<string, ActionType>,
): TreeNode {
  const text = (value: string): ScalarNode => scalar(value, location)
  const list = (items: readonly TreeNode[]): TreeNode => ({ tag: 'list', location, items })
  return map(location, {
    id: text(sendingRuleId(table)),
    on: text('**'),
    source: list([text(mapping.source)]),
    match: map(location, { context: map(location, { outbox: list([text(table)]) }) }),
    ...(polling !== undefined && { retry: map(location, { attempts: number(polling.maxRetries + 1, location) }) }),
    actions: list(to.map((action) => sendingPayload(action, targets, types))),
  })
}

export function sendingRuleId(table: string): string {
  return `outbox ${table} to`
}

/** What is sent is the payload, unless the action says otherwise: whoever reads it need not know BinGo. */
function sendingPayload(
  action: TreeNode,
  targets: ReadonlyMap<string, NamedTarget>,
  types: ReadonlyMap<string, ActionType>,
): TreeNode {
  if (action.tag !== 'map' || MESSAGES.some((name) => entryOf(action, name) !== undefined)) return action
  const type = types.get(typeOf(action, targets))
  if (type?.fields['format'] === undefined) return action
  const { location } = action
  const format = { key: 'format', keyLocation: location, value: scalar('payload', location) }
  return { ...action, entries: [...action.entries, format] }
}

function typeOf(action: MapNode, targets: ReadonlyMap<string, NamedTarget>): string {
  const name = textAt(action, 'target')
  const target = name === undefined ? undefined : targets.get(name)?.tree
  return textAt(action, 'type') ?? (target?.tag === 'map' ? textAt(target, 'type') : undefined) ?? ''
}

function textAt(node: MapNode, key: string): string | undefined {
  const value = entryOf(node, key)?.value
  return value?.tag === 'scalar' && typeof value.value === 'string' ? value.value : undefined
}

function map(location: SourceLocation, values: { readonly [key: string]: TreeNode }): MapNode {
  const entries = Object.entries(values).map(([key, value]) => ({ key, keyLocation: location, value }))
  return { tag: 'map', location, entries }
}

function number(value: number, location: SourceLocation): ScalarNode {
  return { tag: 'scalar', location, value, written: String(value), locate: () => location }
}

function scalar(value: string, location: SourceLocation): ScalarNode {
  return { tag: 'scalar', location, value, written: value, locate: () => location }
}
