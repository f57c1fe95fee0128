import type { EventFormat, RowImages } from '../../../../model/event/bytes/image-change.ts'
import { imageColumnsOf, type TableDef } from '../../../../model/table/table.ts'
import { ColumnType } from '../../../../model/table/column-type.ts'
import type { Constants } from '../columns/codec.ts'
import { imageCode, type ImageColumn } from '../rows/row-image.ts'
import { oversized, truncated, type RowShape } from '../rows/row-decoder.ts'
import { copyValue, storeCode, withoutQuotes, writeWords } from '../../../../model/event/bytes/stores.ts'
import { changedCode, differCode, isCopied, type WrittenColumn as Column } from './changed-code.ts'
import { FORMATS, type RowParts } from './formats.ts'
import { joinedParts, type Part } from './parts.ts'
import { viewOf } from './view-of.ts'
import { writeInteger } from '../../../../model/event/bytes/numbers.ts'
import { ESCAPED_BYTES, isTextOrNumber, textRoomCode, valueCode } from './value-code.ts'

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
export function compileEventWriter(
  table: TableDef,
  shape: RowShape,
  format: EventFormat = 'event',
): EventWriter | null {
  if (shape.partialJson || table.columns.some(({ type }) => type === ColumnType.NULL)) return null
  // Images without any column have no bytes to be told apart by.
  if (!imageColumnsOf(table).some((_, i) => shape.presentOld.has(i) || shape.presentNew.has(i))) return null
  return new WriterCode(table, shape).compile(format)
}

/** By the place of a column: the variable that tells where its value is. */
type Variables = ReadonlyMap<number, string>

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

  compile(format: EventFormat): EventWriter | null {
    const { shape, table } = this
    const old = shape.op === 'insert' ? null : this.present('o', shape.presentOld)
    const new_ = shape.op === 'delete' ? null : this.present('n', shape.presentNew)
    const walk = [old, new_].map((image, i) => (image === null ? '' : this.walkCode(i === 0 ? 'o' : 'n'))).join('\n')
    const form = FORMATS[format]
    const parts = form.parts(this.parts(old, new_), table, shape.op)
    if (parts === null) return null
    const body = joinedParts(parts, (text) => this.text(text))
    const source = `return (b,p,end,transaction,seq,query,a)=>{
const row=p,s=viewOf(b),h=head(transaction,query);let e=0,l=0,n=0;
${walk}
if(p>end)truncated(row);
const room=${this.room}+h.bytes+${ESCAPED_BYTES * Math.max(1, ...this.uses.values())}*n;
self.rowEnd=p;
let w=a.reserve(a.at,room),v=a.view;
${this.twinCode()}
${body}
return w;
}`
    const names = this.constants.map((_, i) => `k${i}`)
    // Names and other data become source text as string literals only, or as the numbers that their bytes are.
    // oxlint-disable-next-line typescript/no-implied-eval
    const create = new Function('self', 'truncated', 'oversized', 'viewOf', 'head', ...names, source)
    const writer = { rowEnd: 0, write: null as unknown as EventWriter['write'] }
    writer.write = create(writer, truncated, oversized, viewOf, form.head, ...this.constants) as EventWriter['write']
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

  private parts(old: Variables | null, new_: Variables | null): RowParts {
    // What an UPDATE leaves out of the after image did not change: the new row takes it from before.
    const taken = old === null || new_ === null ? [] : [...old].filter(([index]) => !new_.has(index))
    const newRow = new_ === null ? null : new Map([...new_, ...taken])
    return {
      before: () => this.rowParts(old),
      after: () => this.rowParts(newRow, old),
      key: () => this.keyParts(old, newRow),
      keyText: () => this.keyTextParts(old, newRow),
      changed: () => [{ code: this.changedCode(old, new_) }],
      seq: () => this.integer('seq'),
      head: (name) => this.words(`h.${name}`),
    }
  }

  /** Columns of the key, and the variables of those that are in the images. */
  private keyVariables(old: Variables | null, new_: Variables | null): (readonly [index: number, variable: string])[] {
    return this.table.key.flatMap((index) => {
      const variable = new_?.get(index) ?? old?.get(index)
      return variable === undefined ? [] : [[index, variable] as const]
    })
  }

  private keyParts(old: Variables | null, new_: Variables | null): readonly Part[] {
    return this.table.key.length === 0 ? [{ text: 'null' }] : this.mapParts(this.keyVariables(old, new_))
  }

  private keyTextParts(old: Variables | null, new_: Variables | null): readonly Part[] | null {
    const values = this.keyVariables(old, new_)
    const { key, columns } = this.table
    if (values.length < key.length || !key.every((index) => isTextOrNumber(columns[index]!))) return null
    const inOrder = values.toSorted(([one], [other]) => this.place(one) - this.place(other) || 0)
    return inOrder.flatMap(([index, variable], i): Part[] => {
      const write = this.valueAt(this.columns.get(index)!, variable, undefined)
      const code = `{const from=w-a.at;${write}w=${this.constant(withoutQuotes)}(a,from,w);}`
      return [...(i === 0 ? [] : [{ text: ',' }]), { code }]
    })
  }

  private rowParts(row: Variables | null, before?: Variables | null): readonly Part[] {
    if (row === null) return [{ text: 'null' }]
    const order = ([one]: readonly [number, string], [other]: readonly [number, string]): number =>
      this.place(one) - this.place(other) || one - other
    return this.mapParts([...row].sort(order), before)
  }

  /** Objects have properties whose names are array indexes in front of all others, by number. */
  private place(index: number): number {
    const { name } = this.table.columns[index]!
    const number = Number(name) >>> 0
    return String(number) === name && number <= LAST_ARRAY_INDEX ? number : Infinity
  }

  /** `before`: the variables of values that were written already, which a value can be the same as. */
  private mapParts(
    values: readonly (readonly [index: number, variable: string])[],
    before?: Variables | null,
  ): readonly Part[] {
    if (values.length === 0) return [{ text: '{}' }]
    const parts = values.flatMap(([index, variable], i): Part[] => {
      const column = this.columns.get(index)!
      const name = { text: `${i === 0 ? '{' : ','}${column.name}:` }
      return [name, { code: this.valueAt(column, variable, before?.get(index)) }]
    })
    return [...parts, { text: '}' }]
  }

  private valueAt(column: Column, variable: string, before: string | undefined): string {
    const { value } = column
    this.room += value.bytes + 4
    if (value.isText) this.uses.set(variable, (this.uses.get(variable) ?? 0) + 1)
    const end = value.codec.width === null ? `,e=${variable}e` : ''
    const write = `const p=${variable}${end};${value.write(this.constant)}`
    const none = `if(${variable}<0){${storeCode('null')}}`
    const isPlace = isCopied(column) && variable.startsWith('o') && this.isTwin(column.index)
    if (before === undefined || before === variable || !isCopied(column)) {
      const place = isPlace ? `${variable}w=w-a.at;` : ''
      const until = isPlace ? `${variable}x=w-a.at-${variable}w;` : ''
      return `${none}else{${place}${write}${until}}`
    }
    const copy = `w=${this.constant(copyValue)}(a,w,${before}w,${before}x,room);v=a.view;`
    return `${none}else if(!d${column.index}){${copy}}else{${write}}`
  }

  /** The column is in both images. */
  private isTwin(index: number): boolean {
    const { op, presentOld, presentNew } = this.shape
    return op === 'update' && presentOld.has(index) && presentNew.has(index)
  }

  /** Tells of each column that is in both images whether its bytes are others, and keeps the place of what is written. */
  private twinCode(): string {
    if (this.shape.op !== 'update') return ''
    const twins = [...this.columns.values()].filter(({ index }) => this.isTwin(index))
    return twins
      .map((column) => {
        const [old, new_] = [`o${column.index}`, `n${column.index}`]
        const differ = differCode(column.value.codec.width, old, new_, this.constant)
        const place = isCopied(column) ? `let ${old}w=0,${old}x=0;` : ''
        return `const d${column.index}=${old}<0||${new_}<0?${old}>=0||${new_}>=0:${differ};${place}`
      })
      .join('\n')
  }

  /** Names with a comma before each, of which the first then becomes the bracket. */
  private changedCode(old: Variables | null, new_: Variables | null): string {
    const lines = [...this.columns.values()].flatMap((column) => {
      const [before, behind] = [old?.get(column.index), new_?.get(column.index)]
      const isUpdate = old !== null && new_ !== null
      const changed = isUpdate
        ? changedCode(column, before, behind, this.constant)
        : (before ?? behind) && `${before ?? behind}>=0`
      return changed === undefined ? [] : [`if(${changed}){${this.text(`,${column.name}`)}}`]
    })
    this.room += 1
    return `const w0=w;${lines.join('\n')}if(w===w0)w++;v.setUint8(${lines.length === 0 ? 'w-1' : 'w0'},91);`
  }

  private text(text: string): string {
    this.room += Buffer.byteLength(text)
    return storeCode(text)
  }

  private words(name: string): Part {
    return { code: `${this.constant(writeWords)}(v,w,${name}.words);w+=${name}.length;` }
  }

  private integer(value: string): Part {
    this.room += 20
    return { code: `w=${this.constant(writeInteger)}(v,w,${value});` }
  }
}

const LAST_ARRAY_INDEX = 0xffff_fffe
