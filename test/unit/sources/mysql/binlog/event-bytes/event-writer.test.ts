import { describe, expect, it } from 'vitest'
import { BingoError } from '../../../../../../src/model/errors.ts'
import { ColumnType } from '../../../../../../src/model/table/column-type.ts'
import { ByteArena } from '../../../../../../src/model/event/bytes/byte-arena.ts'
import { compileEventWriter } from '../../../../../../src/sources/mysql/binlog/event-bytes/event-writer.ts'
import { eventsByBytes, eventsByValues, TRANSACTION } from '../../../../../support/event-as-json.ts'
import { inForm } from '../../../../../support/forms.ts'
import { Random } from '../../../../../support/random-tables.ts'
import { column, present, shapeOf, tableOf } from '../row-images.ts'
import { randomImages, randomShape, randomTable } from './random-images.ts'

const UTF8MB4 = 255
const TABLES = inForm({ short: 400, long: 5_000 })
const ROWS = 6

describe('Events written from bytes', () => {
  it('are those made of decoded values, byte for byte, for random tables, shapes and values of every type', () => {
    const random = new Random(20)
    const arena = new ByteArena()
    const seen = { rows: 0, bytes: 0, types: new Set<number>() }
    for (let i = 0; i < TABLES; i++) {
      const made = randomTable(random)
      const shape = randomShape(random, made.kinds.length)
      const images = randomImages(random, made, shape, ROWS)
      const query = random.pick([null, 'UPDATE users SET name = "é\n"'])
      const events = eventsByBytes(made.table, shape, images, query, arena)!
      expect(events).toEqual(eventsByValues(made.table, shape, images, query))
      seen.rows += events.length
      for (const event of events) seen.bytes += event.length
      for (const { type } of made.table.columns) seen.types.add(type)
    }
    expect(seen.rows).toBe(TABLES * ROWS)
    expect(seen.types.size).toBeGreaterThan(28)
  })

  it.each(['debezium', 'cloudevents'] as const)(
    'are in the format %s those made of decoded values as well',
    (format) => {
      const random = new Random(22)
      const arena = new ByteArena()
      let written = 0
      for (let i = 0; i < TABLES; i++) {
        const made = randomTable(random)
        // A document is no key.
        const key = made.table.key.filter((index) => made.table.columns[index]!.type !== ColumnType.JSON)
        const table = { ...made.table, key }
        const shape = randomShape(random, made.kinds.length)
        const images = randomImages(random, made, shape, ROWS)
        const query = random.pick([null, 'UPDATE users SET name = "é\n"'])
        const events = eventsByBytes(table, shape, images, query, arena, format)
        // A CloudEvent has the key as its subject, and images may lack it.
        if (format === 'cloudevents' && events === null) continue
        // A CloudEvent has columns of the key whose names are numbers in another order.
        const read = format === 'cloudevents' ? parsed : String
        expect(events?.map(read)).toEqual(eventsByValues(table, shape, images, query, format).map(read))
        written += 1
      }
      expect(written).toBeGreaterThan(TABLES / 2)
    },
  )

  it('end in the same error as the decoder for bytes that are no rows', () => {
    const random = new Random(21)
    let failed = 0
    for (let i = 0; i < TABLES; i++) {
      const made = randomTable(random)
      const shape = randomShape(random, made.kinds.length)
      const images = randomImages(random, made, shape, 1)
      for (let n = random.below(4); n > 0 && images.length > 0; n--)
        images[random.below(images.length)] = random.below(256)
      const cut = images.subarray(0, images.length - (random.chance(30) ? random.below(images.length + 1) : 0))
      const byValues = codeOf(() => eventsByValues(made.table, shape, cut))
      expect(codeOf(() => eventsByBytes(made.table, shape, cut))).toBe(byValues)
      if (byValues !== 'fine') failed += 1
    }
    expect(failed).toBeGreaterThan(TABLES / 20)
  })

  it('hold in a buffer that has room for all of it, however much has to be escaped', () => {
    const table = { ...tableOf(column('name', 15, 60_000, { collation: UTF8MB4 }), column('id', 1)), key: [0] }
    for (const length of [1, 2_000, 2_048, 2_049, 60_000]) {
      const name = Buffer.alloc(length, 1)
      const images = Buffer.concat([Buffer.of(0, length & 255, length >> 8), name, Buffer.of(7)])
      expect(eventsByBytes(table, shapeOf('insert'), images)).toEqual(eventsByValues(table, shapeOf('insert'), images))
    }
  })

  it('move to a new buffer as a whole, and leave those before them where they are', () => {
    const table = tableOf(
      column('id', 1),
      column('blob', 252, 2, { collation: 63 }),
      column('name', 15, 20, { collation: UTF8MB4 }),
    )
    const arena = new ByteArena(16, 64)
    const { write } = compileEventWriter(table, shapeOf('insert'))!
    const blob = Buffer.alloc(3_000, 5)
    const images = Buffer.concat([Buffer.of(0, 7, 3_000 & 255, 3_000 >> 8), blob, Buffer.of(1, 65)])
    const pieces = [0, 1, 2].map((seq) => arena.take(write(images, 0, images.length, TRANSACTION, seq, null, arena)))
    const [only] = eventsByValues(table, shapeOf('insert'), images)
    expect(pieces.map(String)).toEqual(
      [0, 1, 2].map((seq) => only!.replace(':23/0"', `:23/${seq}"`).replace('"seq":0', `"seq":${seq}`)),
    )
  })

  it('are left to the decoder where an UPDATE holds changes of a document', () => {
    const table = tableOf(column('doc', 245, 4))
    expect(compileEventWriter(table, shapeOf('update', { partialJson: true }))).toBe(null)
  })

  it('name a column that changed between NULL and a JSON null', () => {
    const table = tableOf(column('id', 1), column('doc', 245, 4))
    const json = Buffer.of(2, 0, 0, 0, 4, 0)
    const images = Buffer.concat([Buffer.of(0b10, 1), Buffer.of(0, 1), json])
    const [event] = eventsByBytes(table, shapeOf('update'), images)!
    expect(JSON.parse(event!)).toMatchObject({ old: { doc: null }, new: { doc: null }, changed: ['doc'] })
    const shape = shapeOf('update', { presentNew: present(0) })
    const partial = Buffer.concat([Buffer.of(0, 1), json, Buffer.of(0, 2)])
    expect(eventsByBytes(table, shape, partial)).toEqual(eventsByValues(table, shape, partial))
  })
})

function parsed(text: string): unknown {
  return JSON.parse(text)
}

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'fine'
  } catch (error) {
    if (error instanceof BingoError) return error.code
    throw error
  }
}
