import type { Connection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Row } from '../../src/model/event/row.ts'
import { type ColumnHints, readRowsEvents, type SqlServer } from '../support/binlog-rows.ts'
import { expectAsPrinted } from '../support/printed-values.ts'
import { startMariadb } from '../support/servers/mariadb.ts'

const FRACTIONS = [0, 1, 2, 3, 4, 5, 6]

describe.each(['10.11', '11.8'] as const)('Values of MariaDB %s', (version) => {
  let server: SqlServer
  let db: Connection
  let tables = 0

  beforeAll(async () => {
    server = await startMariadb({ version, args: ['--mysql56-temporal-format=ON'] })
    db = await server.connect()
    await db.query('CREATE DATABASE shop')
    await db.query('USE shop')
    await db.query("SET sql_mode = ''")
    await db.query('SET NAMES utf8mb4')
  })
  afterAll(async () => {
    await db.end()
    await server.stop()
  })

  async function roundTrip(type: string, literals: readonly string[], hints: ColumnHints = {}): Promise<Row[string][]> {
    const name = `t${++tables}`
    await db.query(`CREATE TABLE ${name} (id INT PRIMARY KEY AUTO_INCREMENT, v ${type})`)
    for (const literal of literals) await db.query(`INSERT INTO ${name} (v) VALUES (${literal})`)
    const events = await readRowsEvents(server, name, hints)
    const rows = events.flatMap((event) => event.rows.map((row) => row.new!))
    await expectAsPrinted(db, events[0]!.table, rows)
    return rows.map((row) => row['v'])
  }

  it.each([
    ['BIGINT UNSIGNED', ['18446744073709551615', '0']],
    ['MEDIUMINT', ['-8388608', '8388607']],
    ['DECIMAL(65,38)', ['-123456789012345678901234567.12345678901234567890123456789012345678', '0']],
    ['DECIMAL(12,2)', ['-0.01', '9999999999.99']],
    ['FLOAT', ['1.1', '-0.3']],
    ['DOUBLE', ['0.1', '-1e300']],
    ['YEAR', ['2026', '0']],
    ['DATE', ["'2026-11-20'", "'0000-00-00'", "'2026-00-00'"]],
    ['BIT(64)', ['18446744073709551615', '1']],
    ["ENUM('a','ü','it''s')", ["'ü'", "'wrong'", 'NULL']],
    ["SET('a','b','c','d','e','f','g','h','i')", ["'a,i'", "''"]],
    ['CHAR(255)', ["REPEAT('€', 255)", "''"]],
    ['BINARY(16)', ["x'0100'", "x'00'"]],
    ['LONGTEXT', ["REPEAT('ä', 70000)"]],
    ['JSON', [`'{"a": [1, 2]}'`]],
    [
      'INET6',
      [
        "'::1'",
        "'2001:db8::ff00:42:8329'",
        "'::ffff:1.2.3.4'",
        "'1:0:0:2:0:0:0:3'",
        "'::'",
        "'fe80::'",
        "'::1.2.3.4'",
        "'1:0:2:0:3:0:4:0'",
      ],
    ],
    ['INET4', ["'192.168.0.0'", "'0.0.0.0'", "'255.255.255.255'"]],
    [
      'UUID',
      [
        "'123e4567-e89b-12d3-a456-426655440000'",
        "'00000000-0000-0000-0000-000000000000'",
        "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        // One of each version, and of each variant: from version 6 on the server keeps the bytes in another order.
        ...['1', '3', '4', '5', '6', '7', '8', 'f'].flatMap((kind) =>
          ['0', '8', 'c', 'e'].map((variant) => `'01234567-89ab-${kind}cde-${variant}f01-23456789abcd'`),
        ),
      ],
    ],
  ])('%s are as the server prints them', async (type, literals) => {
    const special = type.toLowerCase()
    const hints: ColumnHints =
      special === 'inet4' || special === 'inet6' || special === 'uuid' ? { v: { special } } : {}
    expect(await roundTrip(type, literals, hints)).toHaveLength(literals.length)
  })

  it('of compressed columns come out inflated', async () => {
    const texts = ["''", "'short'", "REPEAT('ab', 1000)", "REPEAT('ä€', 3000)", 'NULL']
    await roundTrip('VARCHAR(10000) COMPRESSED', texts)
    await roundTrip('VARCHAR(60) COMPRESSED', ["''", "'short'", "REPEAT('ab', 30)"])
    await roundTrip('TEXT COMPRESSED', texts)
    await roundTrip('LONGTEXT COMPRESSED CHARACTER SET utf8mb4', ["REPEAT('x', 100000)"])
    await roundTrip('BLOB COMPRESSED', ["x'00ff'", "REPEAT(x'00', 1000)"])
    expect(await roundTrip('VARBINARY(2000) COMPRESSED', ["REPEAT(x'ff', 1500)"])).not.toHaveLength(0)
  })

  it('of geometries are GeoJSON', async () => {
    expect(
      await roundTrip('GEOMETRY', [
        "ST_GeomFromText('POINT(1 -2.5)')",
        "ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 10, 0 0))')",
        "ST_GeomFromText('MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))')",
        "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))')",
      ]),
    ).not.toHaveLength(0)
  })

  it.each(FRACTIONS)('of temporal types with %i digits are as the server prints them', async (digits) => {
    const stamps = ["'2026-11-20 10:00:00.123456'", "'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'"]
    await db.query("SET time_zone = '+00:00'")
    await roundTrip(`TIMESTAMP(${digits}) NULL`, stamps)
    await roundTrip(`DATETIME(${digits})`, [...stamps, "'9999-12-31 23:59:59'", "'2026-00-00 01:00:00'"])
    expect(
      await roundTrip(`TIME(${digits})`, ["'-838:59:59'", "'-00:00:00.999999'", "'12:34:56.987654'", "'00:00:00'"]),
    ).not.toHaveLength(0)
  })

  it.each(FRACTIONS)(
    'of the temporal types before 5.6 with %i digits are as the server prints them',
    async (digits) => {
      await db.query('SET GLOBAL mysql56_temporal_format = OFF')
      const hints: ColumnHints = { v: { special: 'mariadb53-temporal', meta: digits } }
      const stamps = ["'2026-11-20 10:00:00.123456'", "'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'"]
      try {
        await roundTrip(`TIMESTAMP(${digits}) NULL`, stamps, hints)
        await roundTrip(`DATETIME(${digits})`, [...stamps, "'9999-12-31 23:59:59.999999'"], hints)
        expect(
          await roundTrip(
            `TIME(${digits})`,
            ["'-838:59:59'", "'-00:00:01.25'", "'12:34:56.987654'", "'00:00:00'"],
            hints,
          ),
        ).not.toHaveLength(0)
      } finally {
        await db.query('SET GLOBAL mysql56_temporal_format = ON')
      }
    },
  )

  // Both came with MariaDB 11.
  it.each(version === '11.8' ? ['VECTOR'] : [])('of %s are lists of numbers', async () => {
    const hints: ColumnHints = { v: { special: 'vector' } }
    const values = await roundTrip('VECTOR(3) NOT NULL', ["VEC_FromText('[1.1, -2, 3.5e10]')"], hints)
    expect(values).toEqual([[1.1, -2, 3.5e10]])
  })

  it.each(version === '11.8' ? ['TIMESTAMP'] : [])('of %s reach to 2106', async () => {
    await db.query("SET time_zone = '+00:00'")
    expect(await roundTrip('TIMESTAMP NULL', ["'2106-02-07 06:28:15'"])).toEqual(['2106-02-07T06:28:15Z'])
  })
})
