import type { Connection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Row } from '../../src/model/event/row.ts'
import { readRows, readRowsEvents, type SqlServer } from '../support/binlog-rows.ts'
import { expectAsPrinted } from '../support/printed-values.ts'
import { startMysql } from '../support/servers/mysql.ts'

let server: SqlServer
let db: Connection
let tables = 0

beforeAll(async () => {
  server = await startMysql({})
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

/** Writes one value per row into a table of one type; answers the decoded values, compared with the server's print. */
async function roundTrip(type: string, literals: readonly string[]): Promise<Row[string][]> {
  const name = `t${++tables}`
  await db.query(`CREATE TABLE ${name} (id INT PRIMARY KEY AUTO_INCREMENT, v ${type})`)
  for (const literal of literals) await db.query(`INSERT INTO ${name} (v) VALUES (${literal})`)
  const events = await readRowsEvents(server, name)
  const rows = events.flatMap((event) => event.rows.map((row) => row.new!))
  await expectAsPrinted(db, events[0]!.table, rows)
  return rows.map((row) => row['v'])
}

describe('Integers', () => {
  it.each([
    ['TINYINT', ['-128', '-1', '0', '127', 'NULL']],
    ['TINYINT UNSIGNED', ['0', '128', '255']],
    ['SMALLINT', ['-32768', '-1', '32767']],
    ['SMALLINT UNSIGNED', ['65535']],
    ['MEDIUMINT', ['-8388608', '-1', '8388607']],
    ['MEDIUMINT UNSIGNED', ['16777215']],
    ['INT', ['-2147483648', '-1', '2147483647']],
    ['INT UNSIGNED', ['2147483648', '4294967295']],
    ['INT(10) ZEROFILL', ['4294967295']],
    ['YEAR', ['1901', '2155', '0', '2026']],
    ['BOOL', ['TRUE', 'FALSE']],
  ])('%s are the numbers that the server prints', async (type, literals) => {
    expect(await roundTrip(type, literals)).toHaveLength(literals.length)
  })

  it('above 2^53 are bigints, otherwise numbers', async () => {
    const edges = ['9007199254740991', '9007199254740992', '-9007199254740991', '-9007199254740992', '-1', '4294967296']
    const signed = await roundTrip('BIGINT', [...edges, '9223372036854775807', '-9223372036854775808'])
    expect(signed).toEqual([
      9007199254740991,
      9007199254740992n,
      -9007199254740991,
      -9007199254740992n,
      -1,
      4294967296,
      9223372036854775807n,
      -9223372036854775808n,
    ])
    const unsigned = await roundTrip('BIGINT UNSIGNED', ['18446744073709551615', '9223372036854775808', '5'])
    expect(unsigned).toEqual([18446744073709551615n, 9223372036854775808n, 5])
  })
})

describe('Fractions', () => {
  it.each([
    [1, 0],
    [5, 5],
    [9, 0],
    [10, 2],
    [12, 2],
    [15, 0],
    [18, 9],
    [20, 10],
    [30, 30],
    [38, 1],
    [65, 0],
    [65, 30],
    [31, 3],
  ])('DECIMAL(%i,%i) keeps every digit', async (precision, scale) => {
    const whole = '9'.repeat(precision - scale)
    const most = scale === 0 ? whole : `${whole || '0'}.${'9'.repeat(scale)}`
    const middle = scale === 0 ? '1' : `0.${'0'.repeat(scale - 1)}1`
    const values = await roundTrip(`DECIMAL(${precision},${scale})`, [
      '0',
      most,
      `-${most}`,
      middle,
      `-${middle}`,
      'NULL',
    ])
    expect(values[1]).toBe(most)
  })

  it('FLOAT has the fewest digits that identify it, DOUBLE is exact', async () => {
    const floats = await roundTrip('FLOAT', [
      '1.1',
      '-0.3',
      '16777217',
      '3.4028235e38',
      '1.17549e-38',
      '1e-45',
      '0.1',
      '123456.7',
    ])
    expect(floats.slice(0, 3)).toEqual([1.1, -0.3, 16777216])
    expect(floats[7]).toBe(123456.7)
    await roundTrip('DOUBLE', ['1.1', '-2.5e-300', '1.7976931348623157e308', '5e-324', '0.1', '-0.0'])
  })
})

describe('Dates and times', () => {
  const digits = [0, 1, 2, 3, 4, 5, 6]

  it.each(digits)('DATETIME(%i) prints as the server does, zero and partial dates included', async (fsp) => {
    const times = ['2026-11-20 10:00:00.123456', '1000-01-01 00:00:00', '9999-12-31 23:59:59.499999']
    const odd = ['0000-00-00 00:00:00', '2026-00-00 01:02:03.9', '2026-02-00 00:00:00', '0001-01-01 00:00:00.000001']
    expect(
      await roundTrip(
        `DATETIME(${fsp})`,
        [...times, ...odd].map((time) => `'${time}'`),
      ),
    ).not.toHaveLength(0)
  })

  it.each(digits)('TIMESTAMP(%i) is UTC in ISO 8601 whatever the session’s zone', async (fsp) => {
    await db.query("SET time_zone = '+05:30'")
    const values = await roundTrip(`TIMESTAMP(${fsp}) NULL`, [
      "'2026-11-20 10:00:00.123456'",
      "'1970-01-01 05:30:01'",
      "'2038-01-19 08:44:07.4'",
      "'0000-00-00 00:00:00'",
      "'2024-02-29 23:59:59.9'",
    ])
    const fraction = fsp === 0 ? '' : `.${'123456'.slice(0, fsp)}`
    const rounded = fsp === 4 ? '.1235' : fsp === 5 ? '.12346' : fraction
    expect(values[0]).toBe(`2026-11-20T04:30:00${rounded}Z`)
    expect(values[3]).toBe(`0000-00-00 00:00:00${fsp === 0 ? '' : `.${'0'.repeat(fsp)}`}`)
  })

  it.each(digits)('TIME(%i) prints as the server does, below zero too', async (fsp) => {
    const times = [
      '00:00:00',
      '-00:00:00.1',
      '-00:00:01',
      '838:59:59',
      '-838:59:59',
      '12:34:56.987654',
      '-99:59:59.000001',
    ]
    expect(
      await roundTrip(
        `TIME(${fsp})`,
        [...times, '-00:00:00.999999', '-01:00:00.25'].map((time) => `'${time}'`),
      ),
    ).not.toHaveLength(0)
  })

  it('DATE prints as the server does', async () => {
    expect(
      await roundTrip('DATE', ["'2026-11-20'", "'0000-00-00'", "'2026-00-00'", "'9999-12-31'", "'0001-01-01'", 'NULL']),
    ).not.toHaveLength(0)
  })
})

describe('Strings', () => {
  it('of every length class come back whole', async () => {
    const text = "CONCAT('Grüße €😀', REPEAT('ä', 100))"
    await roundTrip('VARCHAR(60) CHARACTER SET utf8mb4', ["''", "'short'", "'Grüße €😀'", 'NULL', "REPEAT('x', 60)"])
    await roundTrip('VARCHAR(300) CHARACTER SET utf8mb4', ["''", text, "REPEAT('x', 300)"])
    await roundTrip('CHAR(255) CHARACTER SET utf8mb4', ["''", text, "REPEAT('€', 255)", "'trailing  '"])
    await roundTrip('CHAR(10)', ["'a  '", "' '", "''"])
    for (const type of ['TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT'])
      await roundTrip(type, [text, "''", "'a'", 'NULL'])
    expect(await roundTrip('MEDIUMTEXT', ["REPEAT('ä', 70000)"])).not.toHaveLength(0)
  })

  it('of bytes are base64, BINARY with the zero bytes that the binlog leaves out', async () => {
    const values = await roundTrip('BINARY(5)', ["x'0102'", "x'0000000000'", "''", "x'0100000001'", 'NULL'])
    expect(values[0]).toBe(Buffer.of(1, 2, 0, 0, 0).toString('base64'))
    await roundTrip('VARBINARY(300)', ["x'00'", "''", "REPEAT(x'ff', 300)", "x'0100'"])
    for (const type of ['TINYBLOB', 'BLOB', 'MEDIUMBLOB', 'LONGBLOB'])
      await roundTrip(type, ["x'00ff80'", "''", 'NULL'])
  })

  it('of ENUM and SET are names, whatever the names hold', async () => {
    const enums = await roundTrip("ENUM('a','com,ma','it''s','ü','')", [
      "'a'",
      "'com,ma'",
      "'it''s'",
      "'ü'",
      "'wrong'",
      'NULL',
      "''",
    ])
    expect(enums).toEqual(['a', 'com,ma', "it's", 'ü', '', null, ''])
    const many = Array.from({ length: 300 }, (_, i) => `'v${i}'`)
    expect(await roundTrip(`ENUM(${many.join(',')})`, ["'v0'", "'v255'", "'v299'"])).toEqual(['v0', 'v255', 'v299'])
    const members = Array.from({ length: 64 }, (_, i) => `'m${i}'`)
    for (const size of [1, 8, 9, 17, 25, 33, 64]) {
      const last = size - 1
      const values = await roundTrip(`SET(${members.slice(0, size).join(',')})`, ["''", `'m${last},m0'`, 'NULL'])
      expect(values).toEqual([[], last === 0 ? ['m0'] : ['m0', `m${last}`], null])
    }
    expect(await roundTrip("ENUM('ä','б') CHARACTER SET cp1251", ["'б'"])).toEqual(['б'])
  })

  it('of BIT are numbers or bigints', async () => {
    for (const bits of [1, 7, 8, 9, 31, 32, 33, 48])
      await roundTrip(`BIT(${bits})`, ['0', '1', `(1 << ${bits - 1})`, 'NULL'])
    expect(await roundTrip('BIT(64)', ["b'1'", '18446744073709551615', '9007199254740993'])).toEqual([
      1,
      18446744073709551615n,
      9007199254740993n,
    ])
  })
})

describe('JSON', () => {
  it('is the document, with integers and decimals exact', async () => {
    const documents = [
      `'{"a": 1, "b": [true, false, null, "x", -1, 65535, 70000, -70000, 5000000000, 1.5, -1e300]}'`,
      `'[9007199254740993, -9223372036854775808, 18446744073709551615]'`,
      `'"text"'`,
      `'{}'`,
      `'[]'`,
      `'null'`,
      `'{"__proto__": 1, "constructor": {"toString": 2}, "": 3, "ü": "€😀"}'`,
      `JSON_OBJECT('d', CAST('123456789012345678901234567890.123' AS DECIMAL(40,3)), 'e', CAST('1.50' AS DECIMAL(5,2)))`,
      `JSON_OBJECT('long', REPEAT('x', 70000), 'n', 1, 'big', JSON_ARRAY(70000, 4294967295, -2147483648))`,
      `JSON_ARRAY(REPEAT('y', 200), REPEAT('z', 20000))`,
      'NULL',
    ]
    const values = await roundTrip('JSON', documents)
    expect(values[1]).toEqual([9007199254740993n, -9223372036854775808n, 18446744073709551615n])
    const safe = values[6] as { [key: string]: unknown }
    expect(Object.getPrototypeOf(safe)).toBe(null)
    expect(safe['__proto__']).toBe(1)
    expect(values[7]).toEqual({ d: '123456789012345678901234567890.123', e: 1.5 })
  })

  it('prints SQL values inside a document as CAST does', async () => {
    expect(
      await roundTrip('JSON', [
        `JSON_ARRAY(CAST('2026-11-20' AS DATE), CAST('10:11:12.5' AS TIME(6)), CAST('-10:11:12.25' AS TIME(6)))`,
        `JSON_ARRAY(CAST('2026-11-20 10:11:12.123456' AS DATETIME(6)), TIMESTAMP '2026-01-02 03:04:05')`,
        `JSON_ARRAY(x'cafe', CAST('abc' AS BINARY), b'101')`,
        `JSON_ARRAY(CAST('-838:59:59' AS TIME), CAST('-00:00:00.000001' AS TIME(6)))`,
        `CAST(CAST('2026-11-20' AS DATE) AS JSON)`,
        `JSON_ARRAY(-0.5, 0.1, CAST('-0.001' AS DECIMAL(10,3)), CAST(0 AS DECIMAL(10,2)))`,
      ]),
    ).not.toHaveLength(0)
  })
})

describe('Geometries', () => {
  it('are GeoJSON as ST_AsGeoJSON has it', async () => {
    expect(
      await roundTrip('GEOMETRY', [
        'POINT(1, -2.5)',
        `ST_GeomFromText('LINESTRING(0 0, 1 1, 2 3)')`,
        `ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 4 2, 4 4, 2 4, 2 2))')`,
        `ST_GeomFromText('MULTIPOINT(1 1, 2 2)')`,
        `ST_GeomFromText('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))')`,
        `ST_GeomFromText('MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))')`,
        `ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2), GEOMETRYCOLLECTION(LINESTRING(0 0, 1 1)))')`,
        `ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')`,
        'NULL',
      ]),
    ).not.toHaveLength(0)
  })

  it('in EPSG:4326 have longitude first, and others name their reference system', async () => {
    const [berlin, other] = await roundTrip('GEOMETRY', [
      `ST_GeomFromText('POINT(52.5 13.4)', 4326)`,
      `ST_GeomFromText('POINT(1 2)', 0)`,
    ])
    expect(berlin).toEqual({ type: 'Point', coordinates: [13.4, 52.5] })
    expect(other).toEqual({ type: 'Point', coordinates: [1, 2] })
    await db.query('CREATE TABLE geo (id INT PRIMARY KEY, v GEOMETRY)')
    await db.query(`INSERT INTO geo VALUES (1, ST_GeomFromText('POINT(1 2)', 3857))`)
    expect(await readRows(server, 'geo')).toEqual([
      {
        id: 1,
        v: { type: 'Point', coordinates: [1, 2], crs: { type: 'name', properties: { name: 'EPSG:3857' } } },
      },
    ])
  })
})

describe('Vectors', () => {
  it('are lists of numbers', async () => {
    const values = await roundTrip('VECTOR(3)', ["STRING_TO_VECTOR('[1.1, -2, 3.5e10]')", 'NULL'])
    expect(values).toEqual([[1.1, -2, 3.5e10], null])
  })
})
