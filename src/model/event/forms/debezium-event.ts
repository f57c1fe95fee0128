import type { Change } from '../change.ts'
import type { Operation, Row } from '../row.ts'
import { EvaluationError } from '../../errors.ts'
import { stringifyValue } from './event-json.ts'
import type { EventEnvelope } from '../posted/event-record.ts'
import { envelopeOf } from '../posted/posted-event.ts'
import { keyOf } from '../row-key.ts'

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

/**
 * A posted event as Debezium's connectors have what was written to the log without a table: a message, with its type as
 * prefix (debezium.io, "Debezium connector for PostgreSQL", "Message events").
 */
export interface DebeziumMessage {
  readonly source: {
    readonly version: string
    readonly connector: string
    readonly name: string
    readonly ts_ms: number
    readonly snapshot: 'false'
    readonly db: string
  }
  readonly transaction: null
  readonly op: 'm'
  readonly ts_ms: number
  readonly message: {
    readonly prefix: string
    /** The payload as JSON, in base64. */
    readonly content: string
  }
}

function toDebeziumMessage({ type, source, environment, timestamp, payload }: EventEnvelope): DebeziumMessage {
  return {
    source: {
      version: 'bingo',
      connector: 'bingo',
      name: source,
      ts_ms: timestamp,
      snapshot: 'false',
      db: environment,
    },
    transaction: null,
    op: 'm',
    ts_ms: timestamp,
    message: { prefix: type, content: Buffer.from(stringifyValue(payload)).toString('base64') },
  }
}

/** Throws EvaluationError for what Debezium has no event for. */
export function toDebeziumEvent(change: Change): DebeziumEvent | DebeziumMessage {
  const envelope = envelopeOf(change)
  return envelope === null ? toDataChange(change) : toDebeziumMessage(envelope)
}

function toDataChange({ table, op, transaction, seq, old, new: new_, query }: Change): DebeziumEvent {
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
