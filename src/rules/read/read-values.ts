import { nearestName } from '../../model/nearest-name.ts'
import { parseBytes, parseDuration, writeDuration } from '../../model/quantity.ts'
import { RULE_CODES } from '../codes.ts'
import type { Reporter } from '../reporter.ts'
import { describeNode } from '../yaml/tree.ts'
import type { ListNode, MapNode, TreeNode } from '../yaml/tree.ts'

export interface DurationBounds {
  readonly least: number
  readonly most: number
}

/** Reads values of a rules file; what is wrong is reported, and the answer is then undefined. */
export class ValueReader {
  readonly reporter: Reporter
  readonly ruleId: string | undefined

  constructor(reporter: Reporter, ruleId: string | undefined) {
    this.reporter = reporter
    this.ruleId = ruleId
  }

  fail(node: { readonly location: TreeNode['location'] }, code: string, message: string, hint?: string): undefined {
    this.reporter.error(code, node.location, message, hint, this.ruleId)
    return undefined
  }

  wrongType(node: TreeNode, name: string, wanted: string, hint?: string): undefined {
    return this.fail(node, RULE_CODES.type, `${name} must be ${wanted}, but is ${describeNode(node)}`, hint)
  }

  map(node: TreeNode, name: string, hint?: string): MapNode | undefined {
    return node.tag === 'map' ? node : this.wrongType(node, name, 'a map', hint)
  }

  list(node: TreeNode, name: string, hint?: string): ListNode | undefined {
    return node.tag === 'list' ? node : this.wrongType(node, name, 'a list', hint)
  }

  string(node: TreeNode, name: string): string | undefined {
    if (node.tag === 'scalar' && typeof node.value === 'string') return node.value
    const hint = node.tag === 'scalar' && node.value !== null ? `put quotes around it: "${node.written}"` : undefined
    return this.wrongType(node, name, 'a string', hint)
  }

  /** A list of texts, or one text alone. */
  strings(node: TreeNode, name: string): readonly string[] | undefined {
    if (node.tag !== 'list') {
      const single = this.string(node, name)
      return single === undefined ? undefined : [single]
    }
    return node.items.map((item) => this.string(item, `each of ${name}`)).filter((item) => item !== undefined)
  }

  boolean(node: TreeNode, name: string): boolean | undefined {
    if (node.tag === 'scalar' && typeof node.value === 'boolean') return node.value
    return this.wrongType(node, name, 'true or false')
  }

  /** `word` is what may stand instead. */
  integer(node: TreeNode, name: string, least?: number): number | undefined
  integer(node: TreeNode, name: string, least: number, word: string | undefined): number | string | undefined
  integer(node: TreeNode, name: string, least = 0, word?: string): number | string | undefined {
    if (word !== undefined && node.tag === 'scalar' && node.value === word) return word
    if (node.tag !== 'scalar' || typeof node.value !== 'number' || !Number.isSafeInteger(node.value)) {
      return this.wrongType(node, name, word === undefined ? 'a whole number' : `a whole number or \`${word}\``)
    }
    return node.value >= least ? node.value : this.fail(node, RULE_CODES.value, `${name} must be at least ${least}`)
  }

  /** Milliseconds within bounds: a timer of more than 24 days fires at once. */
  duration(node: TreeNode, name: string, { least, most }: DurationBounds): number | undefined {
    const zero = node.tag === 'scalar' && node.value === 0
    const ms = zero
      ? 0
      : node.tag === 'scalar' && typeof node.value === 'string'
        ? parseDuration(node.value)
        : undefined
    if (ms === undefined) return this.wrongForm(node, name, 'duration', '100ms, 1s, 5m, 1h or 1d')
    if (ms >= least && ms <= most) return ms
    const bound = ms < least ? `at least ${writeDuration(least)}` : `at most ${writeDuration(most)}`
    return this.fail(node, RULE_CODES.value, `${name} must be ${bound}`)
  }

  bytes(node: TreeNode, name: string): number | undefined {
    if (node.tag === 'scalar' && typeof node.value === 'number' && Number.isSafeInteger(node.value)) return node.value
    const bytes = node.tag === 'scalar' && typeof node.value === 'string' ? parseBytes(node.value) : undefined
    return bytes ?? this.wrongForm(node, name, 'size', '64kB or 1MiB')
  }

  /** `500/s` and the like, per second. */
  rate(node: TreeNode, name: string): number | undefined {
    const text = node.tag === 'scalar' && typeof node.value === 'string' ? node.value : ''
    const [, count, unit] = /^(\d+(?:\.\d+)?)\s*\/\s*(s|m|h)$/.exec(text) ?? []
    const rate = Number(count) / (unit === 'h' ? 3600 : unit === 'm' ? 60 : 1)
    return rate > 0 ? rate : this.wrongForm(node, name, 'rate', '500/s, 100/m or 10/h')
  }

  /** `hints`: for words that people write instead, in lower case. */
  oneOf<T extends string>(
    node: TreeNode,
    name: string,
    allowed: readonly T[],
    hints: ReadonlyMap<string, string> = new Map(),
  ): T | undefined {
    const value = this.string(node, name)
    if (value === undefined) return undefined
    const found = allowed.find((each) => each.toLowerCase() === value.toLowerCase())
    if (found !== undefined) return found
    const nearest = nearestName(value, allowed)
    const own = hints.get(value.toLowerCase())
    const hint =
      own !== undefined
        ? own
        : nearest === undefined
          ? `write one of ${allowed.join(', ')}`
          : `did you mean "${nearest}"?`
    return this.fail(node, RULE_CODES.value, `"${value}" is not a valid value of ${name}`, hint)
  }

  /** Reports keys that are not among those known. */
  knownKeys(map: MapNode, where: string, known: readonly string[]): void {
    for (const { key, keyLocation } of map.entries) {
      if (known.includes(key)) continue
      const nearest = nearestName(key, known)
      const hint = nearest === undefined ? `known keys: ${known.join(', ')}` : `did you mean "${nearest}"?`
      this.reporter.error(RULE_CODES.unknownKey, keyLocation, `unknown key "${key}" in ${where}`, hint, this.ruleId)
    }
  }

  private wrongForm(node: TreeNode, name: string, what: string, examples: string): undefined {
    const shown = node.tag === 'scalar' && node.value !== null ? `"${node.value}"` : describeNode(node)
    return this.fail(
      node,
      RULE_CODES.type,
      `${name} is ${shown}, which is not a valid ${what}`,
      `write for example ${examples}`,
    )
  }
}
