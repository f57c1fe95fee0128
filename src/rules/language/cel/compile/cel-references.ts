import type { ColumnReads } from '../../../../model/rule/expression.ts'
import type { TableDef } from '../../../../model/table/table.ts'
import { childrenOf, isComprehension, OPTIONAL_ROWS } from '../cel-engine.ts'
import type { CelNode } from '../cel-engine.ts'
import { columnsOf } from '../../table-columns.ts'

/** Part of a change that names columns. */
export type Image = 'new' | 'old' | 'key' | 'changed'

/** A column that an expression names with a constant: `new.status`, `OldRow['status']`, `'status' in changed`. */
export interface ColumnReference {
  readonly image: Image
  readonly column: string
  /** Offset in the text. */
  readonly start: number
  /** `has(new.x)`, `'x' in new`: asks whether the column is there. */
  readonly test: boolean
  /** The constant, where the name is one. */
  readonly literal?: CelNode & { op: 'value' }
}

export interface References {
  readonly columns: readonly ColumnReference[]
  /** Images that are used as a whole or with a computed name. */
  readonly whole: ReadonlySet<Image>
}

const IMAGES: ReadonlyMap<string, Image> = new Map([
  ['new', 'new'],
  ['NewRow', 'new'],
  ['old', 'old'],
  ['OldRow', 'old'],
  ['key', 'key'],
  ['changed', 'changed'],
])

/** By the name that a variable has where it is asked for optionally. */
const OPTIONAL_IMAGES: ReadonlyMap<string, 'new' | 'old' | 'key'> = new Map(
  [...OPTIONAL_ROWS].map(([name, optional]) => [optional, IMAGES.get(name) as 'new' | 'old' | 'key']),
)

/** The image that an identifier stands for, if it is one. */
export function imageOf(node: CelNode): Image | undefined {
  return node.op === 'id' ? IMAGES.get(node.args) : undefined
}

/** `new.?x` or `new[?'x']` with a constant name. */
function optionalAccess(node: CelNode): ColumnReference | undefined {
  if ((node.op !== '.?' && node.op !== '[?]') || node.args[0].op !== 'id') return undefined
  const image = OPTIONAL_IMAGES.get(node.args[0].args)
  if (image === undefined) return undefined
  if (node.op === '.?') return { image, column: node.args[1], start: node.pos, test: true }
  const index = node.args[1]
  if (index.op !== 'value' || typeof index.args !== 'string') return undefined
  return { image, column: index.args, start: index.start, test: true }
}

/** `new.x` or `new['x']` with a constant name. */
export function columnAccess(node: CelNode): { image: 'new' | 'old' | 'key'; column: string } | undefined {
  if (node.op !== '.' && node.op !== '[]') return undefined
  const image = imageOf(node.args[0])
  if (image === undefined || image === 'changed') return undefined
  if (node.op === '.') return { image, column: node.args[1] }
  const index = node.args[1]
  return index.op === 'value' && typeof index.args === 'string' ? { image, column: index.args } : undefined
}

/** Finds everything that an expression reads of a change. */
export function findReferences(ast: CelNode): References {
  const columns: ColumnReference[] = []
  const whole = new Set<Image>()

  function walk(node: CelNode, shadowed: ReadonlySet<string>): void {
    if (node.op === 'id' && ALL_OF_IT.has(node.args) && !shadowed.has(node.args)) {
      for (const image of ['new', 'old'] as const) whole.add(image)
      return
    }
    if (isOwnMember(node, shadowed)) return
    if (node.op === 'id') {
      const image = IMAGES.get(node.args) ?? OPTIONAL_IMAGES.get(node.args)
      if (image !== undefined && !shadowed.has(node.args)) whole.add(image)
      return
    }
    const named = namedColumn(node)
    if (named !== undefined && !shadowed.has(named.name)) {
      columns.push(named.reference)
      return
    }
    if (isComprehension(node) && node.op === 'rcall') {
      const [, receiver, [variable, ...rest]] = node.args
      walk(receiver, shadowed)
      const inner = new Set([...shadowed, (variable as CelNode & { op: 'id' }).args])
      for (const child of rest) walk(child, inner)
      return
    }
    for (const child of childrenOf(node)) walk(child, shadowed)
  }

  walk(ast, new Set())
  return { columns, whole }
}

/** Variables of rules with `on` that hold the rows. */
const ALL_OF_IT: ReadonlySet<string> = new Set(['event', 'payload'])
/** What an event has besides its rows. */
const OWN_MEMBERS: ReadonlySet<string> = new Set(
  'id type source timestamp op schema table gtid serverId txId'.split(' '),
)

/** `event.type`: reads no columns. */
function isOwnMember(node: CelNode, shadowed: ReadonlySet<string>): boolean {
  if (node.op !== '.' || node.args[0].op !== 'id') return false
  return node.args[0].args === 'event' && !shadowed.has('event') && OWN_MEMBERS.has(node.args[1])
}

function namedColumn(node: CelNode): { name: string; reference: ColumnReference } | undefined {
  const optional = optionalAccess(node)
  if (optional !== undefined) return { name: nameOf((node as CelNode & { op: '.?' }).args[0]), reference: optional }
  const access = columnAccess(node)
  if (access !== undefined && (node.op === '.' || node.op === '[]')) {
    const start = node.op === '.' ? node.pos : node.args[1].start
    return { name: nameOf(node.args[0]), reference: { ...access, start, test: false } }
  }
  if (node.op === 'call' && node.args[0] === 'has' && node.args[1].length === 1) {
    const inner = namedColumn(node.args[1][0]!)
    return inner && { name: inner.name, reference: { ...inner.reference, test: true } }
  }
  if (node.op === 'in') {
    const [name, container] = node.args
    const image = imageOf(container)
    if (image !== undefined && name.op === 'value' && typeof name.args === 'string') {
      return {
        name: nameOf(container),
        reference: { image, column: name.args, start: name.start, test: image !== 'changed', literal: name },
      }
    }
  }
  return undefined
}

function nameOf(node: CelNode): string {
  return (node as CelNode & { op: 'id' }).args
}

/** The columns of this table that the references name; names that the table does not have are left out. */
export function readsOf(references: References, table: TableDef): ColumnReads {
  const { whole } = references
  const columns = columnsOf(table)
  const reads = { new: new Set<string>(), old: new Set<string>() }
  const both = (name: string): void => {
    reads.new.add(name)
    reads.old.add(name)
  }
  for (const { image, column } of references.columns) {
    const name = columns.find(column)?.name
    if (name === undefined) continue
    if (image === 'new' || image === 'old') reads[image].add(name)
    else both(name)
  }
  if (whole.has('key')) columns.key.forEach(both)
  return {
    new: whole.has('new') || whole.has('changed') ? 'all' : reads.new,
    old: whole.has('old') || whole.has('changed') ? 'all' : reads.old,
  }
}
