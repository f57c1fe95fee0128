import type { PresentColumns } from '../../../../../../src/model/source/binlog-stream.ts'
import { imageColumnsOf, type TableDef } from '../../../../../../src/model/table/table.ts'
import type { RowShape } from '../../../../../../src/sources/mysql/binlog/rows/row-decoder.ts'
import type { Random } from '../../../../../support/random-tables.ts'
import { EVERY, present } from '../row-images.ts'
import { KINDS, type ColumnKind } from './column-kinds.ts'

/** Names that are awkward somewhere: in objects, in code, in JSON. */
const NAMES = [
  'id',
  'name',
  '7',
  '0',
  '01',
  '4294967294',
  '4294967295',
  '__proto__',
  'constructor',
  'toJSON',
  'a"b',
  "it's",
  '\u2028',
  'größe',
  '列',
  '-1',
  '1.5',
  '',
]

export interface RandomTable {
  readonly table: TableDef
  readonly kinds: readonly ColumnKind[]
}

export function randomTable(random: Random): RandomTable {
  const kinds = Array.from({ length: 1 + random.below(random.chance(10) ? 40 : 12) }, () => random.pick(KINDS))
  const names = new Set<string>()
  while (names.size < kinds.length) names.add(random.chance(30) ? random.pick(NAMES) : `column_${random.below(1000)}`)
  const columns = [...names].map((name, i) => kinds[i]!.column(name, random))
  const hidden = random.chance(15) ? kinds.length - 1 : kinds.length
  const key = columns.slice(0, hidden).flatMap((_, index) => (random.chance(25) ? [index] : []))
  const table: TableDef = {
    schema: random.pick(['shop', 'sch"ema', 'größe']),
    name: random.pick(['users', 'back\\slash', '表']),
    columns: columns.slice(0, hidden),
    key: random.chance(50) ? key : key.reverse(),
    flavour: random.pick(['mysql', 'mariadb']),
    ...(hidden < kinds.length && { hidden: columns.slice(hidden) }),
  }
  return { table, kinds }
}

export function randomShape(random: Random, columns: number): RowShape {
  const op = random.pick(['insert', 'update', 'update', 'delete'] as const)
  const bits = (): PresentColumns => {
    if (random.chance(60)) return EVERY
    const some = Array.from({ length: columns }, (_, i) => i).filter(() => random.chance(60))
    return present(...(some.length === 0 ? [0] : some))
  }
  return { op, presentOld: bits(), presentNew: bits(), partialJson: false }
}

/** Rows of this shape: an after image is mostly like its before image. */
export function randomImages(random: Random, { table, kinds }: RandomTable, shape: RowShape, rows: number): Buffer {
  const columns = imageColumnsOf(table)
  const parts: Buffer[] = []
  for (let row = 0; row < rows; row++) {
    const make = (index: number): Buffer | null =>
      random.chance(15) ? null : kinds[index]!.bytes(random, columns[index]!)
    const before = columns.map((_, index) => make(index))
    const after = before.map((value, index) => (random.chance(60) ? value : make(index)))
    if (shape.op !== 'insert') parts.push(imageOf(before, shape.presentOld))
    if (shape.op !== 'delete') parts.push(imageOf(after, shape.presentNew))
  }
  return Buffer.concat(parts)
}

function imageOf(values: readonly (Buffer | null)[], bits: PresentColumns): Buffer {
  const written = values.filter((_, index) => bits.has(index))
  const nulls = Buffer.alloc((written.length + 7) >> 3)
  for (const [i, value] of written.entries()) if (value === null) nulls[i >> 3]! |= 1 << (i & 7)
  return Buffer.concat([nulls, ...written.filter((value) => value !== null)])
}
