import type { SourceLocation } from '../../src/model/errors.ts'
import type { ScalarNode, TreeNode } from '../../src/rules/yaml/tree.ts'

/** A tree of plain data, as if it stood in a file. */
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
  const scalar = (value ?? null) as ScalarNode['value']
  return { tag: 'scalar', location, value: scalar, written: String(scalar ?? ''), locate: () => location }
}
