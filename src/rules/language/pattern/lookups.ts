import type { PatternLookup } from '../../../model/rule/expression.ts'
import { canonical } from './match-pattern.ts'
import type { PatternClause, PatternMap } from './pattern.ts'

/**
 * What has to hold for a pattern to match, as far as it can be looked up: of many patterns only those are evaluated whose
 * value is there. Each is enough for itself to leave a pattern out.
 */
export function lookupsOf(pattern: PatternMap, path: readonly string[] = []): readonly PatternLookup[] {
  return pattern.entries.flatMap(({ key, node }): readonly PatternLookup[] => {
    const inner = [...path, key]
    return node.tag === 'map' ? lookupsOf(node, inner) : lookupsOfClause(node, inner)
  })
}

function lookupsOfClause(clause: PatternClause, path: readonly string[]): readonly PatternLookup[] {
  if (clause.tag === 'any') return []
  if (clause.tag === 'values') return [{ path, by: 'value', values: clause.values.map(canonical) }]
  return clause.operators.flatMap(({ name, operand }): readonly PatternLookup[] => {
    switch (name) {
      case '$includes':
        return [{ path, by: 'element', values: [canonical(operand as string | number | bigint | boolean)] }]
      case '$startsWith':
        return operand === '' ? [] : [{ path, by: 'prefix', values: [operand as string] }]
      case '$endsWith':
        return operand === '' ? [] : [{ path, by: 'suffix', values: [operand as string] }]
      case '$gt':
      case '$gte':
        return [{ path, by: 'range', values: [operand as number | bigint, Infinity] }]
      case '$lt':
      case '$lte':
        return [{ path, by: 'range', values: [-Infinity, operand as number | bigint] }]
      case '$between':
        return [{ path, by: 'range', values: operand as readonly (number | bigint)[] }]
      default:
        return []
    }
  })
}
