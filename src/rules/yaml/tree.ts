import type { SourceLocation } from '../../model/errors.ts'

/** A piece of a rules file (or of the configuration) that knows where it stands. */
export type TreeNode = MapNode | ListNode | ScalarNode

export interface MapNode {
  readonly tag: 'map'
  readonly location: SourceLocation
  readonly entries: readonly MapEntry[]
}

export interface MapEntry {
  readonly key: string
  readonly keyLocation: SourceLocation
  readonly value: TreeNode
}

export interface ListNode {
  readonly tag: 'list'
  readonly location: SourceLocation
  readonly items: readonly TreeNode[]
}

export interface ScalarNode {
  readonly tag: 'scalar'
  readonly location: SourceLocation
  readonly value: string | number | boolean | null
  /** The text that YAML took for the value: `1.10` for 1.1, `0x10` for 16, and what is inside of quotes. */
  readonly written: string
  /** Place of the character at an offset of a text. */
  locate(offset: number): SourceLocation
}

export function entryOf(map: MapNode, key: string): MapEntry | undefined {
  return map.entries.find((entry) => entry.key === key)
}

/** What a node is, for messages. */
export function describeNode(node: TreeNode): string {
  if (node.tag !== 'scalar') return `a ${node.tag}`
  if (node.value === null) return 'empty'
  return typeof node.value === 'string' ? 'a string' : typeof node.value === 'number' ? 'a number' : String(node.value)
}

/** The text of a scalar, as those read it who want a text: as it is written, so that a version 1.10 stays one. */
export function textOfScalar({ value, written }: ScalarNode): string {
  return typeof value === 'string' ? value : value === null ? '' : written
}

/** The node as plain data, keys sorted: equal rules give equal JSON. */
export function plainValue(node: TreeNode): unknown {
  switch (node.tag) {
    case 'scalar':
      return typeof node.value === 'number' && String(node.value) !== node.written ? node.written : node.value
    case 'list':
      return node.items.map(plainValue)
    case 'map':
      return node.entries.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ key, value }) => [key, plainValue(value)])
  }
}

/** The node as the data that it stands for: maps without a prototype, lists, scalars. */
export function dataOf(node: TreeNode): unknown {
  if (node.tag === 'scalar') return node.value
  if (node.tag === 'list') return node.items.map(dataOf)
  const map: { [key: string]: unknown } = Object.create(null)
  for (const { key, value } of node.entries) map[key] = dataOf(value)
  return map
}
