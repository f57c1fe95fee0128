import type { Row, RowOp } from '../../model/event/row.ts'
import type { Gap } from '../../model/event/gap.ts'
import type { EventEnvelope } from '../../model/event/posted/event-record.ts'
import type { TableDef } from '../../model/table/table.ts'

export const RECORD_FORMATS = ['bingo', 'debezium', 'cloudevents', 'json'] as const
export type RecordFormat = (typeof RECORD_FORMATS)[number]

/** A record of a broker, as it came. */
export interface BrokerRecord {
  /** The topic, the subject or the key of the stream. */
  readonly topic: string
  /** What it is ordered in: `shop.orders/3`. With `place` unique in the source, and the same after any restart. */
  readonly part: string
  /** Offset, sequence or id, as the broker has it. */
  readonly place: string
  /** When it was stored, milliseconds since 1970. */
  readonly at: number
  readonly key: Uint8Array | null
  /** What events without a key are ordered by; absent: nothing. */
  readonly orderedBy?: string
  /** Null: a tombstone. */
  readonly value: Uint8Array | null
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
}

/** One thing that a record says. */
export type Decoded =
  | { readonly tag: 'row'; readonly row: DecodedRow; readonly origin: Origin }
  | { readonly tag: 'statement'; readonly statement: DecodedStatement; readonly origin: Origin }
  | { readonly tag: 'event'; readonly event: EventEnvelope }

export interface DecodedRow {
  readonly table: TableDef
  readonly op: RowOp
  readonly old: Row | null
  readonly new: Row | null
}

export interface DecodedStatement {
  readonly kind: 'truncate' | 'ddl'
  readonly schema: string
  readonly tables: readonly { readonly schema: string; readonly table: string }[]
  readonly sql: string
}

/** Where a row was changed, as far as the record tells. */
export interface Origin {
  /** With `seq` the id of the event. */
  readonly txId: string
  readonly seq: number
  readonly timestampUs: number
  readonly gtid: string | null
  readonly file: string
  readonly offset: number
  readonly serverId: number
  readonly query: string | null
}

/**
 * The right to work on a part, from when it was given to this instance until it is taken away. What was read under a lease
 * that is lost is finished, but never acknowledged: somebody else reads it.
 */
export interface PartLease {
  readonly part: string
  lost: boolean
}

/** One step of reading. Places are those of the last record that is meant: reading goes on behind it. */
export type BrokerStep =
  /** Where a first start begins is known, and durable, before the first record. */
  | { readonly tag: 'began'; readonly places: ReadonlyMap<string, string> }
  | {
      readonly tag: 'records'
      readonly lease: PartLease
      readonly records: readonly BrokerRecord[]
      /** Behind the last record there may be something that is none, such as the end of a transaction. */
      readonly last: string
    }
  /** Records are gone that were never read. */
  | { readonly tag: 'gap'; readonly lease: PartLease; readonly gap: Gap; readonly last: string }
  /** Everything that is there was handed out, or not. */
  | { readonly tag: 'read'; readonly all: boolean }

/** By part: the last record up to which all are finished. */
export type Finished = ReadonlyMap<PartLease, string>

/** A broker with the topics that one source reads. Rejects with BingoErrors; retryable ones are retried. */
export interface BrokerReader {
  /** Printable, no secrets. */
  readonly description: string
  /**
   * Reads on where it was, until `signal` ends it. `stored`: where earlier runs of this instance had come to, by part; null
   * for the very first start. Called again after it has thrown.
   */
  read(stored: ReadonlyMap<string, string> | null, signal: AbortSignal): AsyncIterable<BrokerStep>
  /** Resolves when records may be handed in; undefined: they may. Not while parts move between instances. */
  ready(): Promise<void> | undefined
  /** Never throws: what cannot be acknowledged now is acknowledged with the next. */
  acknowledge(finished: Finished): void
  /** Acknowledges what is finished, and gives everything back. */
  close(): Promise<void>
}
