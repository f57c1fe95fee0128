import { kindOfMember } from '../../event-kinds.ts'
import type { KindRead } from '../../event-kinds.ts'
import { childrenOf, isComprehension, OPTIONAL_ROWS } from '../cel-engine.ts'
import type { CelNode } from '../cel-engine.ts'

/** The names that an optional access gives to variables, by which they are written. */
const WRITTEN: ReadonlyMap<string, string> = new Map([...OPTIONAL_ROWS].map(([name, optional]) => [optional, name]))

/** A path from a variable, and where it stands. */
interface FoundPath {
  readonly path: readonly string[]
  readonly offset: number
}

/** What an expression reads that only rows, or only posted events have, in the order of the text. */
export function readsOfKinds(ast: CelNode): readonly KindRead[] {
  return pathsIn(ast).flatMap(({ path, offset }) => {
    const isMember = path[0] === 'event'
    const known = kindOfMember(isMember ? path.slice(1) : path)
    const kind = known === undefined && isMember ? 'none' : known
    return kind === null || kind === undefined ? [] : [{ kind, text: path.slice(0, MOST_SHOWN).join('.'), offset }]
  })
}

const MOST_SHOWN = 4
const EVENT_ROOTS: ReadonlySet<string> = new Set(['event', 'payload', 'context', 'metadata', 'key'])

/** The paths into a posted event that an expression names: `payload.customer.id`. */
export function eventPaths(ast: CelNode): readonly (readonly string[])[] {
  return pathsIn(ast).flatMap(({ path }) => (EVENT_ROOTS.has(path[0]!) ? [path] : []))
}

export function pathsIn(ast: CelNode): readonly FoundPath[] {
  const found: FoundPath[] = []

  function walk(node: CelNode, shadowed: ReadonlySet<string>): void {
    const path = pathOf(node)
    if (path !== undefined) {
      if (!shadowed.has(path[0]!)) found.push({ path, offset: node.start })
      return
    }
    const variable = isComprehension(node) && node.op === 'rcall' ? node.args[2][0] : undefined
    if (variable?.op === 'id' && node.op === 'rcall') {
      walk(node.args[1], shadowed)
      const inner = new Set([...shadowed, variable.args])
      for (const child of node.args[2].slice(1)) walk(child, inner)
      return
    }
    for (const child of childrenOf(node)) walk(child, shadowed)
  }

  walk(ast, new Set())
  return found
}

/** `payload.customer['id']` as names, as far as they are constant; undefined for what does not begin with a variable. */
function pathOf(node: CelNode): readonly string[] | undefined {
  if (node.op === 'id') return [WRITTEN.get(node.args) ?? node.args]
  if (node.op === '.' || node.op === '.?') {
    const before = pathOf(node.args[0])
    return before && [...before, node.args[1]]
  }
  if (node.op === '[]' || node.op === '[?]') {
    const before = pathOf(node.args[0])
    const [, index] = node.args
    return before && index.op === 'value' && typeof index.args === 'string' ? [...before, index.args] : undefined
  }
  return undefined
}
