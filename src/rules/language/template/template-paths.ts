import { EVENT_FIELDS, isEventField } from '../../../model/event/posted/posted-event.ts'
import { nearestName } from '../../../model/nearest-name.ts'
import type { TableDef } from '../../../model/table/table.ts'
import { lookupProblem, SAGA_NAMES, sagaProblem } from '../fact-values.ts'
import type { RuleFacts, SagaName } from '../fact-values.ts'
import { textProblem } from '../source-text.ts'
import type { SourceText } from '../source-text.ts'
import { columnsOf } from '../table-columns.ts'
import { BARE_PROPERTIES, PROPERTIES } from './path-getters.ts'
import type { PathTarget } from './path-getters.ts'
import type { TemplatePath } from './template-tree.ts'

const IMAGES: { readonly [name: string]: 'new' | 'old' | 'key' } = {
  new: 'new',
  NewRow: 'new',
  old: 'old',
  OldRow: 'old',
  key: 'key',
}

/**
 * What a path means, in this order: what the rule has of its own (`lookup`, `threshold`); an image (`new`, `old`, `key`) or `event`; a variable (`op`, `schema`, `table`,
 * `ts`, `gtid`, `changed`, `serverId`, `txId`), in this very spelling; else a column. What is called as a variable in
 * another letter case (`{{ .Table }}`) is one when the table has no such column; see `resolvePath`.
 */
export function targetOf(source: SourceText, path: TemplatePath, facts: RuleFacts): PathTarget {
  const [head, ...rest] = path.parts
  if (head === 'lookup' && (facts.lookups.length > 0 || facts.later !== undefined))
    return lookupTarget(source, path, rest, facts)
  if (head === 'threshold' && facts.threshold) return { image: 'threshold', name: undefined, rest }
  if (head === undefined) return { image: 'row', name: undefined, rest: [] }
  if (facts.saga !== undefined && isSagaName(head)) return sagaTarget(source, path, head, facts.saga.steps)
  const ofEvent = source.scope !== undefined ? fieldTarget(head === 'event' ? rest : path.parts) : undefined
  if (ofEvent !== undefined && (head === 'event' || !SHARED.has(head))) return ofEvent
  const image = Object.hasOwn(IMAGES, head) ? IMAGES[head] : undefined
  if (image !== undefined) return { image, name: rest[0], rest: rest.slice(1) }
  if (head === 'event') return eventTarget(source, path, rest)
  if ((BARE_PROPERTIES as readonly string[]).includes(head)) return { image: 'change', name: head, rest }
  return { image: 'row', name: head, rest }
}

function lookupTarget(
  source: SourceText,
  path: TemplatePath,
  [name, ...rest]: readonly string[],
  facts: RuleFacts,
): PathTarget {
  const problem = lookupProblem(name, facts)
  if (problem === undefined) return { image: 'lookup', name, rest }
  throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', problem.message, path.offset, problem.hint)
}

function isSagaName(name: string): name is SagaName {
  return (SAGA_NAMES as readonly string[]).includes(name)
}

function sagaTarget(source: SourceText, path: TemplatePath, name: SagaName, steps: readonly string[]): PathTarget {
  const problem = sagaProblem(path.parts, steps)
  if (problem === undefined) return { image: 'saga', name, rest: path.parts.slice(1) }
  throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', problem.message, path.offset, problem.hint)
}

/** Fields of an event that columns are often called as well. `{{id}}` is the column of a row, and the id of an event. */
const SHARED: ReadonlySet<string> = new Set(['id', 'type', 'source'])

/** Of rules with `on`: `payload.x`, `context.x`, the key of a posted event and so on. */
function fieldTarget([name, ...rest]: readonly string[]): PathTarget | undefined {
  if (name === undefined || !isEventField(name)) return undefined
  return name === 'key' && rest.length > 0 ? undefined : { image: 'event', name, rest }
}

function eventTarget(source: SourceText, path: TemplatePath, [name, ...rest]: readonly string[]): PathTarget {
  if (name === undefined) return { image: 'change', name: undefined, rest: [] }
  const image = Object.hasOwn(IMAGES, name) ? IMAGES[name] : undefined
  if (image !== undefined) return { image, name: rest[0], rest: rest.slice(1) }
  if (Object.hasOwn(PROPERTIES, name)) return { image: 'change', name, rest }
  const fields = source.scope !== undefined ? EVENT_FIELDS : []
  const known = [...new Set([...fields, ...Object.keys(PROPERTIES), 'new', 'old', 'key'])]
  const nearest = nearestName(name, known)
  throw textProblem(
    source,
    'BINGO_RULE_BAD_TEMPLATE',
    `the event has no "${name}"`,
    path.offset,
    nearest === undefined ? `it has ${known.join(', ')}` : `did you mean event.${nearest}?`,
  )
}

/** Collects the columns that a path reads. */
export function addReads(
  target: PathTarget,
  table: TableDef,
  reads: { new: Set<string> | 'all'; old: Set<string> | 'all' },
): void {
  const add = (image: 'new' | 'old', name: string | undefined): void => {
    if (name === undefined) reads[image] = 'all'
    else if (reads[image] !== 'all') reads[image].add(name)
  }
  const columns = columnsOf(table)
  const column = target.name === undefined ? undefined : columns.find(target.name)?.name
  const { image } = target
  if (image === 'lookup' || image === 'threshold' || image === 'saga') return
  if (image === 'event') {
    if (target.name === 'payload') addReads({ image: 'change', name: undefined, rest: [] }, table, reads)
    if (target.name === 'key') addReads({ image: 'key', name: undefined, rest: [] }, table, reads)
  } else if (image === 'change') {
    if (target.name !== undefined && target.name !== 'changed') return
    add('new', undefined)
    add('old', undefined)
  } else if (image === 'key') {
    for (const name of column === undefined ? columns.key : [column]) {
      add('new', name)
      add('old', name)
    }
  } else if (target.name === undefined || column !== undefined) {
    if (image !== 'old') add('new', column)
    if (image !== 'new') add('old', column)
  }
}
