import { cloudHead, debeziumHead, eventHead } from '../../../../model/event/bytes/event-head.ts'
import type { CloudHead, DebeziumHead, EventHead } from '../../../../model/event/bytes/event-head.ts'
import type { EventFormat } from '../../../../model/event/bytes/image-change.ts'
import type { TableDef } from '../../../../model/table/table.ts'
import type { RowShape } from '../rows/row-decoder.ts'
import type { Part } from './parts.ts'

/** What stands in an event of a row and its table, as code that writes it. What is asked for is made room for. */
export interface RowParts {
  before(): readonly Part[]
  /** Behind `before`, of which it copies what did not change. */
  after(): readonly Part[]
  key(): readonly Part[]
  changed(): readonly Part[]
  /** Values of the key, joined by commas and without quotes; null: it is not in the images. */
  keyText(): readonly Part[] | null
  /** Ordinal of the change. */
  seq(): Part
  /** A text of the head. */
  head(name: string): Part
}

/** Heads, and the parts of an event in the order in which they are written; null where rows have to be decoded. */
export interface Format {
  readonly head: (...args: Parameters<typeof eventHead>) => { readonly bytes: number }
  parts(row: RowParts, table: TableDef, op: RowShape['op']): readonly Part[] | null
}

const EVENT: Format = {
  head: eventHead,
  parts: eventParts,
}

/** forms/event-json.ts: `stringifyEvent`. */
function eventParts(row: RowParts, { schema, name }: TableDef, op: RowShape['op']): readonly Part[] {
  const of = (text: keyof EventHead): Part => row.head(text)
  const head = `","op":"${op}","schema":${JSON.stringify(schema)},"table":${JSON.stringify(name)},"key":`
  return [
    of('id'),
    row.seq(),
    { text: head },
    ...row.key(),
    { text: ',"old":' },
    ...row.before(),
    { text: ',"new":' },
    ...row.after(),
    { text: ',"changed":' },
    ...row.changed(),
    of('origin'),
    row.seq(),
    of('query'),
  ]
}

/** forms/cloud-event.ts. */
const CLOUD_EVENT: Format = {
  head: cloudHead,
  parts(row, table, op) {
    const { schema, name, key } = table
    const keyText = key.length === 0 ? [] : row.keyText()
    if (keyText === null) return null
    const of = (text: keyof CloudHead): Part => row.head(text)
    const source = JSON.stringify(encodeURIComponent(schema)).slice(1)
    const subject = key.length === 0 ? [] : [{ text: '"subject":"' }, ...keyText, { text: '",' }]
    return [
      of('cloudId'),
      row.seq(),
      of('source'),
      { text: `${source},"type":${JSON.stringify(`${schema}.${name}.${op}`)},` },
      ...subject,
      of('time'),
      ...eventParts(row, table, op),
      { text: '}' },
    ]
  },
}

const OPERATIONS: { readonly [op in RowShape['op']]: string } = { insert: 'c', update: 'u', delete: 'd' }

/** forms/debezium-event.ts. */
const DEBEZIUM: Format = {
  head: debeziumHead,
  parts(row, { schema, name, flavour }, op) {
    const of = (text: keyof DebeziumHead): Part => row.head(text)
    return [
      { text: '{"before":' },
      ...row.before(),
      { text: ',"after":' },
      ...row.after(),
      { text: `,"source":{"version":"bingo","connector":"${flavour}","name":"bingo",` },
      of('times'),
      { text: `,"snapshot":"false","db":${JSON.stringify(schema)},"sequence":null,"table":${JSON.stringify(name)},` },
      of('place'),
      row.seq(),
      of('query'),
      { text: `,"transaction":null,"op":"${OPERATIONS[op]}"` },
      of('end'),
    ]
  },
}

export const FORMATS: { readonly [format in EventFormat]: Format } = {
  event: EVENT,
  cloudevents: CLOUD_EVENT,
  debezium: DEBEZIUM,
}
