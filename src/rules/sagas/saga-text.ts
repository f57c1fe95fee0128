import type { TreeNode } from '../yaml/tree.ts'

/** A node as YAML that reads the same: on one line, with its secrets unresolved. */
export function textOfNode(node: TreeNode): string {
  switch (node.tag) {
    case 'scalar':
      return typeof node.value === 'string' ? JSON.stringify(node.value) : node.value === null ? 'null' : node.written
    case 'list':
      return `[${node.items.map(textOfNode).join(', ')}]`
    case 'map':
      return `{${node.entries.map(({ key, value }) => `${JSON.stringify(key)}: ${textOfNode(value)}`).join(', ')}}`
  }
}
