import type { Problem, SourceLocation } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { Reporter } from '../../rules/reporter.ts'
import { dataOf, textOfScalar } from '../../rules/yaml/tree.ts'
import type { MapEntry, MapNode, TreeNode } from '../../rules/yaml/tree.ts'
import type { BrokerConfig } from './brokers/contract.ts'
import { readBroker, sourceTypeOf } from './brokers/read-broker.ts'
import type { NamedTarget } from './config.ts'
import type { OutboxConfig } from './outbox/contract.ts'
import { readOutboxes } from './outbox/read-outboxes.ts'
import { isSecret, readsText, SETTING_PATHS, type SettingPath } from './settings.ts'

/** A value as written, before secrets are put in. */
export interface WrittenValue {
  readonly value: unknown
  readonly location: SourceLocation
}

export interface FileContents {
  /** By the setting's path. Empty values (`url:`) are left out. */
  readonly values: ReadonlyMap<string, WrittenValue>
  readonly targets: ReadonlyMap<string, NamedTarget>
  /** Undefined where there is no such key. */
  readonly sources: WrittenSources | undefined
  /** Entries of `sources:` that are brokers. */
  readonly brokers: readonly BrokerConfig[]
  /** Some entry is one, right or wrong. */
  readonly namesBrokers: boolean
  readonly outboxes: readonly OutboxConfig[]
  /** Groups of settings that stand there, empty ones too: `events:` alone turns them on. */
  readonly groups: ReadonlySet<string>
  readonly problems: readonly Problem[]
}

export interface WrittenSources {
  /** Of the key. */
  readonly location: SourceLocation
  readonly entries: readonly WrittenSource[]
  /** Something that is no entry was reported. */
  readonly isBroken: boolean
}

/** One entry of `sources:`. */
export interface WrittenSource {
  readonly name: { readonly text: string; readonly location: SourceLocation } | undefined
  readonly location: SourceLocation
  /** By the path that they have in the short form: `source.url`. */
  readonly values: ReadonlyMap<string, WrittenValue>
}

/** Groups (`source`, `source.reconnect`) with the names that may stand in them. */
const GROUPS: ReadonlyMap<string, ReadonlySet<string>> = groupsOf([...SETTING_PATHS, 'sources', 'targets', 'outbox'])

function groupsOf(paths: readonly string[]): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>()
  for (const path of paths) {
    const steps = path.split('.')
    steps.forEach((step, depth) => {
      const group = steps.slice(0, depth).join('.')
      groups.set(group, (groups.get(group) ?? new Set()).add(step))
    })
  }
  return groups
}

/** Takes the settings out of a parsed file; everything that is none of them is reported. */
export function readSettings(root: TreeNode | undefined): FileContents {
  const reader = new SettingsReader()
  if (root !== undefined && !isEmpty(root)) reader.readRoot(root)
  const { values, targets, sources, brokers, namesBrokers, outboxes, groups, reporter } = reader
  return { values, targets, sources, brokers, namesBrokers, outboxes, groups, problems: reporter.problems }
}

class SettingsReader {
  readonly values = new Map<string, WrittenValue>()
  readonly targets = new Map<string, NamedTarget>()
  readonly groups = new Set<string>()
  sources: WrittenSources | undefined
  readonly brokers: BrokerConfig[] = []
  namesBrokers = false
  outboxes: readonly OutboxConfig[] = []
  readonly reporter: Reporter

  constructor(reporter = new Reporter()) {
    this.reporter = reporter
  }

  readRoot(root: TreeNode): void {
    if (root.tag === 'map') return this.readGroup('', root)
    const hint = 'Write "name: value" lines, such as "name: bingo".'
    this.report('BINGO_CONFIG_TYPE', root.location, 'the file must be a map of settings', hint)
  }

  private readGroup(group: string, map: MapNode): void {
    const names = GROUPS.get(group)!
    for (const entry of map.entries) {
      const { key: name, value } = entry
      const path = group === '' ? name : `${group}.${name}`
      if (!names.has(name)) this.unknownKey(group, entry, names)
      else if (path === 'targets') this.readTargets(value)
      else if (path === 'sources') this.readSources(entry)
      else if (path === 'outbox') this.outboxes = readOutboxes(entry, this.reporter)
      else if (GROUPS.has(path)) this.readNested(path, value)
      else this.readValue(path as SettingPath, value)
    }
  }

  private readNested(path: string, value: TreeNode): void {
    this.groups.add(path)
    if (value.tag === 'map') return this.readGroup(path, value)
    if (isEmpty(value)) return
    const hint = `Write its settings under it: ${[...GROUPS.get(path)!].join(', ')}.`
    this.report('BINGO_CONFIG_TYPE', value.location, `"${path}" is a group of settings, not one value`, hint)
  }

  private readValue(path: SettingPath, node: TreeNode): void {
    if (isEmpty(node)) return
    let { location } = node
    if (isSecret(path)) {
      // The caret stays under the value.
      const before = `${path.split('.').at(-1)}: `.padStart(location.column - 1).slice(1 - location.column)
      location = { ...location, excerpt: `${before}***` }
    }
    this.values.set(path, { value: readsText(path) ? withTexts(node) : dataOf(node), location })
  }

  private readTargets(node: TreeNode): void {
    if (isEmpty(node)) return
    if (node.tag !== 'map') {
      const hint = 'Write targets: {crm: {type: webhook, url: …}}.'
      this.report('BINGO_CONFIG_TYPE', node.location, '"targets" must be a map', hint)
      return
    }
    for (const { key: name, keyLocation, value } of node.entries) {
      this.targets.set(name, { name, tree: value, location: keyLocation })
    }
  }

  private readSources({ keyLocation, value }: MapEntry): void {
    if (isEmpty(value)) {
      this.sources = { location: withoutExcerpt(keyLocation), entries: [], isBroken: false }
      return
    }
    const items = value.tag === 'list' ? value.items : []
    if (value.tag !== 'list') {
      const hint = 'Write sources: [{name: shop, url: mysql://…}].'
      this.report('BINGO_CONFIG_TYPE', value.location, '"sources" must be a list', hint)
    }
    const servers = items.filter((item) => !this.readBroker(item))
    const entries = servers.flatMap((item) => this.readSource(item) ?? [])
    const isBroken = value.tag !== 'list' || entries.length < servers.length
    // With brokers alone there may be a server in the short form.
    if (items.length > 0 && servers.length === 0) return
    this.sources = { location: withoutExcerpt(keyLocation), entries, isBroken }
  }

  /** Whether the entry is a broker, right or wrong. */
  private readBroker(item: TreeNode): boolean {
    const type = sourceTypeOf(item, this.reporter)
    if (type === undefined || item.tag !== 'map') return false
    this.namesBrokers = true
    const broker = type === 'unknown' ? undefined : readBroker(item, type, this.reporter)
    if (broker !== undefined) this.brokers.push(broker)
    return true
  }

  /** What stands in it is what stands in `source:`, and a name; its type needs not be said. */
  private readSource(item: TreeNode): WrittenSource | undefined {
    if (item.tag !== 'map') {
      const hint = 'Write - {name: shop, url: mysql://…}.'
      this.report('BINGO_CONFIG_TYPE', item.location, 'an entry of "sources" must be a map', hint)
      return undefined
    }
    const named = item.entries.find(({ key }) => key === 'name')?.value
    const reader = new SettingsReader(this.reporter)
    reader.readGroup('source', { ...item, entries: item.entries.filter(({ key }) => key !== 'name' && key !== 'type') })
    const text = named?.tag === 'scalar' && !isEmpty(named) ? String(withTexts(named)) : ''
    const name = named === undefined || isEmpty(named) ? undefined : { text, location: withoutExcerpt(named.location) }
    return { name, location: withoutExcerpt(item.location), values: reader.values }
  }

  private unknownKey(group: string, { key: name, keyLocation }: MapEntry, names: ReadonlySet<string>): void {
    const meant = nearestName(name, names)
    const elsewhere = SETTING_PATHS.find((path) => path.split('.').at(-1) === name)
    const known = `Known settings: ${[...names].join(', ')}.`
    const hint =
      meant !== undefined
        ? `Did you mean "${meant}"?`
        : elsewhere === undefined
          ? known
          : group === '' || !elsewhere.includes('.')
            ? `Write it as "${elsewhere}".`
            : `${known} Another group has "${elsewhere}".`
    const where = group === '' ? '' : ` in "${group}"`
    this.report('BINGO_CONFIG_UNKNOWN_KEY', keyLocation, `"${name}" is not a valid setting${where}`, hint)
  }

  private report(code: string, location: SourceLocation, message: string, hint: string): void {
    this.reporter.error(code, withoutExcerpt(location), message, hint)
  }
}

/** The excerpt of a misspelt "pasword: …" would show the secret: the key alone is enough. */
function withoutExcerpt({ excerpt: _excerpt, ...place }: SourceLocation): SourceLocation {
  return place
}

/** Numbers as they are written: a password 0012 is not 12, a name 1.10 not 1.1. */
function withTexts(node: TreeNode): unknown {
  if (node.tag === 'list') return node.items.map(withTexts)
  if (node.tag === 'map') return Object.fromEntries(node.entries.map(({ key, value }) => [key, withTexts(value)]))
  return node.tag === 'scalar' && typeof node.value === 'number' ? textOfScalar(node) : dataOf(node)
}

function isEmpty(node: TreeNode): boolean {
  return node.tag === 'scalar' && node.value === null
}
