import { SizedChange } from '../../model/event/sized-change.ts'
import type { Transaction } from '../../model/event/change.ts'
import type { Row, Value } from '../../model/event/row.ts'
import type { TableDef } from '../../model/table/table.ts'
import { defineTable } from '../custom/table.ts'
import { placeIdOf } from './codec/record-origin.ts'
import type { BrokerRecord } from './contract.ts'

const RECORDS = 'records'
const HELD_PER_BYTE = 3

/** The schema of the table that unreadable records of a source stand in: no server has such a one. */
export function recordSchema(source: string): string {
  return `source ${source}`
}

export function isRecordTable(source: string, schema: string, table: string): boolean {
  return schema === recordSchema(source) && table === RECORDS
}

export function recordTable(source: string): TableDef {
  return defineTable({
    schema: recordSchema(source),
    name: RECORDS,
    columns: {
      part: 'string',
      place: 'string',
      topic: 'string',
      at: 'int',
      key: 'string',
      value: 'string',
      headers: 'json',
    },
    key: ['part', 'place'],
  })
}

/** A record as the INSERT of a row, with its bytes in base64: that is what its dead letter holds. */
export function recordChange(table: TableDef, record: BrokerRecord): SizedChange {
  const { part, place, topic, at, key, value, headers } = record
  const row: Row = {
    part,
    place,
    topic,
    at,
    key: key && Buffer.from(key).toString('base64'),
    value: value && Buffer.from(value).toString('base64'),
    headers: Object.fromEntries(headers),
  }
  const size = (value?.byteLength ?? 0) * HELD_PER_BYTE + 1_024
  return new SizedChange(size, table, 'insert', transactionOf(record), 0, null, row, null)
}

function transactionOf(record: BrokerRecord): Transaction {
  return {
    id: placeIdOf(record),
    gtid: null,
    file: '',
    offset: 0,
    serverId: 0,
    timestampUs: record.at * 1_000,
    query: null,
  }
}

/** The record that a row of `recordTable` stands for. */
export function recordOfRow(row: Row): BrokerRecord {
  const bytes = (value: Value): Uint8Array | null => (typeof value === 'string' ? Buffer.from(value, 'base64') : null)
  return {
    part: row['part'] as string,
    place: row['place'] as string,
    topic: row['topic'] as string,
    at: Number(row['at']),
    key: bytes(row['key']),
    value: bytes(row['value']),
    headers: new Map(Object.entries((row['headers'] ?? {}) as { readonly [name: string]: string })),
  }
}
