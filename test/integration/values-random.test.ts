import type { Connection } from 'mysql2/promise'
import { describe, expect, it } from 'vitest'
import type { Row, Value } from '../../src/model/event/row.ts'
import { decodeRows, type RowsEvent, readRowsEvents, type SqlServer } from '../support/binlog-rows.ts'
import { expectAsPrinted } from '../support/printed-values.ts'
import { COMMON_COLUMNS, MYSQL_COLUMNS, MYSQL_COLUMNS_AND_VECTOR, Random } from '../support/random-tables.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { misreadByZongji, zongjiReads } from '../support/zongji-exceptions.ts'
import { compareWithZongji, readZongjiEvents, type ZongjiEvent } from '../support/zongji-rows.ts'
import { decodeSlowly } from '../unit/sources/mysql/binlog/reference-decoder.ts'
import { pairs } from '../support/forms.ts'

const TABLES = 13
const ROWS = 12
const SUBSETS = 4

const servers = [
  {
    title: 'MySQL',
    // zongji reads no table that has a VECTOR.
    makersOf: (table: number) => (table % 3 === 0 ? MYSQL_COLUMNS_AND_VECTOR : MYSQL_COLUMNS),
    leastCompared: 0.7,
    start: () => startMysql({ args: ['--innodb-strict-mode=OFF'] }),
  },
  {
    title: 'MariaDB',
    makersOf: () => COMMON_COLUMNS,
    leastCompared: 0.9,
    start: () => startMariadb({ version: '11.8', args: ['--innodb-strict-mode=OFF'] }),
  },
]

/** With the seeds that make the tables. */
const IMAGES = [
  [1, 'FULL'],
  [2, 'FULL'],
  [3, 'MINIMAL'],
  [4, 'NOBLOB'],
] as const

describe('Random tables', () => {
  it.each(pairs(servers, IMAGES).map(([server, [seed, image]]) => ({ ...server, seed, image })))(
    'are decoded as $title prints them and zongji reads them, whole and in part (seed $seed, $image images)',
    async ({ start, makersOf, leastCompared, seed, image }) => {
      await using server = await start()
      const db = await server.connect()
      const random = new Random(seed)
      await db.query('CREATE DATABASE shop')
      await db.query('USE shop')
      await db.query("SET sql_mode = '', NAMES utf8mb4")
      await db.query('SET binlog_row_image = ?', [image])
      const tables = new Map<string, RowsEvent[]>()
      for (let table = 0; table < TABLES; table++) {
        await writeTable(db, `r${table}`, random, makersOf(table))
        tables.set(`r${table}`, await checkTable(server, db, `r${table}`, random))
      }
      expect(await checkWithZongji(server, db, tables)).toBeGreaterThan(leastCompared)
      await db.end()
    },
  )
})

/** Inserts, copies by UPDATE in another table's order, and deletes from a copy, so that all three images occur. */
async function writeTable(db: Connection, name: string, random: Random, makers: typeof COMMON_COLUMNS): Promise<void> {
  const columns = Array.from({ length: 1 + random.below(20) }, () => random.pick(makers)(random))
  const definitions = columns.map(({ type }, i) => `c${i} ${type}`)
  await db.query(`CREATE TABLE ${name} (id INT PRIMARY KEY, ${definitions.join(', ')})`)
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const values = columns.map((column) => (random.chance(20) ? 'NULL' : column.literal(random)))
    return `(${[i, ...values].join(', ')})`
  })
  await db.query(`INSERT INTO ${name} VALUES ${rows.join(', ')}`)
  const updated = random.below(columns.length)
  await db.query(`UPDATE ${name} SET c${updated} = ${columns[updated]!.literal(random)} WHERE id % 2 = 0`)
  await db.query(`CREATE TABLE ${name}_copy AS SELECT * FROM ${name}`)
  await db.query(`DELETE FROM ${name} WHERE id % 3 = 0`)
}

async function checkTable(server: SqlServer, db: Connection, name: string, random: Random): Promise<RowsEvent[]> {
  const events = await readRowsEvents(server, name)
  expect(new Set(events.map((event) => event.shape.op))).toContain('delete')
  const state = new Map<unknown, Row>()
  for (const event of events) {
    expect(event.rows).toEqual(decodeSlowly(event.table, event.shape, event.images))
    for (let i = 0; i < SUBSETS; i++) checkSubset(event, random)
    for (const row of event.rows) {
      // What an image leaves out is as it was before; of a new row, it is NULL.
      const before = row.old === null ? nulls(event) : state.get(row.old['id'])!
      expect({ ...before, ...row.old }).toEqual(before)
      if (row.new === null) state.delete(before['id'])
      else state.set(row.new['id'] ?? before['id'], { ...before, ...row.new })
    }
  }
  await expectAsPrinted(db, events[0]!.table, [...state.values()])
  return events
}

/** All values but those of UNREADABLE_BY_ZONGJI and MISREAD_BY_ZONGJI; answers the share that was compared. */
async function checkWithZongji(server: SqlServer, db: Connection, tables: Map<string, RowsEvent[]>): Promise<number> {
  const readable = [...tables].filter(([, events]) => zongjiReads(events[0]!.table))
  const read = await readZongjiEvents(
    server,
    db,
    'shop',
    readable.map(([name]) => name),
  )
  let compared = 0
  for (const [name, events] of readable) {
    const theirs = read.get(name)!
    expect(theirs).toHaveLength(events.length)
    for (const [i, event] of events.entries()) {
      const comparison = compareWithZongji(event, theirs[i]!)
      expect(comparison.differences).toEqual([])
      compared += comparison.compared
      checkMutants(event, theirs[i]!)
    }
  }
  const all = [...tables.values()].flat().flatMap(({ rows }) => rows.flatMap((row) => valuesOf(row.old, row.new)))
  return compared / all.length
}

function valuesOf(...images: (Row | null)[]): Value[] {
  return images.flatMap((image) => Object.values(image ?? {})).filter((value) => value !== null)
}

/** One value changed, of each column in turn, is one difference. */
function checkMutants(event: RowsEvent, theirs: ZongjiEvent): void {
  const image = event.shape.op === 'delete' ? 'old' : 'new'
  for (const column of event.table.columns) {
    const { name } = column
    const isCompared = (value: Value = null): boolean =>
      value !== null && misreadByZongji(value, column, event.table) === undefined
    const index = event.rows.findIndex((row) => isCompared(row[image]![name]))
    if (index === -1) continue
    const row = event.rows[index]!
    const mutant = { ...row, [image]: { ...row[image], [name]: changed(row[image]![name]) } }
    const { differences } = compareWithZongji({ ...event, rows: event.rows.with(index, mutant) }, theirs)
    expect(differences, `${event.table.name}.${name}`).toHaveLength(1)
  }
}

function changed(value: Value): Value {
  if (typeof value === 'number') return value === 0 ? 1 : value * (1 + 2 ** -50)
  if (typeof value === 'bigint') return value + 1n
  if (typeof value === 'string') return `${value} `
  if (typeof value === 'boolean') return !value
  return Array.isArray(value) ? [...value, ''] : { ...(value as object), mutant: null }
}

function nulls({ table }: RowsEvent): Row {
  return Object.fromEntries(table.columns.map(({ name }) => [name, null]))
}

function checkSubset({ table, shape, images, rows }: RowsEvent, random: Random): void {
  const chance = random.pick([10, 50, 90])
  const subset = (): Set<number> => new Set([...table.columns.keys()].filter(() => random.chance(chance)))
  const select = { old: subset(), new: subset() }
  const only = (row: Row | null, columns: ReadonlySet<number>): object | null =>
    row &&
    Object.fromEntries([...columns].map((index) => [table.columns[index]!.name, row[table.columns[index]!.name]]))
  expect(decodeRows(table, shape, images, select)).toEqual(
    rows.map((row) => ({ old: only(row.old, select.old), new: only(row.new, select.new) })),
  )
}
