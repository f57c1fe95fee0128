/** The tables of events, as both flavours have them. Times are milliseconds since 1970. See ../sqlite/schema.ts. */
export interface EventTables {
  bingo_event_head: { id: number; seq: number; place: number; trimmed: number; events: number; bytes: number }
  bingo_events: {
    seq: number
    /** keyOfName */
    name: Text
    place: number
    created_at: number
    happened_at: number
    bytes: number
    environment: Text
    /** Cut where they are long (see `indexed`): what is exact stands in the envelope. */
    type: Text
    source: Text
    event_key: Text | null
    user_id: Text | null
    account_id: Text | null
    is_test: number
    envelope: Text
  }
  bingo_event_log: { place: number; event: number; appended_at: number }
  bingo_event_schedule: { due_at: number; event: number }
  bingo_event_progress: { event: number; status: string; data: Text }
  bingo_event_groups: { name: Text; up_to: number; holder: Text | null; holder_name: Text | null; lease_until: number }
  bingo_event_ahead: { name: Text; place: number }
  bingo_event_identity: { id: number; identity: string }
  bingo_event_partitions: {
    name: Text
    part: number
    holder: Text | null
    holder_name: Text | null
    lease_until: number
  }
  bingo_event_members: { name: Text; holder: Text; holder_name: Text; lease_until: number }
}

/** What PostgreSQL has to be told of a list of values. */
export type ColumnType = 'bigint' | 'integer' | 'text'

/** Bytes in MySQL, whose texts have a collation; text in PostgreSQL. Written as a string, always. */
export type Text = string | Uint8Array

export function textOf(value: Text): string {
  return typeof value === 'string' ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()
}

const LONGEST = 200

/** What of a text stands in a column to be searched: PostgreSQL knows no U+0000. */
export function indexed(text: string): string {
  return text.slice(0, LONGEST).replaceAll('\u0000', '\ufffd')
}

/** Whether a column shows the text as it was. */
export function isExact(column: string): boolean {
  return column.length < LONGEST && !column.includes('\ufffd')
}
