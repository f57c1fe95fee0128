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
  return typeof node.value === 'string' ? 'a text' : typeof node.value === 'number' ? 'a number' : String(node.value)
}

/** The node as plain data, keys sorted: equal rules give equal JSON. */
export function plainValue(node: TreeNode): unknown {
  switch (node.tag) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(plainValue)
    case 'map':
      return node.entries.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ key, value }) => [key, plainValue(value)])
  }
}

/** Builds a tree from plain data, such as a named target of the configuration. */
export function treeOf(
  value: unknown,
  locate: (path: readonly (string | number)[]) => SourceLocation,
  path: readonly (string | number)[] = [],
): TreeNode {
  const location = locate(path)
  if (Array.isArray(value)) {
    return { tag: 'list', location, items: value.map((item, index) => treeOf(item, locate, [...path, index])) }
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => ({
      key,
      keyLocation: locate([...path, key]),
      value: treeOf(item, locate, [...path, key]),
    }))
    return { tag: 'map', location, entries }
  }
  return { tag: 'scalar', location, value: scalarOf(value), locate: () => location }
}

function scalarOf(value: unknown): ScalarNode['value'] {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return value === null || value === undefined ? null : String(value as bigint)
}
