import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { ColumnError } from '../../rules/language/column-errors.ts'
import type { Change } from '../../model/event/change.ts'
import type { EventEnvelope } from '../../model/event/posted/event-record.ts'
import { DEFAULT_ENVIRONMENT } from '../../model/event/posted/posted-event.ts'
import { EvaluationError } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import {
  makeRowRule,
  outboxRuleId,
  polledSchema,
  unpolledSchema,
  type OutboxOptions,
} from '../../model/rule/outbox-rule.ts'
import type { Rule } from '../../model/rule/rule.ts'
import type { ColumnReads } from '../../model/rule/expression.ts'
import { READS_WHOLE_ROW } from '../../model/table/column-reads.ts'
import type { TableDef } from '../../model/table/table.ts'
import { namedColumns, rowMapper } from '../../outbox/mapping/row-mapper.ts'
import { columnOf } from './column-kinds.ts'
import { compileTablePattern } from '../../rules/table-pattern.ts'
import type { OutboxConfig } from '../config/outbox/contract.ts'

/** The rule by which rows of an outbox become events. Its UPDATEs make none: what was committed is not said otherwise. */
export function rowRule(outbox: OutboxConfig): Rule {
  const { table, after, tableLocation, polling } = outbox
  return makeRowRule(
    {
      id: outboxRuleId(table),
      location: outbox.location,
      version: createHash('sha256').update(outbox.written).digest('hex').slice(0, 12),
      matchesTable: matcherOf(outbox),
    },
    {
      location: tableLocation,
      reads: (read) => readsOf(outbox, read),
      bind: (bound) => bindMapper(outbox, bound),
      options: { table, after, isMade: polling !== undefined } satisfies OutboxOptions,
    },
  )
}

/** Rows that are polled and rows of the binlog are told apart, whatever the tables are called. */
function matcherOf({ table, polling }: OutboxConfig): (schema: string, table: string) => boolean {
  if (polling === undefined) return compileTablePattern(table)!
  const polled = polledSchema(polling.schema)
  return (schema, name) => schema === polled && name === polling.name
}

function readsOf({ mapping }: OutboxConfig, table: TableDef): ColumnReads {
  if (mapping.fields.payload === null) return READS_WHOLE_ROW
  const named = new Set(namedColumns(mapping).map((name) => name.toLowerCase()))
  const columns = table.columns.filter(({ name }) => named.has(name.toLowerCase()))
  return { new: new Set(columns.map(({ name }) => name)), old: new Set() }
}

/** Throws for a column that the table lacks: `check` tells it, and every row is a dead letter. */
function bindMapper({ mapping, tableLocation }: OutboxConfig, table: TableDef): (change: Change) => EventEnvelope {
  const mapper = rowMapper(mapping, table.columns.map(columnOf))
  const [missing] = mapper.missing
  if (missing !== undefined) throw missingColumn(missing, table, tableLocation)
  const of = {
    table: `${unpolledSchema(table.schema)}.${table.name}`,
    instanceId: hostname(),
    environment: DEFAULT_ENVIRONMENT,
  }
  return (change) => {
    const { id, at } = change
    const mapped = mapper.map(change.new!, { ...of, id, at })
    if (mapped.tag === 'event') return mapped.event
    throw new EvaluationError(
      'BINGO_OUTBOX_ROW_INVALID',
      `the row of the outbox makes no event: ${mapped.column}: ${mapped.message}`,
    )
  }
}

function missingColumn(name: string, { schema, name: table, columns }: TableDef, at: OutboxConfig['location']): Error {
  const names = columns.map((column) => column.name)
  const nearest = nearestName(name, names)
  const hint =
    nearest === undefined ? `it has ${names.join(', ')}; see shape in docs/outbox.md` : `did you mean "${nearest}"?`
  return new ColumnError(
    'BINGO_UNKNOWN_COLUMN',
    `${schema}.${table} has no column "${name}", which its outbox needs`,
    at,
    hint,
  )
}
