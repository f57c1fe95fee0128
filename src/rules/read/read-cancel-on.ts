import type { Operation } from '../../model/event/row.ts'
import type { CancelOn } from '../../model/rule/rule.ts'
import { RULE_CODES } from '../codes.ts'
import type { SourceText } from '../language/source-text.ts'
import type { RuleFacts } from '../language/fact-values.ts'
import { readPredicate } from './read-action.ts'
import { factsOfFilter } from './read-lookups.ts'
import { readMatch } from './read-match.ts'
import type { ValueReader } from './read-values.ts'
import { entryOf } from '../yaml/tree.ts'
import type { MapNode, TreeNode } from '../yaml/tree.ts'

const OPERATIONS: readonly Operation[] = ['insert', 'update', 'delete']
const DEFAULT_OPERATIONS: readonly Operation[] = ['update', 'delete']
const HINT = `write cancelOn: {events: [UPDATE], filter: "new.status == 'paid'"}`

interface Reading {
  readonly reader: ValueReader
  /** Whose text it is. */
  readonly of: Pick<SourceText, 'ruleId' | 'scope'>
  readonly facts: RuleFacts
}

/** Reads `cancelOn` of a rule; undefined when it cannot be used (what is wrong is reported). */
export function readCancelOn(node: TreeNode, rule: MapNode, { reader, of, facts }: Reading): CancelOn | undefined {
  const map = reader.map(node, 'cancelOn', HINT)
  if (map === undefined) return undefined
  reader.knownKeys(map, 'cancelOn', ['events', 'match', 'filter'])
  if (entryOf(rule, 'delay') === undefined) {
    const hint = 'add for example delay: 30m, or remove cancelOn'
    return reader.fail(node, RULE_CODES.value, 'cancelOn cancels what waits for a delay, and the rule has none', hint)
  }
  const filter = entryOf(map, 'filter')
  const predicate = filter && readPredicate(filter.value, 'filter', reader, of, factsOfFilter(facts))?.predicate
  const pattern = entryOf(map, 'match')
  return {
    location: map.location,
    operations: new Set(readOperations(map, reader)),
    match: (pattern && readMatch(pattern.value, reader, of)) ?? null,
    filter: predicate ?? null,
  }
}

function readOperations(map: MapNode, reader: ValueReader): readonly Operation[] {
  const events = entryOf(map, 'events')?.value
  if (events === undefined) return DEFAULT_OPERATIONS
  const nodes = events.tag === 'list' ? events.items : [events]
  if (nodes.length === 0) reader.fail(events, RULE_CODES.value, 'events is empty: nothing would be cancelled')
  return nodes.map((each) => reader.oneOf(each, 'events', OPERATIONS)).filter((each) => each !== undefined)
}
