/** A schema, or a part of one. */
export type SchemaNode = { readonly [keyword: string]: unknown } | boolean

/** What a schema says of one field. */
export type FieldVerdict =
  | { readonly tag: 'known'; readonly node: SchemaNode; readonly required: boolean }
  /** It can be there, but the schema does not name it. */
  | { readonly tag: 'unnamed' }
  /** The schema refuses it. */
  | { readonly tag: 'refused' }

/** Alternatives and references inside of each other; a schema may refer to itself. */
const MOST_DEPTH = 20
const COMBINED = ['allOf', 'anyOf', 'oneOf'] as const

/** Finds out what a JSON Schema says of a path into the values that it describes. */
export class SchemaWalk {
  private readonly root: SchemaNode

  constructor(root: SchemaNode) {
    this.root = root
  }

  /** A list on the way stands for its elements; numbers are places in lists. */
  at(path: readonly string[]): FieldVerdict {
    let nodes: readonly SchemaNode[] = this.parts(this.root, 0)
    let required = true
    for (const name of path) {
      const verdict = this.step(nodes, name)
      if (verdict.tag !== 'known') return verdict
      required &&= verdict.required
      nodes = verdict.nodes
    }
    return { tag: 'known', node: nodes[0] ?? true, required }
  }

  /** Fields that the schema names at a path. */
  namesAt(path: readonly string[]): readonly string[] {
    const found = this.at(path)
    if (found.tag !== 'known') return []
    const nodes = this.parts(found.node, 0).flatMap((node) => [node, ...this.itemsOf(node)])
    return nodes.flatMap((node) => Object.keys(objectAt(node, 'properties') ?? {}))
  }

  /** What the values at a node can be, where the schema lists them. */
  valuesOf(node: SchemaNode): readonly unknown[] | undefined {
    for (const part of this.parts(node, 0)) {
      if (typeof part === 'boolean') continue
      if (Array.isArray(part['enum'])) return part['enum']
      if ('const' in part) return [part['const']]
    }
    return undefined
  }

  /** `string`, `integer` …; undefined: any. */
  typesOf(node: SchemaNode): readonly string[] | undefined {
    const types = this.parts(node, 0).flatMap((part) => (typeof part === 'boolean' ? [] : (part['type'] ?? [])))
    return types.length === 0 ? undefined : types.filter((type) => typeof type === 'string')
  }

  private step(
    nodes: readonly SchemaNode[],
    name: string,
  ): { tag: 'known'; nodes: readonly SchemaNode[]; required: boolean } | { tag: 'unnamed' } | { tag: 'refused' } {
    const inside = /^\d+$/.test(name) ? nodes : nodes.flatMap((node) => [node, ...this.itemsOf(node)])
    const found: SchemaNode[] = []
    let refused = false
    let required = false
    for (const node of inside) {
      if (typeof node === 'boolean') continue
      const member = this.memberOf(node, name)
      if (member === false) refused = true
      else if (member !== undefined) found.push(...this.parts(member, 0))
      required ||= Array.isArray(node['required']) && node['required'].includes(name)
    }
    if (found.length > 0) return { tag: 'known', nodes: found, required }
    return { tag: refused ? 'refused' : 'unnamed' }
  }

  /** False: there cannot be such a member; undefined: the node says nothing of it. */
  private memberOf(node: { readonly [keyword: string]: unknown }, name: string): SchemaNode | undefined {
    if (/^\d+$/.test(name)) {
      const items = this.itemsOf(node)
      if (items.length > 0) return items[0]
    }
    const properties = objectAt(node, 'properties')
    if (properties !== undefined && Object.hasOwn(properties, name)) return properties[name] as SchemaNode
    for (const [pattern, schema] of Object.entries(objectAt(node, 'patternProperties') ?? {})) {
      if (matches(pattern, name)) return schema as SchemaNode
    }
    for (const keyword of ['additionalProperties', 'unevaluatedProperties']) {
      const rest = node[keyword]
      if (rest === false) return false
      if (typeof rest === 'object' && rest !== null) return rest as SchemaNode
    }
    return undefined
  }

  private itemsOf(node: SchemaNode): readonly SchemaNode[] {
    if (typeof node === 'boolean') return []
    const items = [node['items'], node['prefixItems']]
      .flat()
      .filter((each) => typeof each === 'object' && each !== null)
    return items.flatMap((each) => this.parts(each as SchemaNode, 0))
  }

  /** The node with what it refers to and what it is combined of. */
  private parts(node: SchemaNode, depth: number): readonly SchemaNode[] {
    if (typeof node === 'boolean' || depth > MOST_DEPTH) return [node]
    const reference = typeof node['$ref'] === 'string' ? this.resolve(node['$ref']) : undefined
    const others = COMBINED.flatMap((keyword) => (Array.isArray(node[keyword]) ? (node[keyword] as SchemaNode[]) : []))
    const inner = [...(reference === undefined ? [] : [reference]), ...others]
    return [node, ...inner.flatMap((each) => this.parts(each, depth + 1))]
  }

  /** `#/$defs/item`; others are the business of the compiler. */
  private resolve(reference: string): SchemaNode | undefined {
    if (!reference.startsWith('#')) return undefined
    let node: unknown = this.root
    for (const part of reference.slice(1).split('/').slice(1)) {
      const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
      if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return undefined
      node = (node as { readonly [name: string]: unknown })[name]
    }
    return typeof node === 'object' || typeof node === 'boolean' ? (node as SchemaNode) : undefined
  }
}

function objectAt(node: SchemaNode, keyword: string): { readonly [name: string]: unknown } | undefined {
  const value = typeof node === 'boolean' ? undefined : node[keyword]
  return typeof value === 'object' && value !== null ? (value as { readonly [name: string]: unknown }) : undefined
}

function matches(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(name)
  } catch {
    return false
  }
}
