import type { ActionSpec } from '../../model/rule/action.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import { outboxHeaders } from '../../model/event/posted/outbox-event.ts'
import { isPosted } from '../../model/event/posted/posted-event.ts'
import type { Template } from '../../model/rule/expression.ts'
import { constant } from './piece.ts'
import type { Piece } from './piece.ts'
import { traceHeaders } from './trace-headers.ts'

type Headers = { readonly [name: string]: string }

/**
 * `headers:` of a broker message, rendered; one object for all rows where there are none. A posted event brings its
 * correlation, and the row of an outbox its headers, unless the rule writes a header of that name.
 */
export function compileHeaderMap(spec: ActionSpec, field: string): Piece<Headers> {
  const own = ownHeaders([...(spec.templateMap(field) ?? [])])
  const taken = new Set([...(spec.templateMap(field)?.keys() ?? [])].map((name) => name.toLowerCase()))
  return {
    reads: (table) => own.reads(table),
    bind: (table) => {
      const render = own.bind(table)
      if (!isPosted(table)) return render
      return (change) => ({
        ...untaken(outboxHeaders(change), taken),
        ...untaken(traceHeaders(change), taken),
        ...render(change),
      })
    },
  }
}

function untaken(headers: object, taken: ReadonlySet<string>): Headers {
  return Object.fromEntries(Object.entries(headers as Headers).filter(([name]) => !taken.has(name)))
}

function ownHeaders(headers: readonly (readonly [string, Template])[]): Piece<Headers> {
  if (headers.length === 0) return constant({})
  return {
    reads: (table) => unionReads(headers.map(([, template]) => template.reads(table))),
    bind: (table) => {
      const bound = headers.map(([name, template]) => [name, template.bind(table)] as const)
      return (change) => Object.fromEntries(bound.map(([name, render]) => [name, render(change)]))
    },
  }
}
