import type { ActionType } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import type { Lookup, LookupParams } from '../../model/rule/lookup.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { Change } from '../../model/event/change.ts'
import { TreeActionSpec } from '../action-spec.ts'
import { RULE_CODES } from '../codes.ts'
import type { SourceText } from '../language/source-text.ts'
import type { RuleFacts } from '../language/fact-values.ts'
import type { RuleContext } from './read-action.ts'
import type { ValueReader } from './read-values.ts'
import type { ActionChecks, CheckedTemplate } from '../rule-checks.ts'
import { entryOf } from '../yaml/tree.ts'
import type { MapEntry, MapNode, ScalarNode, TreeNode } from '../yaml/tree.ts'

const LOOKUP_KEYS = ['sql', 'params', 'from', 'cache', 'missing', 'timeout', 'tls'] as const
const NAME = /^[A-Za-z_]\w{0,63}$/
const HINT =
  'write lookup: {customer: {sql: "SELECT name FROM customers WHERE id = ?", params: ["{{new.customer_id}}"]}}'
const DAY_MS = 24 * 3_600_000
const LONGEST_TIMEOUT_MS = 3_600_000
const DEFAULT_TIMEOUT_MS = 5_000
/** Lookups are many small questions: few connections answer thousands of them in a second. */
const CONNECTIONS = 2

/** `from: source`: the server that the daemon reads; it is the first of several. */
export interface SourceServer {
  readonly from: 'source'
}

interface Reading {
  /** As in SourceText. */
  readonly scope: SourceText['scope']
  readonly rule: string
  readonly reader: ValueReader
  readonly context: RuleContext
}

/** What the rule has beside its rows, as far as names go. */
export function readFacts(map: MapNode): RuleFacts {
  const lookup = entryOf(map, 'lookup')?.value
  return {
    lookups: lookup?.tag === 'map' ? lookup.entries.map(({ key }) => key) : [],
    threshold: entryOf(map, 'threshold') !== undefined,
  }
}

const SIDE_BY_SIDE = { message: 'lookups are read side by side', hint: 'join the tables in the statement' }
const FILTER = { message: 'a filter comes before the lookups', hint: 'write it as when: of an action' }

/** What a filter has: it is asked before anything is read or counted. */
export function factsOfFilter(facts: RuleFacts): RuleFacts {
  return { ...without(facts, FILTER), threshold: false }
}

function without(facts: RuleFacts, later: RuleFacts['later']): RuleFacts {
  return facts.lookups.length === 0 ? facts : { ...facts, lookups: [], later }
}

/** Reads `lookup` of a rule; what is wrong is reported, and left out. */
export function readLookups(
  map: MapNode,
  facts: RuleFacts,
  reading: Reading,
): { readonly lookups: readonly Lookup[]; readonly checks: readonly ActionChecks[] } {
  const entry = entryOf(map, 'lookup')
  const templates: CheckedTemplate[] = []
  const named = entry && reading.reader.map(entry.value, 'lookup', HINT)
  if (named?.entries.length === 0) reading.reader.fail(named, RULE_CODES.value, 'lookup has no entry', HINT)
  const lookups = (named?.entries ?? []).flatMap((each) => readLookup(each, facts, templates, reading) ?? [])
  return { lookups, checks: templates.length === 0 ? [] : [{ when: undefined, templates }] }
}

function readLookup(
  { key: name, keyLocation, value }: MapEntry,
  facts: RuleFacts,
  templates: CheckedTemplate[],
  { rule, scope, reader, context }: Reading,
): Lookup | undefined {
  if (!NAME.test(name)) {
    const hint = 'write a letter, then letters, digits and _'
    return reader.fail({ location: keyLocation }, RULE_CODES.value, `"${name}" is not a valid name of a lookup`, hint)
  }
  const map = reader.map(value, `lookup.${name}`, HINT)
  if (map === undefined) return undefined
  reader.knownKeys(map, 'a lookup', LOOKUP_KEYS)
  const sql = entryOf(map, 'sql')?.value
  if (sql === undefined) return reader.fail(map, RULE_CODES.missing, `lookup.${name} needs "sql"`, HINT)
  const type = context.actionTypes.get('sql')
  const server = readServer(map, reader, context)
  if (type === undefined || server === undefined) return undefined
  const before = context.reporter.errorCount
  const spec = new TreeActionSpec(
    {
      ruleId: rule,
      scope,
      hasDebounce: false,
      targetName: server.name,
      reporter: context.reporter,
      secrets: context.secrets,
      facts: without(facts, SIDE_BY_SIDE),
      templates,
    },
    server.map === undefined ? [asAction(map, sql, server.url)] : [asAction(map, sql, undefined), server.map],
    type.fields,
    `lookup.${name}`,
  )
  const compiled = type.compile(spec, context.defaults)
  const statement = spec.string('statement') ?? ''
  checkStatement(sql, statement, reader)
  const times = readTimes(map, reader)
  const missing = option(map, 'missing', (node) => readMissing(node, reader)) ?? 'null'
  if (context.reporter.errorCount > before) return undefined
  const bound = new WeakMap<TableDef, (change: Change) => LookupParams>()
  return {
    ruleId: rule,
    name,
    location: map.location,
    statement,
    server: serverConfig(compiled.target, server),
    ...times,
    missing,
    reads: (table) => compiled.reads(table),
    bind: (table) => {
      let params = bound.get(table)
      if (params === undefined) bound.set(table, (params = compiled.bind(table) as (change: Change) => LookupParams))
      return params
    },
  }
}

interface Server {
  /** `source`, or the address as the field of an action. */
  readonly url: ScalarNode
  readonly isSource: boolean
  /** Of the target under `targets:`. */
  readonly name?: string
  readonly map?: MapNode
}

function readServer(map: MapNode, reader: ValueReader, { targets }: RuleContext): Server | undefined {
  const from = entryOf(map, 'from')?.value
  const text = from === undefined ? 'source' : reader.string(from, 'from')
  if (text === undefined) return undefined
  const node: TreeNode = from ?? map
  if (text === 'source') return { url: scalar('mysql://source', node), isSource: true }
  if (/[:$]/.test(text)) return { url: node as ScalarNode, isSource: false }
  const target = targets.get(text)?.tree
  const type = target?.tag === 'map' ? entryOf(target, 'type')?.value : undefined
  if (target?.tag === 'map' && type?.tag === 'scalar' && type.value === 'sql') {
    return { url: scalar('', node), isSource: false, name: text, map: target }
  }
  const hint = 'write source, mysql://user:password@host:3306/database, or the name of an sql target under targets:'
  return reader.fail(node, RULE_CODES.value, `"${text}" is not a server that can be asked`, hint)
}

function scalar(value: string | number, { location }: TreeNode): ScalarNode {
  return { tag: 'scalar', value, written: String(value), location, locate: () => location }
}

/** A lookup is read as the `sql` action that it nearly is: same address, same statement, same parameters. */
function asAction(map: MapNode, sql: TreeNode, url: TreeNode | undefined): MapNode {
  const field = (key: string, value: TreeNode | undefined): readonly MapEntry[] =>
    value === undefined ? [] : [{ key, keyLocation: value.location, value }]
  return {
    tag: 'map',
    location: map.location,
    entries: [
      ...field('url', url),
      ...field('statement', sql),
      ...field('params', entryOf(map, 'params')?.value),
      ...field('tls', entryOf(map, 'tls')?.value),
      ...field('connections', scalar(CONNECTIONS, map)),
    ],
  }
}

function serverConfig({ id, options }: ReturnType<ActionType['compile']>['target'], server: Server): TargetConfig {
  if (server.isSource)
    return { id: 'lookup source', type: 'lookup', options: { from: 'source' } satisfies SourceServer }
  return { id: `lookup ${server.name ?? id.replace(/^sql /, '')}`, type: 'lookup', options }
}

function readTimes(map: MapNode, reader: ValueReader): Pick<Lookup, 'cacheMs' | 'timeoutMs'> {
  const cache = option(map, 'cache', (node) => reader.duration(node, 'cache', { least: 0, most: DAY_MS }))
  const bounds = { least: 1, most: LONGEST_TIMEOUT_MS }
  const timeout = option(map, 'timeout', (node) => reader.duration(node, 'timeout', bounds))
  return { cacheMs: cache ?? 0, timeoutMs: timeout ?? DEFAULT_TIMEOUT_MS }
}

/** YAML reads `missing: null` as no text at all. */
function readMissing(node: TreeNode, reader: ValueReader): Lookup['missing'] | undefined {
  if (node.tag === 'scalar' && node.value === null) return 'null'
  return reader.oneOf(node, 'missing', ['null', 'error'] as const)
}

function option<T>(map: MapNode, key: string, read: (node: TreeNode) => T | undefined): T | undefined {
  const entry = entryOf(map, key)
  return entry && read(entry.value)
}

const NO_CODE = /'(?:[^'\\]|''|\\[^])*'|"(?:[^"\\]|""|\\[^])*"|`[^`]*`|--(?=\s|$)[^\n]*|#[^\n]*|\/\*[^]*?\*\//g
const LOCKS_OR_WRITES = /\b(for\s+(update|share)|lock\s+in\s+share\s+mode|into\s+(outfile|dumpfile|@))/i

function checkStatement(node: TreeNode, statement: string, reader: ValueReader): void {
  const code = statement.replaceAll(NO_CODE, ' ').trim()
  if (statement === '') return
  const fail = (message: string, hint: string): undefined =>
    reader.fail(node, RULE_CODES.lookupStatement, message, hint)
  if (!/^[(\s]*(select|with|values|table)\b/i.test(code)) {
    fail('a lookup only reads, but its statement is not a SELECT', 'write to a table with an action: type: sql')
  } else if (code.includes(';')) fail('a lookup is one statement, without ;', 'remove the ; and what follows it')
  else if (LOCKS_OR_WRITES.test(code)) {
    fail('a lookup must not lock rows or write files', 'remove FOR UPDATE, LOCK IN SHARE MODE and INTO')
  }
}
