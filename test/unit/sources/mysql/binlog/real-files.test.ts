import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Recorder, feedAll, readerFor, splitEvents } from './recorder.ts'
import type { Flavour, TableDef } from '../../../../../src/model/table/table.ts'

/** Binlogs written by real servers for statements such as those of test/support/binlog-statements.ts. */
async function readFixture(name: string, flavour: Flavour) {
  const recorder = new Recorder()
  const reader = readerFor(recorder, { flavour })
  const events = splitEvents(readFileSync(new URL(`fixtures/${name}`, import.meta.url)))
  await feedAll(reader, events)
  return { recorder, reader, events }
}

function columnsOf(tables: readonly TableDef[], name: string): Record<string, unknown>[] {
  const table = tables.findLast((candidate) => candidate.name === name)!
  return table.columns.map(({ name: column, type, meta, unsigned, collation, values, visible }) => {
    return { column, type, meta, unsigned, collation, values, visible }
  })
}

describe('MySQL 9.7', () => {
  test('every transaction, with its GTID, rows and DDL', async () => {
    const { recorder, reader } = await readFixture('mysql-9.7.000001', 'mysql')
    expect(recorder.lines.filter((line) => line !== 'begin' && line !== 'commit' && line !== 'advance')).toEqual([
      'ddl shop.t',
      'insert shop.t @0',
      'update partial shop.t @0',
      'insert shop.t @0',
      'insert shop.t @0',
      'insert shop.t @0',
      'ddl shop.m',
      'insert shop.t @0',
      'insert shop.t @21',
      'ddl shop.ctas',
      'insert shop.ctas @1',
      'ddl shop.ctas shop.ctas2 shop.m shop.m2',
      'truncate shop.m2',
      'ddl shop.m2',
      'ddl shop.ctas2 shop.nope',
      'ddl shop.t',
      'ddl shop.t',
      'insert shop.t @0',
      'delete shop.t @0',
      'insert shop.t @0',
      'insert shop.t @0',
      'ddl shop.gipk',
      'insert shop.gipk @0',
      'ddl shop.ctas3',
      'insert shop.ctas3 @1',
    ])
    expect(reader.position()).toEqual({
      flavour: 'mysql',
      file: 'binlog.000002',
      offset: 4,
      gtidSet: '2627c265-e569-11f1-833b-02fc00000001:1-30:mytag:1',
    })
    expect(recorder.transactions.map(({ query }) => query)).toContain("update t set j=json_set(j,'$.a',2)")
    expect(recorder.transactions.every(({ timestampUs }) => timestampUs % 1_000_000 > 0)).toBe(true)
  })

  test('columns as the server describes them', async () => {
    const { recorder } = await readFixture('mysql-9.7.000001', 'mysql')
    const none = { unsigned: false, collation: 0, values: undefined, visible: true }
    expect(columnsOf(recorder.tables, 't')).toEqual([
      { ...none, column: 'id', type: 3, meta: 0 },
      { ...none, column: 'y', type: 13, meta: 0, unsigned: true },
      { ...none, column: 'u', type: 3, meta: 0, unsigned: true },
      { ...none, column: 'v', type: 15, meta: 1200, collation: 255 },
      { ...none, column: 'e', type: 247, meta: 1, collation: 8, values: ['a', 'b,c'] },
      { ...none, column: 'j', type: 245, meta: 4 },
      { ...none, column: 'c', type: 254, meta: 1020, collation: 255 },
      { ...none, column: 'z', type: 3, meta: 0, visible: false },
    ])
    expect(columnsOf(recorder.tables, 'gipk')).toEqual([
      { ...none, column: 'my_row_id', type: 8, meta: 0, unsigned: true, visible: false },
      { ...none, column: 'a', type: 3, meta: 0 },
      { ...none, column: 's', type: 248, meta: 1, collation: 255, values: ['p', 'q'] },
    ])
    expect(recorder.tables.find(({ name }) => name === 'gipk')!.key).toEqual([0])
  })
})

describe.each(['mariadb-10.11.000001', 'mariadb-11.8.000001'])('%s', (name) => {
  test('every transaction, compressed rows and queries included', async () => {
    const { recorder, reader } = await readFixture(name, 'mariadb')
    expect(recorder.lines.filter((line) => line !== 'begin' && line !== 'commit' && line !== 'advance')).toEqual([
      'ddl shop.t',
      'insert shop.t @0',
      'update shop.t @0',
      'insert shop.t @0',
      'insert shop.t @0',
      'insert shop.t @0',
      'ddl shop.m',
      'insert shop.m @0',
      'insert shop.t @0',
      'insert shop.t @19',
      'rollback to @19',
      'insert shop.t @38',
      'insert shop.m @0',
      'ddl shop.ctas',
      'insert shop.ctas @1',
      'ddl shop.ctas shop.ctas2 shop.m shop.m2',
      'truncate shop.m2',
      'ddl shop.m2 shop.ctas2 shop.nope',
      'ddl shop.t',
      'ddl shop.t',
      'insert shop.t @0',
      'delete shop.t @0',
      'ddl shop.sq',
      'insert shop.sq @0',
      'insert shop.t @0',
      'ddl shop.uu',
      'insert shop.uu @0',
      'ddl shop.uu',
    ])
    expect(reader.position()).toMatchObject({ file: 'binlog.000002', offset: 4, gtidSet: '0-1-34' })
    expect(recorder.transactions.map(({ query }) => query)).toContain("insert into t (v) values ('between')")
  })

  test('a position is never after a prepared transaction', async () => {
    const { recorder } = await readFixture(name, 'mariadb')
    const between = recorder.ends.findIndex(({ gtidSet }) => gtidSet === '0-1-7')
    expect(recorder.ends.slice(between - 2, between).map(({ gtidSet }) => gtidSet)).toEqual(['0-1-4', '0-1-4'])
    expect(recorder.ends[between - 1]!.offset).toBe(recorder.ends[between - 3]!.offset)
  })
})
