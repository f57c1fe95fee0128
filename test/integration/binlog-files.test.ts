import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { findBinlogFiles, readBinlogFiles } from '../../src/sources/mysql/binlog/file-reader.ts'
import { BinlogReader } from '../../src/sources/mysql/binlog/reader.ts'
import { compileRowDecoder } from '../../src/sources/mysql/binlog/rows/row-decoder.ts'
import type { RowsBlock, SchemaResolver, TransactionHandler, WireTable } from '../../src/model/source/binlog-stream.ts'
import type { SourcePosition } from '../../src/model/source/position.ts'
import type { TableDef } from '../../src/model/table/table.ts'
import { writeUnusualBinlog } from '../support/binlog-statements.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { mysqlTool, startMysql } from '../support/servers/mysql.ts'

type SqlServer = Awaited<ReturnType<typeof startMysql>>

const NOTHING: ReadonlySet<number> = new Set()

interface Read {
  /** Rows by operation, of transactions that were committed. */
  readonly rows: { insert: number; update: number; delete: number }
  readonly tables: Map<string, TableDef>
  readonly wires: WireTable[]
  readonly present: boolean[]
  transactions: number
  end: SourcePosition | null
}

/** Reads all binlog files of a server from its folder, as another process would. */
async function readFiles(server: SqlServer): Promise<Read> {
  const read: Read = {
    rows: { insert: 0, update: 0, delete: 0 },
    tables: new Map(),
    wires: [],
    present: [],
    transactions: 0,
    end: null,
  }
  let pending: { op: keyof Read['rows']; rows: number; seq: number }[] = []
  const handler: TransactionHandler = {
    begin: () => (pending = []),
    rows: (block: RowsBlock) => {
      read.tables.set(block.table.name, block.table)
      read.present.push(block.op === 'delete' ? block.presentOld.all : block.presentNew.all)
      const decode = compileRowDecoder(block.table, block, { old: NOTHING, new: NOTHING })
      const rows = decode(block.buffer, block.start, block.end, () => undefined)
      pending.push({ op: block.op, rows, seq: block.firstSeq })
    },
    ddl: () => undefined,
    commit: (end) => {
      for (const { op, rows } of pending) read.rows[op] += rows
      read.transactions += 1
      read.end = end
    },
    rollback: (end) => (read.end = end),
    rollbackTo: (seq) => (pending = pending.filter((block) => block.seq < seq)),
    advance: (end) => (read.end = end),
    wants: () => true,
  }
  const schemas: SchemaResolver = {
    invalidate: () => undefined,
    resolve: (wire) => {
      read.wires.push(wire)
      const columns = wire.metas.map((meta, i) => ({
        name: `c${i}`,
        type: wire.types[i]!,
        meta,
        nullable: wire.nullable[i]!,
        unsigned: wire.unsigned?.[i] ?? false,
        collation: wire.collations?.[i] ?? 0,
        visible: true,
      }))
      return { schema: wire.schema, name: wire.name, columns, key: [], flavour: wire.flavour }
    },
  }
  const { flavour } = server
  const reader = new BinlogReader({ flavour, handler, schemas, startGtidSet: null, startFile: '' })
  const files = await findBinlogFiles(server.binlogDir!)
  for await (const { truncatedBytes } of readBinlogFiles(files, reader)) expect(truncatedBytes).toBe(0)
  return read
}

/** What the server's own tool prints for the same files. */
async function countWithMysqlbinlog(server: SqlServer): Promise<Read['rows']> {
  const files = await findBinlogFiles(server.binlogDir!)
  const { command, args, env } = await mysqlTool('mysqlbinlog', ['-v', '--base64-output=DECODE-ROWS', ...files])
  const { stdout } = await promisify(execFile)(command, args, { env, maxBuffer: 1 << 30 })
  const count = (pattern: RegExp) => stdout.match(pattern)?.length ?? 0
  return {
    insert: count(/^### INSERT INTO/gm),
    update: count(/^### UPDATE /gm),
    delete: count(/^### DELETE FROM/gm),
  }
}

/** Columns of every kind, each followed by a signed and an unsigned one that would show a shifted bit. */
const EVERY_COLUMN = `create table every (
  a tinyint, b tinyint unsigned, c smallint unsigned, d mediumint, e mediumint unsigned, f bigint, g bigint unsigned,
  y year, h int, i int unsigned, bt bit(9), j int, k int unsigned, dt datetime(3), l int, m int unsigned,
  ts timestamp(6) null, ti time(2), da date, n int, o int unsigned, en enum('x','ÿ') character set latin1, p int,
  q int unsigned, st set('é','z') character set gbk, r int, s int unsigned, de decimal(10,2), du decimal(65,30) unsigned,
  fl float, fu float unsigned, dbl double, dbu double unsigned, js json, t int, u int unsigned, gm geometry, v int,
  w int unsigned, bl blob, tx text character set latin1, vc varchar(10) character set utf8mb4, vb varbinary(10),
  ch char(255) character set utf8mb4, bi binary(16), x int, z int unsigned, primary key (b, vc(3), a))`

async function rowsOf<R>(server: SqlServer, sql: string, params: unknown[] = []): Promise<R[]> {
  return (await server.query(sql, params)) as unknown as R[]
}

async function expectColumns(server: SqlServer, table: TableDef): Promise<void> {
  const columns = await rowsOf<{
    name: string
    type: string
    nullable: string
    collation: string | null
    id: number | null
  }>(
    server,
    `select c.column_name name, c.column_type type, c.is_nullable nullable, c.collation_name collation, o.id id
     from information_schema.columns c left join information_schema.collations o on o.collation_name = c.collation_name
     where table_name = ? order by c.ordinal_position`,
    [table.name],
  )
  expect(table.columns.map(({ name, nullable }) => ({ name, nullable }))).toEqual(
    columns.map(({ name, nullable }) => ({ name, nullable: nullable === 'YES' })),
  )
  const numeric = /int|decimal|float|double/
  const signs = columns.flatMap(({ name, type }) =>
    numeric.test(type) ? [`${name} ${type.includes('unsigned')}`] : [],
  )
  const types = new Map(columns.map(({ name, type }) => [name, type]))
  expect(
    table.columns.flatMap(({ name, unsigned }) => (numeric.test(types.get(name)!) ? [`${name} ${unsigned}`] : [])),
  ).toEqual(signs)
  const collations = columns.flatMap(({ name, id }) => (id === null ? [] : [`${name} ${id}`]))
  const withCollation = new Set(columns.flatMap(({ name, id }) => (id === null ? [] : [name])))
  expect(
    table.columns.flatMap(({ name, collation }) => (withCollation.has(name) ? [`${name} ${collation}`] : [])),
  ).toEqual(collations)
}

describe.each<[string, (options: { rowMetadata?: 'FULL' | 'MINIMAL' }) => Promise<SqlServer>]>([
  ['MySQL', (options) => startMysql({ gtid: true, args: ['--binlog-row-value-options=PARTIAL_JSON'], ...options })],
  ['MariaDB 10.11', (options) => startMariadb({ version: '10.11', ...options })],
  [
    'MariaDB 11.8',
    (options) =>
      startMariadb({ version: '11.8', args: ['--log-bin-compress=ON', '--log-bin-compress-min-len=10'], ...options }),
  ],
])('binlog files of %s', (_, start) => {
  test('hold the rows that the server says it has committed', async () => {
    await using server = await start({})
    await writeUnusualBinlog(server)
    const read = await readFiles(server)
    const left = await rowsOf<{ n: number }>(server, 'select count(*) n from shop.t')
    // One row of `t` came with each insert, but for those of the copied tables.
    expect(read.rows.delete).toBe(1)
    expect(read.rows.update).toBe(1)
    expect(Number(left[0]!.n)).toBeGreaterThan(5)
    const [status] = await rowsOf<{ executed: string }>(
      server,
      server.flavour === 'mysql'
        ? 'select @@global.gtid_executed executed'
        : 'select @@global.gtid_binlog_pos executed',
    )
    expect(read.end!.gtidSet).toBe(status!.executed.replaceAll('\n', ''))
  })

  test('describe every column as the server does', async () => {
    await using server = await start({})
    await server.query('create database shop')
    const connection = await server.connect()
    await connection.query('use shop')
    await connection.query("set sql_mode=''")
    await connection.query(EVERY_COLUMN)
    await connection.query("insert into every (b, vc, a) values (1, 'k', 1)")
    await connection.end()
    const { tables } = await readFiles(server)
    const table = tables.get('every')!
    await expectColumns(server, table)
    expect(table.key.map((index) => table.columns[index]!.name)).toEqual(['b', 'vc', 'a'])
    expect(table.columns.find(({ name }) => name === 'en')!.values).toEqual(['x', 'ÿ'])
    expect(table.columns.find(({ name }) => name === 'st')!.values).toEqual(['é', 'z'])
  })

  test('without names describe signs and collations to the resolver', async () => {
    await using server = await start({ rowMetadata: 'MINIMAL' })
    await server.query('create database shop')
    await server.query('create table shop.m (a int unsigned, b int, c varchar(9) character set latin1)')
    await server.query("insert into shop.m values (1, 2, 'x')")
    const { wires, rows } = await readFiles(server)
    expect(wires).toHaveLength(1)
    expect(wires[0]).toMatchObject({ schema: 'shop', name: 'm', unsigned: [true, false, false], collations: [0, 0, 8] })
    expect(rows.insert).toBe(1)
  })
})

test('files of MySQL hold as many rows as its own tool prints', async () => {
  await using server = await startMysql({ gtid: true })
  await writeUnusualBinlog(server)
  const read = await readFiles(server)
  const counted = await countWithMysqlbinlog(server)
  // mysqlbinlog prints the row of the XA transaction that was rolled back, too.
  expect(read.rows).toEqual({ ...counted, insert: counted.insert - 1 })
})

test('a large compressed transaction and a row of 64 MB come through whole', async () => {
  await using server = await startMysql({ gtid: true, rowImage: 'MINIMAL' })
  const connection = await server.connect()
  await connection.query('create database shop')
  await connection.query('create table shop.big (id int primary key auto_increment, v varchar(100), l longtext)')
  await connection.query('set cte_max_recursion_depth = 1000000, binlog_transaction_compression = on')
  await connection.query(
    `insert into shop.big (v) with recursive n as (select 1 i union all select i + 1 from n where i < 200000)
     select concat('row number ', i) from n`,
  )
  await connection.query("insert into shop.big (l) values (repeat('x', 64 << 20))")
  await connection.query('set binlog_transaction_compression = off')
  await connection.query("insert into shop.big (l) values (repeat('y', 64 << 20))")
  await connection.end()
  const read = await readFiles(server)
  expect(read.rows).toEqual({ insert: 200_002, update: 0, delete: 0 })
  expect(read.present.every((all) => !all)).toBe(true)
})

test('a server that logs statements is found out', async () => {
  await using server = await startMysql({ binlogFormat: 'STATEMENT' })
  await server.query('create database shop')
  await server.query('create table shop.s (id int primary key auto_increment)')
  await server.query('insert into shop.s values (null)')
  await expect(readFiles(server)).rejects.toMatchObject({ code: 'BINGO_STATEMENT_FORMAT' })
})
