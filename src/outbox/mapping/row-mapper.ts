import type { Value } from '../../model/event/row.ts'
import type { EventEnvelope } from '../../model/event/posted/event-record.ts'
import type {
  AdditionalField,
  FieldSource,
  MappedRow,
  OptionalText,
  OutboxColumn,
  OutboxMapping,
  OutboxRow,
  RowMapper,
  RowOrigin,
} from './contract.ts'
import { OPTIONAL_TEXTS } from './contract.ts'
import { headersOf, isBlank, momentOf, payloadOf, textOf, withoutNulls } from './values.ts'

/** What posted events may have (events/post-schema.ts): rules, stores and targets rely on it. */
const TYPE = /^[^\s.*"\p{Cc}\p{Cs}]+(\.[^\s.*"\p{Cc}\p{Cs}]+)*$/u
const ID = /^[^\s\p{Cc}\p{Cs}]+$/u
const NUMBER = /^\d+$/
const WORD = /^[^\p{Cc}\p{Cs}]+$/u
const HEADER = /^[^\s:\p{Cc}\p{Cs}]+$/u
const OWN_HEADERS = /^bingo-/i
const MOST = { id: 255, type: 256, key: 512, topic: 255, word: 255, header: 255 } as const

/** Thrown within this file only. */
class Refused extends Error {
  readonly column: string

  constructor(column: string, message: string) {
    super(message)
    this.column = column
  }
}

/** Maps the rows of a table with these columns. Names of columns differ in letter case without being others. */
export function rowMapper(mapping: OutboxMapping, columns: readonly OutboxColumn[]): RowMapper {
  return new TableMapper(mapping, columns)
}

class TableMapper implements RowMapper {
  readonly missing: readonly string[]
  readonly #mapping: OutboxMapping
  readonly #columns: ReadonlyMap<string, OutboxColumn>

  constructor(mapping: OutboxMapping, columns: readonly OutboxColumn[]) {
    this.#mapping = mapping
    this.#columns = new Map(columns.map((column) => [column.name.toLowerCase(), column]))
    const optional = new Set([...mapping.optional].map((name) => name.toLowerCase()))
    this.missing = namedColumns(mapping).filter(
      (name) => !this.#columns.has(name.toLowerCase()) && !optional.has(name.toLowerCase()),
    )
  }

  map(row: OutboxRow, origin: RowOrigin): MappedRow {
    const [missing] = this.missing
    if (missing !== undefined) return { tag: 'refused', column: missing, message: 'the table has no such column' }
    try {
      return { tag: 'event', event: this.#event(row, origin) }
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return { tag: 'refused', column: error.column, message: error.message }
    }
  }

  #event(row: OutboxRow, origin: RowOrigin): EventEnvelope {
    const { fields, source, additional } = this.#mapping
    const topic = this.#topic(row)
    const texts = Object.fromEntries(
      OPTIONAL_TEXTS.map((name) => [name, this.#optional(row, fields.texts[name] ?? null, MOST.word, WORD)]),
    ) as Record<OptionalText, string | null>
    const envelope = this.#placed(row, additional, 'envelope')
    return {
      id: this.#id(row, origin),
      type: this.#type(row),
      source,
      key: this.#optional(row, fields.key, MOST.key, WORD),
      payload: this.#payload(row),
      context: {
        outbox: this.#mapping.table,
        topic,
        headers: this.#headers(row),
        ...(envelope.length > 0 && { envelope: Object.fromEntries(envelope) }),
      },
      metadata: {},
      ...texts,
      instanceId: origin.instanceId,
      environment: origin.environment,
      hops: 0,
      timestamp: this.#timestamp(row) ?? Math.floor(origin.at),
      deliverAt: null,
      isTest: false,
    }
  }

  /** A number counts the rows of its table, and is that of other rows elsewhere: receivers know events by their id alone. */
  #id(row: OutboxRow, origin: RowOrigin): string {
    const { id: from } = this.#mapping.fields
    if (from === null) return origin.id
    const id = this.#required(row, from, MOST.id, ID)
    return NUMBER.test(id) ? `${origin.table}:${id}` : id
  }

  #type(row: OutboxRow): string {
    const { type, typeElse } = this.#mapping.fields
    const isThere = typeElse === null || !isBlank(this.#valueOf(row, type))
    return this.#required(row, isThere ? type : typeElse, MOST.type, TYPE)
  }

  /** A topic that is named must be there: whoever sends to `{{topic}}` would send it nowhere. */
  #topic(row: OutboxRow): string | null {
    const { fields, route } = this.#mapping
    if (fields.topic === null) return null
    const topic = this.#required(row, fields.topic, MOST.topic, WORD)
    return route === null ? topic : route(topic)
  }

  #payload(row: OutboxRow): Value {
    const { fields, expand, tombstone, dropNulls } = this.#mapping
    if (fields.payload === null) return row
    const value = this.#valueOf(row, fields.payload)
    if (tombstone && isBlank(value)) return null
    if (value === null || value === undefined) throw new Refused(nameOf(fields.payload), 'it is NULL')
    const payload = payloadOf(value, this.#kindOf(fields.payload), expand)
    if (tombstone && isBlank(payload)) return null
    return dropNulls ? withoutNulls(payload) : payload
  }

  #headers(row: OutboxRow): { readonly [name: string]: string } {
    const { headers: from } = this.#mapping.fields
    const headers = from === null ? {} : headersOf(this.#valueOf(row, from), this.#kindOf(from))
    if (headers === undefined) throw new Refused(nameOf(from!), 'it is not a JSON object')
    for (const [name, value] of this.#placed(row, this.#mapping.additional, 'header')) headers[name] = value as string
    for (const name of Object.keys(headers)) {
      if (name.length <= MOST.header && HEADER.test(name) && !OWN_HEADERS.test(name)) continue
      const column = from === null ? 'additional' : nameOf(from)
      throw new Refused(column, 'it has a header whose name is not valid (blanks, colons, or "bingo-" before it)')
    }
    return headers
  }

  /** Headers hold texts, an envelope what is in the column. NULL is left out of headers. */
  #placed(
    row: OutboxRow,
    fields: readonly AdditionalField[],
    placement: AdditionalField['placement'],
  ): readonly (readonly [string, Value])[] {
    return fields.flatMap(({ column, name, placement: its }) => {
      if (its !== placement) return []
      const value = this.#valueOf(row, { column }) ?? null
      const kind = this.#kindOf({ column })
      if (placement === 'envelope') return [[name, kind === 'binary' ? (textOf(value, kind) ?? null) : value] as const]
      const text = textOf(value, kind)
      return text === undefined ? [] : [[name, text] as const]
    })
  }

  #timestamp(row: OutboxRow): number | undefined {
    const { timestamp } = this.#mapping.fields
    if (timestamp === null) return undefined
    const value = this.#valueOf(row, timestamp)
    if (value === null || value === undefined) return undefined
    const moment = momentOf(value)
    if (moment === undefined) throw new Refused(nameOf(timestamp), 'it is not a time between 1970 and 9999')
    return moment
  }

  #required(row: OutboxRow, from: FieldSource, most: number, pattern: RegExp): string {
    const text = this.#optional(row, from, most, pattern)
    if (text === null) throw new Refused(nameOf(from), 'it is NULL or empty')
    return text
  }

  #optional(row: OutboxRow, from: FieldSource | null, most: number, pattern: RegExp): string | null {
    if (from === null) return null
    const text = textOf(this.#valueOf(row, from), this.#kindOf(from))
    if (text === undefined || text === '') return null
    if (text.length > most) throw new Refused(nameOf(from), `it is longer than ${most} characters`)
    if (!pattern.test(text)) throw new Refused(nameOf(from), PROBLEMS.get(pattern)!)
    return text
  }

  #valueOf(row: OutboxRow, from: FieldSource): Value {
    if ('value' in from) return from.value
    const column = this.#columns.get(from.column.toLowerCase())
    return column === undefined ? undefined : row[column.name]
  }

  #kindOf(from: FieldSource): OutboxColumn['kind'] {
    return 'value' in from ? 'other' : (this.#columns.get(from.column.toLowerCase())?.kind ?? 'other')
  }
}

const PROBLEMS: ReadonlyMap<RegExp, string> = new Map([
  [TYPE, 'it is not a type of events: words joined by single dots, without blanks and wildcards'],
  [ID, 'it has blanks or control characters'],
  [WORD, 'it has control characters'],
])

function nameOf(from: FieldSource): string {
  return 'column' in from ? from.column : 'a fixed value'
}

/** Every column that the configuration names. */
export function namedColumns({ fields, additional }: OutboxMapping): readonly string[] {
  const { texts, ...others } = fields
  const sources = [...Object.values(others), ...Object.values(texts)]
  const names = sources.flatMap((from) => (from !== null && 'column' in from ? [from.column] : []))
  return [...new Set([...names, ...additional.map(({ column }) => column)])]
}
