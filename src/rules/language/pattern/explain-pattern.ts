import type { Value } from '../../../model/event/row.ts'
import type { ExplainedClause } from '../../../model/rule/expression.ts'
import { compilePattern, fieldReader } from './match-pattern.ts'
import type { PatternNode } from './pattern.ts'
import { printPattern } from './print-pattern.ts'

/** What each clause of a pattern says of a value. A map over a list counts as one: one element has to satisfy all of it. */
export function explainPattern(node: PatternNode, value: Value, path: string): readonly ExplainedClause[] {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (node.tag === 'map' && node.entries.length > 0 && isMap) {
    const fields = value as { readonly [name: string]: Value }
    return node.entries.flatMap(({ key, node: inner }) =>
      explainPattern(inner, fieldReader(key)(fields), `${path}.${key}`),
    )
  }
  return [{ path, source: printPattern(node), holds: compilePattern(node)(value), value, location: node.location }]
}
