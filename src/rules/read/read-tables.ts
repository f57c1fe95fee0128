import type { Operation } from '../../model/event/row.ts'
import { RULE_CODES } from '../codes.ts'
import type { ValueReader } from './read-values.ts'
import type { NamedTable } from '../rule-checks.ts'
import { compileTablePattern, TABLE_PATTERN_HINT } from '../table-pattern.ts'
import { entryOf } from '../yaml/tree.ts'
import type { MapNode } from '../yaml/tree.ts'

const OPERATIONS: readonly Operation[] = ['insert', 'update', 'delete', 'truncate', 'ddl', 'gap']
const ROW_OPERATIONS: readonly Operation[] = ['insert', 'update', 'delete']
const ROWS = 'omit events to match INSERT, UPDATE and DELETE'
const STATEMENTS = 'write events: [DDL] for statements that change a table'
/** What people write for operations that are called otherwise here. */
const OTHER_OPERATIONS: ReadonlyMap<string, string> = new Map([
  ['upsert', 'write events: [INSERT, UPDATE]: the binlog has one of the two'],
  ['replace', 'write events: [INSERT, UPDATE, DELETE]: the binlog has the effect of a REPLACE'],
  ['write', 'write events: [INSERT, UPDATE]'],
  ['change', 'write events: [UPDATE]'],
  ['modify', 'write events: [UPDATE]'],
  ['remove', 'write events: [DELETE]'],
  ...['all', 'any', '*'].map((word) => [word, ROWS] as const),
  ...['create', 'alter', 'drop', 'rename'].map((word) => [word, STATEMENTS] as const),
])
/** Which tables and operations a rule is on. */
export interface ReadTables {
  readonly tables: readonly NamedTable[]
  readonly operations: readonly Operation[]
}

/** Reads `table` and `events`; nothing of both for a rule with `on`. */
export function readTables(map: MapNode, hasOn: boolean, reader: ValueReader): ReadTables {
  if (hasOn) {
    refuseTables(map, reader)
    return { tables: [], operations: [] }
  }
  const operations = readOperations(map, reader)
  return { tables: readNames(map, operations, reader), operations }
}

/** A rule is on tables or on types of events. */
function refuseTables(map: MapNode, reader: ValueReader): void {
  for (const key of ['table', 'events']) {
    const entry = entryOf(map, key)
    if (entry === undefined) continue
    const hint = 'types name tables and operations too: on: shop.users.create'
    reader.fail({ location: entry.keyLocation }, RULE_CODES.value, `"${key}" and "on" exclude each other`, hint)
  }
}

function readNames(map: MapNode, operations: readonly Operation[], reader: ValueReader): readonly NamedTable[] {
  const entry = entryOf(map, 'table')
  if (entry === undefined) {
    if (operations.length > 0 && operations.every((operation) => operation === 'gap')) return []
    const hint = 'write table: users, table: shop.*, or a list; or on: orders.order.create for events by their type'
    reader.fail(map, RULE_CODES.missing, 'a rule needs "table" or "on"', hint)
    return []
  }
  const nodes = entry.value.tag === 'list' ? entry.value.items : [entry.value]
  if (nodes.length === 0) reader.fail(entry.value, RULE_CODES.value, 'the list of tables is empty')
  return nodes.flatMap((node) => {
    const pattern = reader.string(node, 'table')
    if (pattern === undefined) return []
    const matches = compileTablePattern(pattern)
    if (matches !== undefined) return [{ pattern, location: node.location, matches }]
    reader.fail(
      node,
      RULE_CODES.value,
      `"${pattern}" is not a valid table name or pattern`,
      `write a pattern ${TABLE_PATTERN_HINT}`,
    )
    return []
  })
}

function readOperations(map: MapNode, reader: ValueReader): readonly Operation[] {
  const entry = entryOf(map, 'events')
  if (entry === undefined) return ROW_OPERATIONS
  const nodes = entry.value.tag === 'list' ? entry.value.items : [entry.value]
  if (nodes.length === 0) reader.fail(entry.value, RULE_CODES.value, 'events is empty: the rule would never match')
  return nodes
    .map((node) => reader.oneOf(node, 'events', OPERATIONS, OTHER_OPERATIONS))
    .filter((each) => each !== undefined)
}
