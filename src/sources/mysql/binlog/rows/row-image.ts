import type { ColumnCodec, Constants } from '../columns/codec.ts'
import { LONGEST_VALUE_BYTES } from '../columns/value-size.ts'
import { mergeJsonDiffs, readPartialBits } from '../json/partial.ts'

/** A column that is present in a row image. */
export interface ImageColumn {
  /** Place in the table. */
  readonly index: number
  readonly name: string
  readonly codec: ColumnCodec
  readonly selected: boolean
  readonly json: boolean
  /** Source for a JSON null, which looks like SQL NULL afterwards. */
  readonly onJsonNull?: string | undefined
}

export interface ImageOptions {
  /** Columns of the before image whose place is kept (`ds`, `de` + index) for diffs in the after image. */
  readonly keep?: ReadonlySet<number>
  /** After image of a PARTIAL_UPDATE_ROWS event. */
  readonly partial?: PartialImage | undefined
  /** What a variable holds while its value is not read: NULL. Default: `null`. */
  readonly empty?: string
}

export interface PartialImage {
  /** JSON columns of the table in order; each has a bit that tells a diff from a document. */
  readonly jsonColumns: readonly number[]
  /** Those whose former document has been kept. */
  readonly kept: ReadonlySet<number>
}

/**
 * Source that reads one image of one row: moves `p` over it and declares the selected columns' values, `prefix` and the
 * column's place in the table. An image is a bitmap of the present columns that are NULL, then the values of the others.
 */
export function imageCode(
  prefix: string,
  columns: readonly ImageColumn[],
  constant: Constants,
  options: ImageOptions,
): string {
  const lines: string[] = options.partial === undefined ? [] : [partialHeader(options.partial, constant)]
  lines.push(nullBitmap(prefix, columns.length))
  const values = columns.filter((column) => column.selected).map((column) => `${prefix}${column.index}`)
  if (values.length > 0) lines.push(`let ${values.map((value) => `${value}=${options.empty ?? 'null'}`).join(',')};`)
  let skipped: NullableWidth[] = []
  for (const [ordinal, column] of columns.entries()) {
    const isSet: NullBit = { byte: `${prefix}b${ordinal >> 3}`, mask: 1 << (ordinal & 7) }
    const { width } = column.codec
    if (width !== null && !column.selected) {
      skipped.push({ ...isSet, width })
      continue
    }
    lines.push(skipAll(skipped), valueCode(prefix, column, isSet, constant, options))
    skipped = []
  }
  lines.push(skipAll(skipped))
  return lines.filter((line) => line !== '').join('\n')
}

interface NullBit {
  readonly byte: string
  readonly mask: number
}

interface NullableWidth extends NullBit {
  readonly width: number
}

function nullBitmap(prefix: string, columns: number): string {
  const bytes = (columns + 7) >> 3
  if (bytes === 0) return ''
  const reads = Array.from({ length: bytes }, (_, i) => `${prefix}b${i}=b[p+${i}]`)
  return `const ${reads.join(',')};p+=${bytes};`
}

/** Fixed-width columns that nobody reads, in a row: one addition while none of them is NULL. */
function skipAll(columns: readonly NullableWidth[]): string {
  if (columns.length === 0) return ''
  const single = columns.map(({ byte, mask, width }) => `if((${byte}&${mask})===0)p+=${width};`).join('')
  if (columns.length === 1) return single
  const masks = new Map<string, number>()
  for (const { byte, mask } of columns) masks.set(byte, (masks.get(byte) ?? 0) | mask)
  const anyNull = [...masks].map(([byte, mask]) => `(${byte}&${mask})`).join('|')
  const width = columns.reduce((sum, column) => sum + column.width, 0)
  return `if((${anyNull})===0)p+=${width};else{${single}}`
}

function valueCode(
  prefix: string,
  column: ImageColumn,
  { byte, mask }: NullBit,
  constant: Constants,
  options: ImageOptions,
): string {
  const { index, codec, selected } = column
  const notNull = `if((${byte}&${mask})===0)`
  const target = `${prefix}${index}`
  if (codec.width !== null) return `${notNull}{${codec.read(target, constant)}p+=${codec.width};}`
  const length = lengthCode(codec.lengthBytes)
  const keep = options.keep?.has(index) === true
  if (!selected && !keep) return `${notNull}p+=${codec.lengthBytes}+${length};`
  const open = `l=${length};p+=${codec.lengthBytes};e=p+l;if(e>end)truncated(row);`
  const kept = keep ? `ds${index}=p;de${index}=e;` : ''
  const declared = keep ? `let ds${index}=-1,de${index}=-1;` : ''
  const read = selected ? sizeCheck(codec.lengthBytes, column.name) + readCode(column, target, constant, options) : ''
  return `${declared}${notNull}{${open}${kept}${read}p=e;}`
}

/** Past the end of the buffer lengths read as 0 and not as NaN, which would pass every comparison with the end. */
function lengthCode(bytes: number): string {
  const terms = Array.from({ length: bytes }, (_, i) => `b[p+${i}]<<${8 * i}`).join('|')
  return bytes === 4 ? `((${terms})>>>0)` : `(${terms})`
}

function sizeCheck(lengthBytes: number, name: string): string {
  return lengthBytes < 4 ? '' : `if(l>${LONGEST_VALUE_BYTES})oversized(${JSON.stringify(name)},l);`
}

function readCode(column: ImageColumn, target: string, constant: Constants, { partial }: ImageOptions): string {
  const noted = column.onJsonNull === undefined ? '' : `if(${target}===null)${column.onJsonNull}`
  const whole = column.codec.read(target, constant) + noted
  if (partial === undefined || !column.json) return whole
  const ordinal = partial.jsonColumns.indexOf(column.index)
  const { index } = column
  const merge = constant(mergeJsonDiffs)
  // Absent, not NULL: the document that the diffs start from is not in the before image.
  const merged = partial.kept.has(index) ? `${merge}(b,ds${index},de${index},p,e)` : 'undefined'
  return `if(pb[${ordinal >> 3}]&${1 << (ordinal & 7)})${target}=${merged};else{${whole}}`
}

/** Options of the image, and one bit per JSON column of the table where they say that diffs may follow. */
function partialHeader({ jsonColumns }: PartialImage, constant: Constants): string {
  const read = constant(readPartialBits)
  const bytes = (jsonColumns.length + 7) >> 3
  return `const pb=${read}(b,p,end,${bytes});p+=pb.length===0?1:${1 + bytes};`
}
