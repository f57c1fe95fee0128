import type { OutboxConfig } from '../../app/config/outbox/contract.ts'
import { loggedOutboxes } from '../../app/outbox/outbox-work.ts'
import { rowRule } from '../../app/outbox/row-rule.ts'
import { EvaluationError } from '../../model/errors.ts'
import type { Change } from '../../model/event/change.ts'
import type { Operation } from '../../model/event/row.ts'
import type { EventEnvelope } from '../../model/event/posted/event-record.ts'
import { PostedEvent } from '../../model/event/posted/posted-event.ts'
import type { Rule } from '../../model/rule/rule.ts'
import type { TableDef } from '../../model/table/table.ts'

type Mapper = (change: Change) => unknown

/**
 * How inserted rows of outboxes are turned into the events that rules see in their place; null for other rows. A row that
 * makes none stays a row.
 */
export function outboxEvents(
  outboxes: readonly OutboxConfig[],
): (table: TableDef, op: Operation) => ((change: Change) => Change) | null {
  const rules = loggedOutboxes(outboxes).map(rowRule)
  return (table, op) => {
    const mapper = op === 'insert' ? mapperOf(rules, table) : null
    if (mapper === null) return null
    return (change) => {
      const event = orNull(() => mapper(change) as EventEnvelope)
      return event === null ? change : new PostedEvent(event, change.transaction, change.seq)
    }
  }
}

function mapperOf(rules: readonly Rule[], table: TableDef): Mapper | null {
  const rule = rules.find((each) => each.matchesTable(table.schema, table.name))
  return rule === undefined ? null : orNull(() => rule.actions[0]!.bind(table))
}

/** Null for a table that lacks a column and a row that is wrong: of these the daemon makes dead letters. */
function orNull<T>(work: () => T): T | null {
  try {
    return work()
  } catch (error) {
    if (error instanceof EvaluationError) return null
    throw error
  }
}
