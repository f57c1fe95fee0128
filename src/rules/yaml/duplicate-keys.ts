import { isScalar, visit } from 'yaml'
import type { Document, Scalar } from 'yaml'

/**
 * Keys that stand for the second time in one map of a YAML document. The parser's own check (`uniqueKeys`) compares each
 * key with every other: a file of 1 MiB would take it minutes.
 */
export function duplicateKeys(document: Document): readonly Scalar[] {
  const duplicates: Scalar[] = []
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        if (seen.has(key.value)) duplicates.push(key)
        seen.add(key.value)
      }
    },
  })
  return duplicates
}
