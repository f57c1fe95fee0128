import type { Change, Operation, Row } from './change.ts'
import { EvaluationError } from '../errors.ts'
import { stringifyValue } from './event-json.ts'
import { keyOf } from './row-key.ts'

/**
 * A change in the envelope of Debezium's MySQL and MariaDB connectors, as their JSON converter writes it without schemas
 * (debezium.io, "Debezium connector for MySQL", "Data change events"). Values are written as in BinGo's own events.
 */
export interface DebeziumEvent {
  readonly before?: Row | null
  readonly after?: Row | null
  readonly source: {
    readonly version: string
    readonly connector: string
    readonly name: string
    /** Time of the commit. */
    readonly ts_ms: number
    readonly ts_us: number
    readonly snapshot: 'false'
    readonly db: string
    readonly sequence: null
    readonly table: string
    readonly server_id: number
    readonly gtid: string | null
    readonly file: string
    readonly pos: number
    readonly row: number
    readonly thread: null
    readonly query: string | null
  }
  readonly transaction: null
  readonly op: 'c' | 'u' | 'd' | 't'
  /** As in `source`: the time of sending would make each attempt another message. */
  readonly ts_ms: number
}

const OPERATIONS: { readonly [operation in Operation]?: DebeziumEvent['op'] } = {
  insert: 'c',
  update: 'u',
  delete: 'd',
  truncate: 't',
}

/** Throws EvaluationError for what Debezium has no data change event for. */
export function toDebeziumEvent({ table, op, transaction, seq, old, new: new_, query }: Change): DebeziumEvent {
  const operation = OPERATIONS[op]
  if (operation === undefined) {
    throw new EvaluationError('BINGO_DEBEZIUM_OPERATION', `Debezium has no data change event for ${op}`, {
      hint: 'list INSERT, UPDATE, DELETE or TRUNCATE in `events`, and give DDL and GAP a rule of their own',
    })
  }
  const { timestampUs } = transaction
  const tsMs = Math.floor(timestampUs / 1_000)
  return {
    ...(operation !== 't' && { before: old, after: new_ }),
    source: {
      version: 'bingo',
      connector: table.flavour,
      name: 'bingo',
      ts_ms: tsMs,
      ts_us: timestampUs,
      snapshot: 'false',
      db: table.schema,
      sequence: null,
      table: table.name,
      server_id: transaction.serverId,
      gtid: transaction.gtid,
      file: transaction.file,
      pos: transaction.offset,
      row: seq,
      thread: null,
      query,
    },
    transaction: null,
    op: operation,
    ts_ms: tsMs,
  }
}

/** The key of Debezium's records, a map of the primary key; null for what has none. */
export function debeziumKey({ table, old, new: new_ }: Change): string | null {
  const key = old === null && new_ === null ? null : keyOf(table, old, new_)
  return key === null ? null : stringifyValue(key)
}
