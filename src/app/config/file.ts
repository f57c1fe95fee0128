import { isMap, isNode, isScalar, type YAMLMap } from 'yaml'
import type { Problem, SourceLocation } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import type { NamedTarget } from './config.ts'
import { isSecret, SETTING_PATHS } from './settings.ts'
import type { YamlFile } from './yaml-file.ts'

/** A value as written, before secrets are put in. */
export interface WrittenValue {
  readonly value: unknown
  readonly location: SourceLocation
}

export interface FileContents {
  /** By the setting's path. Empty values (`url:`) are left out. */
  readonly values: ReadonlyMap<string, WrittenValue>
  readonly targets: ReadonlyMap<string, NamedTarget>
  readonly problems: readonly Problem[]
}

/** Groups (`source`, `source.reconnect`) with the names that may stand in them. */
const GROUPS: ReadonlyMap<string, ReadonlySet<string>> = groupsOf([...SETTING_PATHS, 'targets'])

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
export function readSettings(file: YamlFile): FileContents {
  const reader = new SettingsReader(file)
  const root = file.root()
  if (root !== null) reader.readGroup('', root)
  return { values: reader.values, targets: reader.targets, problems: [...file.problems, ...reader.problems] }
}

class SettingsReader {
  readonly values = new Map<string, WrittenValue>()
  readonly targets = new Map<string, NamedTarget>()
  readonly problems: Problem[] = []
  private readonly file: YamlFile

  constructor(file: YamlFile) {
    this.file = file
  }

  readGroup(group: string, map: YAMLMap): void {
    const names = GROUPS.get(group)!
    for (const { key, value } of map.items) {
      const name = isScalar(key) ? String(key.value) : ''
      const path = group === '' ? name : `${group}.${name}`
      if (!names.has(name)) this.unknownKey(group, name, key, names)
      else if (path === 'targets') this.readTargets(value)
      else if (GROUPS.has(path)) this.readNested(path, value)
      else this.readValue(path, value)
    }
  }

  private readNested(path: string, value: unknown): void {
    if (isMap(value)) return this.readGroup(path, value)
    if (isEmpty(value)) return
    this.report('BINGO_CONFIG_TYPE', value, `"${path}" is a group of settings, not one value`, {
      hint: `Write its settings below it: ${[...GROUPS.get(path)!].join(', ')}.`,
    })
  }

  private readValue(path: string, node: unknown): void {
    if (isEmpty(node)) return
    let location = this.file.locationOf(node)
    if (isSecret(path)) location = { ...location, excerpt: `${path.split('.').at(-1)}: ***` }
    this.values.set(path, { value: this.file.plain(node), location })
  }

  private readTargets(node: unknown): void {
    if (isEmpty(node)) return
    if (!isMap(node)) {
      this.report('BINGO_CONFIG_TYPE', node, '"targets" is not a map', {
        hint: 'Like targets: {crm: {type: webhook, url: …}}.',
      })
      return
    }
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : ''
      const body = isNode(value) ? value : key
      this.targets.set(name, {
        name,
        value: this.file.plain(value),
        location: this.file.locationOf(key),
        locate: (path) => (isNode(body) ? this.file.locate(body, path) : this.file.locationOf(key)),
      })
    }
  }

  private unknownKey(group: string, name: string, key: unknown, names: ReadonlySet<string>): void {
    const meant = nearestName(name, names)
    const elsewhere = SETTING_PATHS.find((path) => path.split('.').at(-1) === name)
    const hint =
      meant !== undefined
        ? `Did you mean "${meant}"?`
        : elsewhere !== undefined
          ? `There is "${elsewhere}".`
          : `Known here: ${[...names].join(', ')}.`
    const where = group === '' ? '' : ` in "${group}"`
    this.report('BINGO_CONFIG_UNKNOWN_KEY', key, `"${name}" is not a setting${where}`, { hint })
  }

  private report(code: string, node: unknown, message: string, { hint }: { hint: string }): void {
    // The excerpt of a misspelt "pasword: …" would show the secret: the key alone is enough.
    const { excerpt: _excerpt, ...location } = this.file.locationOf(node)
    this.problems.push({ code, severity: 'error', location, message, hint })
  }
}

function isEmpty(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null)
}
