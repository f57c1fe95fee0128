import { exactJson } from '../../../model/json/strict-json.ts'
import type { BrokerRecord, RecordFormat } from '../contract.ts'

/** An entry of a stream; null: it was deleted while it was pending. */
export interface StreamEntry {
  readonly id: string
  readonly fields: readonly (readonly [name: string, value: Buffer])[] | null
}

/** Fields that mostly hold what an entry is about. */
const VALUES = ['value', 'data', 'payload', 'event', 'message', 'body'] as const

/** From a reply: `[id, [field, value, …]]`. */
export function entryOf(reply: unknown): StreamEntry {
  const [id, flat] = reply as [Buffer, Buffer[] | null]
  if (flat === null) return { id: String(id), fields: null }
  const fields: [string, Buffer][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) fields.push([String(flat[i]), flat[i + 1]!])
  return { id: String(id), fields }
}

export interface EntryOptions {
  readonly format: RecordFormat
  /** The field that is the value; null: found out. */
  readonly field: string | null
}

/** One field is the value, `key` is the key, and the others are headers. */
export function recordOfEntry(stream: string, { id, fields }: StreamEntry, options: EntryOptions): BrokerRecord {
  const all = fields ?? []
  const field = valueField(all, options)
  const value = all.find(([name]) => name === field)?.[1] ?? wholeEntry(all)
  const headers = new Map(
    all.filter(([name]) => name !== field).map(([name, text]) => [name.toLowerCase(), String(text)]),
  )
  return {
    topic: stream,
    part: stream,
    place: id,
    at: Number(id.split('-')[0]),
    key: all.find(([name]) => name === 'key' && name !== field)?.[1] ?? null,
    value,
    headers,
  }
}

function valueField(fields: NonNullable<StreamEntry['fields']>, { format, field }: EntryOptions): string | undefined {
  if (field !== null) return field
  if (fields.length === 1) return fields[0]![0]
  // Any fields are an event there: only what is called so is the whole value.
  const known = format === 'json' ? VALUES.slice(0, 1) : VALUES
  return known.find((name) => fields.some(([each]) => each === name))
}

/** Fields that people wrote one by one, as an object of texts. */
function wholeEntry(fields: NonNullable<StreamEntry['fields']>): Buffer {
  return Buffer.from(exactJson(Object.fromEntries(fields.map(([name, value]) => [name, String(value)]))))
}
