import type { Transaction } from '../change.ts'
import { isoMicroseconds, stringifyValue } from '../forms/event-json.ts'

/** UTF-8 in words of eight bytes, of which the last is filled up with zeros. */
export interface WordText {
  readonly words: Float64Array
  readonly length: number
}

/** What is the same in the JSON of every row event of a transaction and a statement. */
export interface EventHead {
  /** From the first byte to the ordinal in the id. */
  readonly id: WordText
  /** From the end of `changed` to the ordinal. */
  readonly origin: WordText
  /** From behind the ordinal to the last byte. */
  readonly query: WordText
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
  const head = wordText(`{"id":"${idText}/`)
  const origin = wordText(
    `],"ts":"${isoMicroseconds(timestampUs)}","gtid":${stringifyValue(gtid)}` +
      `,"position":{"file":${JSON.stringify(file)},"offset":${offset}}` +
      `,"serverId":${serverId},"txId":"${idText}","seq":`,
  )
  const tail = wordText(`,"query":${stringifyValue(query)}}`)
  return { id: head, origin, query: tail, bytes: head.length + origin.length + tail.length }
}

export function wordText(text: string): WordText {
  const bytes = Buffer.from(text)
  const words = new Float64Array(Math.ceil(bytes.length / 8))
  new Uint8Array(words.buffer).set(bytes)
  return { words, length: bytes.length }
}
