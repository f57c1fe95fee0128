import type { Transaction } from '../change.ts'
import { isoMicroseconds, stringifyValue } from '../forms/event-json.ts'

/** What is the same in the JSON of every row event of a transaction and a statement. */
export interface EventHead {
  /** From the first byte to the ordinal in the id. */
  readonly id: Uint8Array
  /** From the end of `changed` to the ordinal. */
  readonly origin: Uint8Array
  /** From behind the ordinal to the last byte. */
  readonly query: Uint8Array
  /** Of all three together. */
  readonly bytes: number
}

/** The last one asked for, as events come in the order of transactions and statements. */
let lastTransaction: Transaction | null = null
let lastQuery: string | null = null
let last: EventHead | null = null

export function eventHead(transaction: Transaction, query: string | null): EventHead {
  if (last === null || transaction !== lastTransaction || query !== lastQuery) {
    last = headOf(transaction, query)
    lastTransaction = transaction
    lastQuery = query
  }
  return last
}

function headOf({ id, timestampUs, gtid, file, offset, serverId }: Transaction, query: string | null): EventHead {
  const idText = JSON.stringify(id).slice(1, -1)
  const head = Buffer.from(`{"id":"${idText}/`)
  const origin = Buffer.from(
    `],"ts":"${isoMicroseconds(timestampUs)}","gtid":${stringifyValue(gtid)}` +
      `,"position":{"file":${JSON.stringify(file)},"offset":${offset}}` +
      `,"serverId":${serverId},"txId":"${idText}","seq":`,
  )
  const tail = Buffer.from(`,"query":${stringifyValue(query)}}`)
  return { id: head, origin, query: tail, bytes: head.length + origin.length + tail.length }
}
