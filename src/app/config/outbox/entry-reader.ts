import type { SourceLocation } from '../../../model/errors.ts'
import { nearestName } from '../../../model/nearest-name.ts'
import { parseDuration, writeDuration } from '../../../model/quantity.ts'
import type { Reporter } from '../../../rules/reporter.ts'
import { describeNode, entryOf, textOfScalar } from '../../../rules/yaml/tree.ts'
import type { MapNode, TreeNode } from '../../../rules/yaml/tree.ts'

export const OUTBOX_CODE = 'BINGO_CONFIG_OUTBOX'

/** What is read, with the code of its problems. */
export interface ReadAs {
  readonly code: string
  /** Begins each message. */
  readonly called: string
}

/** Reads the values of an entry of a list; what is wrong is reported with its place, and is then undefined. */
export class EntryReader {
  readonly #reporter: Reporter
  readonly #as: ReadAs

  constructor(reporter: Reporter, as: ReadAs = { code: OUTBOX_CODE, called: 'outbox' }) {
    this.#reporter = reporter
    this.#as = as
  }

  fail(location: SourceLocation, message: string, hint: string): undefined {
    // The excerpt of a line may show a secret.
    const { excerpt: _excerpt, ...place } = location
    this.#reporter.error(this.#as.code, place, `${this.#as.called}: ${message}`, hint)
    return undefined
  }

  map(node: TreeNode, name: string, hint: string): MapNode | undefined {
    return node.tag === 'map' ? node : this.#wrongType(node, name, 'a map', hint)
  }

  known(map: MapNode, where: string, names: readonly string[]): void {
    for (const { key, keyLocation } of map.entries) {
      if (names.includes(key)) continue
      const nearest = nearestName(key, names)
      const hint = nearest === undefined ? `Known keys: ${names.join(', ')}.` : `Did you mean "${nearest}"?`
      this.fail(keyLocation, `unknown key "${key}" in ${where}`, hint)
    }
  }

  /** The value under a key; undefined where the key is missing or empty. */
  given(map: MapNode, key: string): TreeNode | undefined {
    const value = entryOf(map, key)?.value
    return value === undefined || (value.tag === 'scalar' && value.value === null) ? undefined : value
  }

  text(node: TreeNode, name: string): string | undefined {
    if (node.tag === 'scalar' && typeof node.value !== 'boolean') {
      const text = textOfScalar(node)
      if (text !== '') return text
      return this.fail(node.location, `${name} is empty`, `Write for example ${name}: shop.`)
    }
    return this.#wrongType(node, name, 'a text', `Write for example ${name}: shop.`)
  }

  flag(map: MapNode, key: string, otherwise: boolean): boolean {
    const node = this.given(map, key)
    if (node === undefined) return otherwise
    if (node.tag === 'scalar' && typeof node.value === 'boolean') return node.value
    this.#wrongType(node, key, 'true or false', 'Write it without quotes.')
    return otherwise
  }

  choice<T extends string>(map: MapNode, key: string, allowed: readonly T[], otherwise: T): T {
    const node = this.given(map, key)
    if (node === undefined) return otherwise
    const found = node.tag === 'scalar' ? allowed.find((each) => each === node.value) : undefined
    if (found !== undefined) return found
    const shown = node.tag === 'scalar' ? `"${node.written}"` : describeNode(node)
    this.fail(node.location, `${shown} is not a valid value of ${key}`, `Write one of ${allowed.join(', ')}.`)
    return otherwise
  }

  duration(map: MapNode, key: string, { least, most, otherwise }: DurationWithin): number {
    const node = this.given(map, key)
    if (node === undefined) return otherwise
    const ms = node.tag === 'scalar' && typeof node.value === 'string' ? parseDuration(node.value) : undefined
    if (ms !== undefined && ms >= least && ms <= most) return ms
    const bounds = `between ${writeDuration(least)} and ${writeDuration(most)}`
    this.fail(node.location, `${key} is not a duration ${bounds}`, 'Write for example 7d, 24h or 30m.')
    return otherwise
  }

  #wrongType(node: TreeNode, name: string, wanted: string, hint: string): undefined {
    return this.fail(node.location, `${name} must be ${wanted}, but is ${describeNode(node)}`, hint)
  }
}

interface DurationWithin {
  readonly least: number
  readonly most: number
  readonly otherwise: number
}
