import type { EventFormat, RowImages } from '../../../../model/event/bytes/image-change.ts'
import type { TableDef } from '../../../../model/table/table.ts'
import { compileRowDecoder, type RowDecoder, type RowShape } from '../rows/row-decoder.ts'
import { compileEventWriter, type EventWriter } from './event-writer.ts'

/** How events are written from row images of this shape; null where rows have to be decoded for that. */
export function compileRowImages(table: TableDef, shape: RowShape): RowImages | null {
  const writer = compileEventWriter(table, shape)
  if (writer === null) return null
  const writers = new Map<EventFormat, EventWriter | null>([['event', writer]])
  let decoder: RowDecoder | null = null
  return {
    get rowEnd() {
      return writer.rowEnd
    },
    write: writer.write,
    as(format) {
      let other = writers.get(format)
      if (other === undefined) writers.set(format, (other = compileEventWriter(table, shape, format)))
      return other
    },
    decode(buffer, start, end) {
      decoder ??= compileRowDecoder(table, shape, { old: 'all', new: 'all' })
      let rows: ReturnType<RowImages['decode']> = { old: null, new: null }
      decoder(buffer, start, end, (old, new_) => (rows = { old, new: new_ }))
      return rows
    },
  }
}
