import { eventHead } from '../../../../model/event/bytes/event-head.ts'
import type { RowImages } from '../../../../model/event/bytes/image-change.ts'
import type { Value } from '../../../../model/event/change.ts'
import { valuesEqual } from '../../../../model/event/changed-columns.ts'
import { type ColumnDef, imageColumnsOf, type TableDef } from '../../../../model/table/table.ts'
import { ColumnType } from '../../../../model/table/column-type.ts'
import type { Constants } from '../columns/codec.ts'
import { imageCode, type ImageColumn } from '../rows/row-image.ts'
import { oversized, truncated, type RowShape } from '../rows/row-decoder.ts'
import { differInAscii } from './text.ts'
import { writeInteger } from './numbers.ts'
import { ESCAPED_BYTES, textRoomCode, valueCode, type ValueCode } from './value-code.ts'

/** Writes the JSON of one row's event: model/event/bytes/image-change.ts tells how. */
export type EventWriter = Pick<RowImages, 'write' | 'rowEnd'>

/**
 * Compiles the writer for one shape of rows. The code first walks over the images and notes where each value begins and
 * ends (`o3`, `o3e` for the fourth column before, `n3`, `n3e` behind), makes room for the longest event that such a row
 * can become, and then writes: text that is the same in every row in stores of eight bytes, values by functions that put
 * digits and characters where they belong. No value, string or object is made but for types that few tables have.
 *
 * Null: the rows are of a kind that is left to the decoder.
 */
export function compileEventWriter(table: TableDef, shape: RowShape): EventWriter | null {
  if (shape.partialJson || table.columns.some(({ type }) => type === ColumnType.NULL)) return null
  // Images without any column have no bytes to be told apart by.
  if (!imageColumnsOf(table).some((_, i) => shape.presentOld.has(i) || shape.presentNew.has(i))) return null
  return new WriterCode(table, shape).compile()
}

interface Column {
  readonly index: number
  readonly def: ColumnDef
  readonly name: string
  readonly value: ValueCode
}

class WriterCode {
  private readonly table: TableDef
  private readonly shape: RowShape
  private readonly constants: unknown[] = []
  private readonly columns: ReadonlyMap<number, Column>
  /** Bytes that an event takes beside its texts and what is the same in the transaction. */
  private room = 64
  /** How often the value of a variable is written. */
  private readonly uses = new Map<string, number>()

  constructor(table: TableDef, shape: RowShape) {
    this.table = table
    this.shape = shape
    const columns = table.columns.flatMap((def, index): [number, Column][] =>
      def.special === 'unknown' ? [] : [[index, { index, def, name: JSON.stringify(def.name), value: valueCode(def) }]],
    )
    this.columns = new Map(columns)
  }

  compile(): EventWriter {
    const { shape, table } = this
    const old = shape.op === 'insert' ? null : this.present('o', shape.presentOld)
    const new_ = shape.op === 'delete' ? null : this.present('n', shape.presentNew)
    const walk = [old, new_].map((image, i) => (image === null ? '' : this.walkCode(i === 0 ? 'o' : 'n'))).join('\n')
    // What an UPDATE leaves out of the after image did not change: the new row takes it from before.
    const taken = old === null || new_ === null ? [] : [...old].filter(([index]) => !new_.has(index))
    const newRow = new_ === null ? null : new Map([...new_, ...taken])
    const { schema, name } = table
    const head = `","op":"${shape.op}","schema":${JSON.stringify(schema)},"table":${JSON.stringify(name)},"key":`
    const body = [
      this.bytes('h.id'),
      this.integer('seq'),
      this.text(head),
      this.keyCode(old, newRow),
      this.text(',"old":'),
      this.rowCode(old),
      this.text(',"new":'),
      this.rowCode(newRow),
      this.text(',"changed":'),
      this.changedCode(old, new_),
      this.bytes('h.origin'),
      this.integer('seq'),
      this.bytes('h.query'),
    ].join('\n')
    const source = `return (b,p,end,transaction,seq,query,a)=>{
const row=p,s=viewOf(b),h=head(transaction,query);let e=0,l=0,n=0;
${walk}
if(p>end)truncated(row);
const room=${this.room}+h.bytes+${ESCAPED_BYTES * Math.max(1, ...this.uses.values())}*n;
self.rowEnd=p;
let w=a.reserve(a.at,room),v=a.view;
${body}
return w;
}`
    const names = this.constants.map((_, i) => `k${i}`)
    // Names and other data become source text as string literals only, or as the numbers that their bytes are.
    // oxlint-disable-next-line typescript/no-implied-eval
    const create = new Function('self', 'truncated', 'oversized', 'viewOf', 'head', ...names, source)
    const writer = { rowEnd: 0, write: null as unknown as EventWriter['write'] }
    writer.write = create(writer, truncated, oversized, viewOf, eventHead, ...this.constants) as EventWriter['write']
    return writer
  }

  private readonly constant: Constants = (value) => {
    const known = this.constants.indexOf(value)
    return `k${known === -1 ? this.constants.push(value) - 1 : known}`
  }

  /** Columns that the image has, by their place: the variable that tells where the value is. */
  private present(prefix: 'o' | 'n', present: RowShape['presentOld']): Map<number, string> {
    return new Map([...this.columns.keys()].filter((index) => present.has(index)).map((i) => [i, `${prefix}${i}`]))
  }

  /** Declares where the values of an image are: -1 where one is NULL. */
  private walkCode(prefix: 'o' | 'n'): string {
    const present = prefix === 'o' ? this.shape.presentOld : this.shape.presentNew
    const ends: string[] = []
    const columns = imageColumnsOf(this.table).flatMap((def, index): ImageColumn[] => {
      if (!present.has(index)) return []
      const column = this.columns.get(index)
      const { codec, isText } = column?.value ?? valueCode(def)
      if (codec.width === null) ends.push(`${prefix}${index}e=0`)
      const read = (target: string): string =>
        codec.width !== null ? `${target}=p;` : `${target}=p;${target}e=e;${isText ? `n+=${textRoomCode('l')};` : ''}`
      return [{ index, name: def.name, codec: { ...codec, read }, selected: column !== undefined, json: false }]
    })
    const declared = ends.length === 0 ? '' : `let ${ends.join(',')};`
    return declared + imageCode(prefix, columns, this.constant, { empty: '-1' })
  }

  private keyCode(old: ReadonlyMap<number, string> | null, new_: ReadonlyMap<number, string> | null): string {
    if (this.table.key.length === 0) return this.text('null')
    const values = this.table.key.flatMap((index) => {
      const variable = new_?.get(index) ?? old?.get(index)
      return variable === undefined ? [] : [[index, variable] as const]
    })
    return this.mapCode(values)
  }

  private rowCode(row: ReadonlyMap<number, string> | null): string {
    if (row === null) return this.text('null')
    return this.mapCode([...row].sort(([one], [other]) => this.place(one) - this.place(other) || one - other))
  }

  /** Objects have properties whose names are array indexes in front of all others, by number. */
  private place(index: number): number {
    const { name } = this.table.columns[index]!
    const number = Number(name) >>> 0
    return String(number) === name && number <= LAST_ARRAY_INDEX ? number : Infinity
  }

  private mapCode(values: readonly (readonly [index: number, variable: string])[]): string {
    if (values.length === 0) return this.text('{}')
    const parts = values.map(([index, variable], i) => {
      const column = this.columns.get(index)!
      return this.text(`${i === 0 ? '{' : ','}${column.name}:`) + this.valueAt(column, variable)
    })
    return [...parts, this.text('}')].join('\n')
  }

  private valueAt({ value }: Column, variable: string): string {
    this.room += value.bytes + 4
    if (value.isText) this.uses.set(variable, (this.uses.get(variable) ?? 0) + 1)
    const end = value.codec.width === null ? `,e=${variable}e` : ''
    return `if(${variable}<0){${storeCode('null')}}else{const p=${variable}${end};${value.write(this.constant)}}`
  }

  /** Names with a comma before each, of which the first then becomes the bracket. */
  private changedCode(old: ReadonlyMap<number, string> | null, new_: ReadonlyMap<number, string> | null): string {
    const lines = [...this.columns.values()].flatMap((column) => {
      const changed = this.changed(column, old?.get(column.index), new_?.get(column.index), old !== null, new_ !== null)
      return changed === null ? [] : [`if(${changed}){${this.text(`,${column.name}`)}}`]
    })
    this.room += 1
    return `const w0=w;${lines.join('\n')}if(w===w0)w++;v.setUint8(${lines.length === 0 ? 'w-1' : 'w0'},91);`
  }

  /** As `columnChanged` tells it of the decoded rows. */
  private changed(
    column: Column,
    old: string | undefined,
    new_: string | undefined,
    hasOld: boolean,
    hasNew: boolean,
  ): string | null {
    if (!hasOld || !hasNew) {
      const variable = old ?? new_
      return variable === undefined ? null : `${variable}>=0`
    }
    if (new_ === undefined) return null
    if (old === undefined) return 'true'
    return `(${old}<0||${new_}<0)?${old}>=0||${new_}>=0:${this.differ(column, old, new_)}`
  }

  private differ({ def, value }: Column, old: string, new_: string): string {
    const { codec } = value
    const { constant } = this
    const read = this.constant(readerOf(value))
    if (codec.width === null) {
      const places = `${old},${old}e,${new_},${new_}e`
      const surely = value.isText ? `${constant(differInAscii)}(b,${places})||` : ''
      return `!${constant(sameBytes)}(b,${places})&&(${surely}!${constant(valuesEqual)}(${read}(b,${old},${old}e),${read}(b,${new_},${new_}e)))`
    }
    const bytes = Array.from({ length: codec.width }, (_, i) => `b[${old}+${i}]!==b[${new_}+${i}]`)
    const differ = bytes.length === 0 ? 'false' : `(${bytes.join('||')})`
    return EXACT_TYPES.has(def.type)
      ? differ
      : `${differ}&&!${constant(valuesEqual)}(${read}(b,${old},0),${read}(b,${new_},0))`
  }

  private text(text: string): string {
    this.room += Buffer.byteLength(text)
    return storeCode(text)
  }

  private bytes(name: string): string {
    return `a.buffer.set(${name},w);w+=${name}.length;`
  }

  private integer(value: string): string {
    this.room += 20
    return `w=${this.constant(writeInteger)}(v,w,${value});`
  }
}

const LAST_ARRAY_INDEX = 0xffff_fffe

/** Types of which different bytes are different values. */
const EXACT_TYPES: ReadonlySet<number> = new Set([
  ColumnType.TINY,
  ColumnType.SHORT,
  ColumnType.INT24,
  ColumnType.LONG,
  ColumnType.LONGLONG,
  ColumnType.NEWDECIMAL,
])

/**
 * Stores of eight bytes at a time, of numbers whose bits are the text's bytes. UTF-8 has no byte 255, and no 127 in front
 * of one above 239, so that none of them is a NaN, whose bits an engine may change.
 */
function storeCode(text: string): string {
  const bytes = Buffer.from(text)
  const stores: string[] = []
  let at = 0
  for (; bytes.length - at >= 8; at += 8) stores.push(`v.setFloat64(w+${at},${bytes.readDoubleLE(at)},true);`)
  for (; bytes.length - at >= 4; at += 4) stores.push(`v.setInt32(w+${at},${bytes.readInt32LE(at)},true);`)
  for (; bytes.length - at >= 2; at += 2) stores.push(`v.setUint16(w+${at},${bytes.readUInt16LE(at)},true);`)
  if (at < bytes.length) stores.push(`v.setUint8(w+${at},${bytes[at]});`)
  return `${stores.join('')}w+=${bytes.length};`
}

/** The decoder of a value outside of a row, for what few rows need. */
function readerOf({ codec }: ValueCode): (bytes: Buffer, start: number, end: number) => Value {
  const constants: unknown[] = []
  const constant: Constants = (value) => `k${constants.push(value) - 1}`
  const code = codec.read('x', constant)
  // oxlint-disable-next-line typescript/no-implied-eval
  const create = new Function(...constants.map((_, i) => `k${i}`), `return (b,p,e)=>{let x;${code}return x}`)
  return create(...constants) as ReturnType<typeof readerOf>
}

function sameBytes(bytes: Buffer, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  const length = end - start
  if (length !== otherEnd - otherStart) return false
  if (length > 256) return bytes.compare(bytes, otherStart, otherEnd, start, end) === 0
  for (let i = 0; i < length; i++) if (bytes[start + i] !== bytes[otherStart + i]) return false
  return true
}

/** Rows come from one buffer after the other. */
let lastBuffer: Buffer = Buffer.alloc(0)
let lastView = new DataView(lastBuffer.buffer)

function viewOf(buffer: Buffer): DataView {
  if (buffer !== lastBuffer) {
    lastBuffer = buffer
    lastView = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  }
  return lastView
}
