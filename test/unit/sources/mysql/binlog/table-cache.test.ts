import { describe, expect, test } from 'vitest'
import { TableCache } from '../../../../../src/sources/mysql/binlog/tables/table-cache.ts'
import type { TableDef } from '../../../../../src/model/table/table.ts'
import {
  artificialRotate,
  formatDescription,
  gtid,
  insertRows,
  int,
  query,
  tableMap,
  tableMapBody,
  xid,
} from './event-bytes.ts'
import { feedAll, noSchemas, readerFor, Recorder } from './recorder.ts'

const START = [artificialRotate('binlog.000001', 4), formatDescription()]
/** Ids after which the oldest are forgotten. */
const MANY = 16_384

const isRows = (line: string): boolean => line.startsWith('insert')

describe('between a TABLE_MAP event and its rows', () => {
  test('new rules may come', async () => {
    const recorder = new Recorder()
    const reader = readerFor(recorder)
    await feedAll(reader, [...START, gtid(1), query('BEGIN'), tableMap()])
    reader.reconsiderTables()
    await feedAll(reader, [insertRows([1]), xid()])
    expect(recorder.lines.slice(-3)).toEqual(['begin', 'insert shop.users @0', 'commit'])
  })

  test('new rules may reference a table whose columns were never queried: they apply from its next TABLE_MAP', async () => {
    const recorder = new Recorder()
    recorder.unwanted = new Set(['users'])
    const column = { name: 'id', type: 3, meta: 0, nullable: false, unsigned: false, collation: 0, visible: true }
    const resolve = (): TableDef => ({ schema: 'shop', name: 'users', columns: [column], key: [0], flavour: 'mysql' })
    const reader = readerFor(recorder, { schemas: { resolve, invalidate: () => undefined } })
    const map = tableMap(1, 'users', false)
    await feedAll(reader, [...START, gtid(1), query('BEGIN'), map])
    recorder.unwanted = new Set()
    reader.reconsiderTables()
    await feedAll(reader, [insertRows([1]), map, insertRows([2]), xid()])
    expect(recorder.lines.filter(isRows)).toHaveLength(1)
  })

  test('the ids of other tables may run over', async () => {
    const recorder = new Recorder()
    const reader = readerFor(recorder)
    const others = Array.from({ length: MANY - 1 }, (_, i) => tableMap(i + 1))
    const [one, other] = [MANY + 1, MANY + 2]
    await feedAll(reader, [...START, gtid(1), query('BEGIN'), ...others, tableMap(one, 'a'), tableMap(other, 'b')])
    await feedAll(reader, [insertRows([1], one), insertRows([1], other), xid()])
    expect(recorder.lines.filter(isRows)).toHaveLength(2)
  })

  test('an id that was mapped long ago and just now again is known, however many ids came in between', async () => {
    const recorder = new Recorder()
    const reader = readerFor(recorder)
    const others = (from: number): Buffer[] => Array.from({ length: MANY - 1 }, (_, i) => tableMap(from + i))
    await feedAll(reader, [...START, gtid(1), query('BEGIN'), tableMap(1, 'a'), ...others(2), tableMap(1, 'a')])
    await feedAll(reader, [...others(2 * MANY), tableMap(1, 'a'), ...others(4 * MANY), insertRows([1], 1), xid()])
    expect(recorder.lines.filter(isRows)).toHaveLength(1)
  })
})

test('tables that no rule referenced are queried once a rule does (MariaDB)', async () => {
  let wanted = false
  const enriched: string[] = []
  const enrich = (table: TableDef): TableDef => {
    enriched.push(table.name)
    return { ...table }
  }
  const cache = new TableCache({ ...noSchemas, enrich }, () => wanted)
  const body = Buffer.concat(tableMapBody())
  const map = (): void | Promise<void> => cache.map(body, 0, body.length, 'mariadb')
  await map()
  expect(enriched).toEqual([])
  wanted = true
  cache.reconsider()
  await map()
  await map()
  expect(enriched).toEqual(['users'])
})

test('tables are kept up to a number of bytes, whatever the size of their TABLE_MAP events', async () => {
  const cache = new TableCache(noSchemas, () => true)
  /** A field of optional metadata that nobody knows. */
  const ballast = Buffer.concat([int(99, 1), int(0xfd, 1), int(1 << 20, 3), Buffer.alloc(1 << 20)])
  for (let i = 0; i < 64; i++) {
    const body = Buffer.concat([...tableMapBody(i, `t${i}`), ballast])
    await cache.map(body, 0, body.length, 'mysql')
  }
  expect(cache.get(63)?.table.name).toBe('t63')
  expect(cache.get(0)).toBeNull()
})

test('what a resolver described takes no room once it is forgotten, however often that happens', async () => {
  const described = (name: string): TableDef => ({ schema: 'shop', name, columns: [], key: [], flavour: 'mysql' })
  const cache = new TableCache({ resolve: ({ name }) => described(name), invalidate: () => undefined }, () => true)
  const kept = Buffer.concat(tableMapBody(1, 'kept'))
  await cache.map(kept, 0, kept.length, 'mysql')
  const table = cache.get(1)?.table
  const ballast = Buffer.concat([int(99, 1), int(0xfd, 1), int(1 << 20, 3), Buffer.alloc(1 << 20)])
  for (let i = 2; i < 66; i++) {
    const body = Buffer.concat([...tableMapBody(i, `t${i}`, false), ballast])
    await cache.map(body, 0, body.length, 'mysql')
    cache.forgetResolved()
  }
  expect(cache.get(1)?.table).toBe(table)
})
