/**
 * Rows per second of the row decoder alone, from memory: `node test/bench/decode.ts [seconds per case]`.
 * The table is one as applications have them: ten columns, of which a rule needs two.
 */
import { compileRowDecoder, type ColumnSelection } from '../../src/sources/mysql/binlog/rows/row-decoder.ts'
import type { Row } from '../../src/model/event/row.ts'
import type { ColumnDef, TableDef } from '../../src/model/table/table.ts'

const ROWS = 20_000
const SECONDS = Number(process.argv[2] ?? 2)
const UTF8MB4 = 255

function column(name: string, type: number, meta: number, more: Partial<ColumnDef> = {}): ColumnDef {
  return { name, type, meta, nullable: true, unsigned: false, collation: 0, visible: true, ...more }
}

const table: TableDef = {
  schema: 'shop',
  name: 'users',
  flavour: 'mysql',
  key: [0],
  columns: [
    column('id', 8, 0, { nullable: false }),
    column('email', 15, 1020, { collation: UTF8MB4 }),
    column('name', 15, 400, { collation: UTF8MB4 }),
    column('status', 3, 0),
    column('age', 3, 0),
    column('balance', 246, (12 << 8) | 2),
    column('created', 18, 3),
    column('updated', 17, 6),
    column('note', 252, 2, { collation: UTF8MB4 }),
    column('flags', 16, 8),
  ],
}

/** One row image after the other, values spread so that no cache of dates or texts flatters the result. */
function images(): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; i < ROWS; i++) {
    const id = Buffer.alloc(8)
    id.writeBigInt64LE(BigInt(i))
    const ints = Buffer.alloc(8)
    ints.writeInt32LE(i % 5)
    ints.writeInt32LE(18 + (i % 60), 4)
    const decimal = Buffer.from([0x80, 0, 0, 0, 0, i % 100])
    decimal.writeUInt32BE((i * 7919) % 1_000_000_000, 1)
    parts.push(Buffer.of(0, 0), id, prefixed(`user${i}@example.com`, 2), prefixed(`Name of user ${i}`, 2), ints)
    parts.push(decimal, datetime(i), timestamp(i), prefixed(`note ${i} about nothing in particular`, 2))
    parts.push(Buffer.of(i & 255))
  }
  return Buffer.concat(parts)
}

function prefixed(text: string, lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes + Buffer.byteLength(text))
  bytes.writeUIntLE(bytes.length - lengthBytes, 0, lengthBytes)
  bytes.write(text, lengthBytes)
  return bytes
}

function datetime(i: number): Buffer {
  const day = (((2026 * 13 + 1 + (i % 12)) << 5) | (1 + (i % 28))) + 0x40_0000
  const clock = ((i % 24) << 12) | ((i % 60) << 6) | (i % 59)
  const packed = (BigInt(day) << 17n) | BigInt(clock)
  const bytes = Buffer.alloc(7)
  bytes.writeUIntBE(Number(packed), 0, 5)
  bytes.writeUInt16BE((i % 1000) * 10, 5)
  return bytes
}

function timestamp(i: number): Buffer {
  const bytes = Buffer.alloc(7)
  bytes.writeUInt32BE(1_790_000_000 + i * 37)
  bytes.writeUIntBE(i % 1_000_000, 4, 3)
  return bytes
}

const buffer = images()
const all = { all: true, has: () => true }

function measure(name: string, select: ColumnSelection): void {
  const shape = { op: 'insert', presentOld: all, presentNew: all, partialJson: false } as const
  const decode = compileRowDecoder(table, shape, { old: select, new: select })
  let last: Row | null = null
  const visit = (_old: Row | null, new_: Row | null): void => {
    last = new_
  }
  for (let i = 0; i < 20; i++) decode(buffer, 0, buffer.length, visit)
  let rows = 0
  const started = performance.now()
  while (performance.now() - started < SECONDS * 1000) rows += decode(buffer, 0, buffer.length, visit)
  const perSecond = (rows / (performance.now() - started)) * 1000
  console.log(`${name}: ${(perSecond / 1e6).toFixed(2)} M rows/s; last ${JSON.stringify(last)}`)
}

measure('2 integer columns', new Set([0, 3]))
measure('id and a string', new Set([0, 1]))
measure('all 10 columns', 'all')
for (const [index, { name }] of table.columns.entries()) measure(`only ${name}`, new Set([index]))
