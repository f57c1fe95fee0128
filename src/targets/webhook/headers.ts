import type { ActionSpec } from '../../model/rule/action.ts'
import { EvaluationError } from '../../model/errors.ts'
import type { Change } from '../../model/event/change.ts'
import { outboxHeaders } from '../../model/event/posted/outbox-event.ts'
import { isPosted } from '../../model/event/posted/posted-event.ts'
import type { TableDef } from '../../model/table/table.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import { refuseFixedHeaders, type Wanted } from '../plan/fixed.ts'
import { constant } from '../plan/piece.ts'
import type { Piece } from '../plan/piece.ts'
import { traceHeaders } from '../plan/trace-headers.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What a header value may hold: no control characters, CR and LF above all (RFC 9110 section 5.5). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const FIXED_VALUE: Wanted = {
  pattern: VALUE,
  code: 'BINGO_RULE_WEBHOOK_HEADER',
  message: 'contains a character that headers do not allow, such as a line break',
  hint: 'check the secret: BinGo removes only the last line break of a file or variable',
}
/** Set by BinGo or the connection, never by a rule. */
const RESERVED =
  /^(host|content-length|content-encoding|transfer-encoding|connection|keep-alive|upgrade|expect|te|trailer|proxy-.*|webhook-.*)$/i
/** Fine as written by the operator, never from data. */
const NOT_FROM_DATA = /^(authorization|cookie)$/i

/** Headers as a flat list of names and values; one list for all events where no value has a template. */
export function compileHeaders(spec: ActionSpec): Piece<readonly string[]> {
  const headers = [...(spec.templateMap('headers') ?? [])]
  for (const [name, template] of headers) {
    const problem = problemOf(name, template.source.includes('{{'))
    if (problem) spec.fail('headers', 'BINGO_RULE_WEBHOOK_HEADER', `header ${JSON.stringify(name)} ${problem}`)
  }
  refuseFixedHeaders(spec, 'headers', FIXED_VALUE)
  if (headers.length === 0) return constant([])
  return {
    reads: (table) => unionReads(headers.map(([, template]) => template.reads(table))),
    bind: (table) => {
      const bound = headers.map(([name, template]) => ({ name, render: template.bind(table) }))
      return (change) => bound.flatMap(({ name, render }) => [name, checkedValue(name, render(change))])
    },
  }
}

/**
 * The correlation of a posted event, as headers of a request that holds it alone; a header of the rule with the same name
 * counts more.
 */
export function traceHeaderList(spec: ActionSpec, table: TableDef): (change: Change) => readonly string[] {
  if (!isPosted(table)) return () => []
  const taken = new Set([...(spec.templateMap('headers')?.keys() ?? [])].map((name) => name.toLowerCase()))
  return (change) =>
    [...Object.entries(outboxHeaders(change)).map(checkedHeader), ...Object.entries(traceHeaders(change))]
      .filter(([name]) => !taken.has(name.toLowerCase()))
      .flat()
}

/** Data decides what stands in headers of an outbox: not who is asked, nor on whose behalf. */
function checkedHeader([name, value]: readonly [string, string]): readonly [string, string] {
  const problem = problemOf(name, true)
  if (problem === null) return [name, checkedValue(name, value)]
  throw new EvaluationError(
    'BINGO_WEBHOOK_HEADER_INVALID',
    `a header of the outbox ${problem.replace('a template', 'data')}`,
  )
}

function problemOf(name: string, hasTemplate: boolean): string | null {
  if (!TOKEN.test(name)) return 'is not a valid header name'
  if (RESERVED.test(name)) return 'is reserved: BinGo sets it'
  if (hasTemplate && NOT_FROM_DATA.test(name)) return 'must not contain a template'
  return null
}

function checkedValue(name: string, value: string): string {
  if (VALUE.test(value)) return value
  throw new EvaluationError(
    'BINGO_WEBHOOK_HEADER_INVALID',
    `header ${name} contains a character that headers do not allow`,
  )
}
