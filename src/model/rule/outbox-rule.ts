import { makeRule } from './made-rule.ts'
import type { MadeAction, MadeRule } from './made-rule.ts'
import type { Rule } from './rule.ts'

/**
 * Type of the one action of the rule that an outbox's rows are matched by. It is no action: what it renders of a row is the
 * event (an EventEnvelope) that the row stands for, which is matched in its place. A row of which none can be made is a dead
 * letter of it.
 */
export const OUTBOX_ACTION = 'outbox'

/** Where its dead letters wait for their store. Not "outbox", which a target of the configuration may be called. */
export const ROWS_TARGET = '(rows of outboxes)'

/** What happens to a row when everything that its event led to has ended. */
export type AfterRow = 'keep' | 'delete' | 'mark' | 'none'

/** `options` of the action. */
export interface OutboxOptions {
  /** As it is configured. */
  readonly table: string
  readonly after: AfterRow
  /** The table is one of ours, which no database has: its rows are nothing that rules for any table, or any event, see. */
  readonly isMade?: boolean
}

/** The rule that an outbox's rows are matched by. */
export function outboxRuleId(table: string): string {
  return `outbox ${table}`
}

/** A rule by whose action inserted rows become events. */
export function makeRowRule(
  of: Omit<MadeRule, 'operations' | 'listensTo'>,
  action: Pick<MadeAction, 'location' | 'reads' | 'bind' | 'options'>,
): Rule {
  const { matchesTable } = of
  return makeRule(
    {
      ...of,
      operations: new Set(['insert']),
      listensTo: (operation, schema, table) => operation === 'insert' && matchesTable(schema, table),
    },
    {
      identity: OUTBOX_ACTION,
      target: { id: ROWS_TARGET, type: OUTBOX_ACTION, options: {} },
      onFailure: 'skip',
      retry: { attempts: 1, maxAgeMs: Infinity, minMs: 1, maxMs: 1 },
      timeoutMs: 1_000,
      ...action,
    },
  )
}

export function isOutboxRule({ actions }: Rule): boolean {
  return actions[0]?.type === OUTBOX_ACTION
}

/** The rules that see rows of a table, of those that match it. */
export function rulesOfRows(matching: readonly Rule[]): readonly Rule[] {
  const made = matching.find((rule) => isOutboxRule(rule) && (rule.actions[0]!.options as OutboxOptions).isMade)
  return made === undefined ? matching : [made]
}

const POLLED = 'polled '

/** The schema that rows of a table have which is polled: no binlog has such a one. */
export function polledSchema(schema: string): string {
  return `${POLLED}${schema}`
}

/** As the database calls it. */
export function unpolledSchema(schema: string): string {
  return schema.startsWith(POLLED) ? schema.slice(POLLED.length) : schema
}
