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
  /** Of all of them together. */
  readonly bytes: number
}

/** The same of a CloudEvent, whose data is the event. */
export interface CloudHead extends EventHead {
  /** From the first byte to the ordinal in the id. */
  readonly cloudId: WordText
  /** From behind the ordinal to the schema. */
  readonly source: WordText
  /** From behind the subject to the data. */
  readonly time: WordText
}

/** The same in the envelope of Debezium. */
export interface DebeziumHead {
  /** Times in the source. */
  readonly times: WordText
  /** From behind the table to the ordinal. */
  readonly place: WordText
  /** From behind the ordinal to the end of the source. */
  readonly query: WordText
  /** From behind the operation to the last byte. */
  readonly end: WordText
  readonly bytes: number
}

export const eventHead = lastOf((transaction, query): EventHead => withBytes(eventTexts(transaction, query)))

export const cloudHead = lastOf((transaction, query): CloudHead => {
  const { timestampUs, serverId } = transaction
  return withBytes({
    ...eventTexts(transaction, query),
    cloudId: wordText(`{"specversion":"1.0","id":"${idText(transaction)}/`),
    source: wordText(`","source":"/bingo/${serverId}/`),
    time: wordText(`"time":"${isoMicroseconds(timestampUs)}","datacontenttype":"application/json","data":`),
  })
})

export const debeziumHead = lastOf((transaction, query): DebeziumHead => {
  const { timestampUs, serverId, gtid, file, offset } = transaction
  const ms = `"ts_ms":${Math.floor(timestampUs / 1_000)}`
  return withBytes({
    times: wordText(`${ms},"ts_us":${timestampUs}`),
    place: wordText(
      `"server_id":${serverId},"gtid":${stringifyValue(gtid)},"file":${JSON.stringify(file)},"pos":${offset},"row":`,
    ),
    query: wordText(`,"thread":null,"query":${stringifyValue(query)}}`),
    end: wordText(`,${ms}}`),
  })
})

/** Made for the last ones asked for, as events come in the order of transactions and statements. */
function lastOf<Head>(make: (transaction: Transaction, query: string | null) => Head) {
  let lastTransaction: Transaction | null = null
  let lastQuery: string | null = null
  let last: Head | null = null
  return (transaction: Transaction, query: string | null): Head => {
    if (last === null || transaction !== lastTransaction || query !== lastQuery) {
      last = make(transaction, query)
      lastTransaction = transaction
      lastQuery = query
    }
    return last
  }
}

function eventTexts(transaction: Transaction, query: string | null): Omit<EventHead, 'bytes'> {
  const { timestampUs, gtid, file, offset, serverId } = transaction
  const id = idText(transaction)
  return {
    id: wordText(`{"id":"${id}/`),
    origin: wordText(
      `],"ts":"${isoMicroseconds(timestampUs)}","gtid":${stringifyValue(gtid)}` +
        `,"position":{"file":${JSON.stringify(file)},"offset":${offset}}` +
        `,"serverId":${serverId},"txId":"${id}","seq":`,
    ),
    query: wordText(`,"query":${stringifyValue(query)}}`),
  }
}

function idText({ id }: Transaction): string {
  return JSON.stringify(id).slice(1, -1)
}

function withBytes<Texts extends { readonly [name: string]: WordText }>(texts: Texts): Texts & { bytes: number } {
  return { ...texts, bytes: Object.values(texts).reduce((sum, { length }) => sum + length, 0) }
}

export function wordText(text: string): WordText {
  const bytes = Buffer.from(text)
  const words = new Float64Array(Math.ceil(bytes.length / 8))
  new Uint8Array(words.buffer).set(bytes)
  return { words, length: bytes.length }
}
