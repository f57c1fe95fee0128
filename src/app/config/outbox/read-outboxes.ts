import type { AfterRow } from '../../../model/rule/outbox-rule.ts'
import { compileTablePattern, TABLE_PATTERN_HINT } from '../../../rules/table-pattern.ts'
import type { Reporter } from '../../../rules/reporter.ts'
import { plainValue } from '../../../rules/yaml/tree.ts'
import type { MapEntry, MapNode, TreeNode } from '../../../rules/yaml/tree.ts'
import type { OutboxConfig } from './contract.ts'
import { EntryReader } from './entry-reader.ts'
import { MAPPING_KEYS, readMapping } from './read-mapping.ts'
import { POLLING_KEYS, readPolling } from './read-polling.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
export const AFTER: readonly AfterRow[] = ['keep', 'delete', 'mark', 'none']
const ENTRY_KEYS: readonly string[] = ['table', ...MAPPING_KEYS, 'after', 'cleanup', 'to', ...POLLING_KEYS]
/** For the table of an entry that has none. */
const STAND_IN = 'app.outbox'
const HINT = 'Write outbox: [{table: shop.outbox}].'

/** Reads `outbox:`; what is wrong is reported, and its entry left out. */
export function readOutboxes({ keyLocation, value }: MapEntry, reporter: Reporter): readonly OutboxConfig[] {
  const reader = new EntryReader(reporter)
  if (value.tag === 'scalar' && value.value === null) return []
  if (value.tag !== 'list') {
    reader.fail(keyLocation, '"outbox" must be a list', HINT)
    return []
  }
  const seen = new Set<string>()
  return value.items.flatMap((item) => {
    const map = reader.map(item, 'an entry', HINT)
    const entry = map && readEntry(map, reader)
    if (entry === undefined) return []
    if (seen.has(entry.table)) {
      return reader.fail(entry.tableLocation, `two entries are for ${entry.table}`, 'Join them into one.') ?? []
    }
    seen.add(entry.table)
    return [entry]
  })
}

function readEntry(map: MapNode, reader: EntryReader): OutboxConfig | undefined {
  reader.known(map, 'an entry', ENTRY_KEYS)
  const named = reader.given(map, 'table')
  const table = readTable(map, named, reader)
  // What else is wrong with the entry is reported as well.
  const entry = readRest(table ?? STAND_IN, map, reader)
  return table === undefined ? undefined : { ...entry, tableLocation: named!.location }
}

function readTable(map: MapNode, named: TreeNode | undefined, reader: EntryReader): string | undefined {
  if (named === undefined) return reader.fail(map.location, 'an entry has no table', HINT)
  const table = reader.text(named, 'table')
  if (table === undefined || compileTablePattern(table) !== undefined) return table
  return reader.fail(named.location, `"${table}" is not a valid table`, `Write a table ${TABLE_PATTERN_HINT}.`)
}

function readRest(table: string, map: MapNode, reader: EntryReader): Omit<OutboxConfig, 'tableLocation'> {
  const polling = readPolling(table, map, reader)
  const after = polling === undefined ? reader.choice(map, 'after', AFTER, 'keep') : 'keep'
  return {
    table,
    location: map.location,
    mapping: readMapping(table, map, reader),
    after,
    cleanup: readCleanup(reader.given(map, 'cleanup'), polling === undefined ? after : 'polled', reader),
    to: actionsOf(reader.given(map, 'to')),
    polling,
    written: JSON.stringify(plainValue(map)),
  }
}

function actionsOf(node: TreeNode | undefined): readonly TreeNode[] {
  if (node === undefined) return []
  return node.tag === 'list' ? node.items : [node]
}

function readCleanup(
  node: TreeNode | undefined,
  after: AfterRow | 'polled',
  reader: EntryReader,
): OutboxConfig['cleanup'] {
  if (node === undefined) return null
  const map = reader.map(node, 'cleanup', 'Write cleanup: {after: 7d, every: 24h}.')
  if (map === undefined) return null
  reader.known(map, 'cleanup', ['after', 'every'])
  if (after === 'polled') {
    const hint = 'Delete old rows by an event of the database, or write after: delete.'
    return reader.fail(node.location, 'cleanup is for outboxes that are read from the binlog', hint) ?? null
  }
  if (after !== 'mark') {
    const hint = 'Write after: mark, so that it is known when a row ended; or after: delete, which needs no cleanup.'
    return reader.fail(node.location, `cleanup needs after: mark, but after is ${after}`, hint) ?? null
  }
  return {
    afterMs: reader.duration(map, 'after', { least: 0, most: 3_650 * DAY, otherwise: 7 * DAY }),
    everyMs: reader.duration(map, 'every', { least: 1_000, most: 365 * DAY, otherwise: DAY }),
  }
}
