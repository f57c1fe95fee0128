import type { ActionSpec } from '../../model/rule/action.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import { constant } from './piece.ts'
import type { Piece } from './piece.ts'

/** `headers:` of a broker message, rendered; one object for all events where there are none. */
export function compileHeaderMap(spec: ActionSpec, field: string): Piece<{ readonly [name: string]: string }> {
  const headers = [...(spec.templateMap(field) ?? [])]
  if (headers.length === 0) return constant({})
  return {
    reads: (table) => unionReads(headers.map(([, template]) => template.reads(table))),
    bind: (table) => {
      const bound = headers.map(([name, template]) => [name, template.bind(table)] as const)
      return (change) => Object.fromEntries(bound.map(([name, render]) => [name, render(change)]))
    },
  }
}
