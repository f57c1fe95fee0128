import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startOlder, type OlderVersion } from '../support/servers/older-servers.ts'
import { startRedis } from '../support/servers/redis.ts'

type SqlServer = Awaited<ReturnType<typeof startMysql>>
type RedisServer = Awaited<ReturnType<typeof startRedis>>

const older = (version: OlderVersion, gtid = true) => ({
  title: `${version}${gtid ? '' : ' without GTIDs'}`,
  start: () => startOlder(version, { gtid }),
})

/** What main-job.test.ts does not start, one of a kind. */
const short = [older('mysql-5.7', false), older('mysql-8.0'), older('mariadb-11.4')]

/** BINGO_TEST_ALL_SERVERS=1: all that can be had, those of before 5.7 and 10.5 too. MySQL 5.6 is a download of 300 MB. */
const all = [
  older('mysql-5.6'),
  older('mysql-5.6', false),
  older('mysql-5.7'),
  ...short,
  { title: 'the newest MySQL', start: () => startMysql({ gtid: true }) },
  older('mariadb-10.2'),
  { title: 'mariadb-10.11', start: () => startMariadb({ version: '10.11' }) },
  { title: 'mariadb-11.8', start: () => startMariadb({ version: '11.8' }) },
]

const ROWS = 3_000
const RULES = `rules:
  - id: user_cache_invalidate
    table: users
    events: [UPDATE, DELETE]
    filter: "NewRow['status'] != OldRow['status']"
    actions: [{type: redis, cmd: DEL, key: "cache:user:{{ .ID }}"}]
  - id: audit
    table: shop.kinds
    actions: [{type: log, path: events.ndjson}]
`

/** Column, value as SQL, value as it must stand in the event. */
const KINDS: readonly (readonly [type: string, sql: string, event: unknown])[] = [
  ['TINYINT', '-128', -128],
  ['TINYINT UNSIGNED', '255', 255],
  ['SMALLINT', '-32768', -32768],
  ['MEDIUMINT UNSIGNED', '16777215', 16777215],
  ['INT', '-2147483648', -2147483648],
  ['BIGINT', '-9223372036854775808', '-9223372036854775808'],
  ['BIGINT UNSIGNED', '18446744073709551615', '18446744073709551615'],
  ['FLOAT', '1.5', 1.5],
  ['DOUBLE', '-2.25e100', -2.25e100],
  ['DECIMAL(20,5)', "'-12345678901234.00001'", '-12345678901234.00001'],
  ['BIT(12)', "b'101010101010'", 2730],
  ['YEAR', '1999', 1999],
  ['DATE', "'2024-02-29'", '2024-02-29'],
  ['TIME(3)', "'-838:59:58.125'", '-838:59:58.125'],
  ['DATETIME(6)', "'2024-02-29 23:59:59.000001'", '2024-02-29 23:59:59.000001'],
  ['TIMESTAMP(2) NULL', "'2024-02-29 23:59:59.25'", '2024-02-29T23:59:59.25Z'],
  ['CHAR(10) CHARACTER SET latin1', "'€uro'", '€uro'],
  ['VARCHAR(300) CHARACTER SET utf8mb4', "'日本😀'", '日本😀'],
  ['TEXT CHARACTER SET utf8', "'naïve'", 'naïve'],
  ['VARBINARY(20)', "x'00ff10'", 'AP8Q'],
  ['BLOB', "x'fffe'", '//4='],
  ["ENUM('a','it''s','c,d')", "'c,d'", 'c,d'],
  ["SET('x','y','z')", "'x,z'", ['x', 'z']],
  ['POINT', "ST_GeomFromText('POINT(1.5 -2)')", { type: 'Point', coordinates: [1.5, -2] }],
  ['VARCHAR(10)', 'NULL', null],
]

describe.each(process.env['BINGO_TEST_ALL_SERVERS'] === undefined ? short : all)('On $title', ({ start }) => {
  let sql: SqlServer
  let redis: RedisServer
  let bingo: Daemon

  beforeAll(async () => {
    ;[sql, redis] = await Promise.all([start() as Promise<SqlServer>, startRedis({})])
    await sql.query('CREATE DATABASE shop')
    await sql.query('CREATE TABLE shop.users (ID BIGINT PRIMARY KEY, email VARCHAR(100), status INT NOT NULL)')
    const columns = KINDS.map(([type], i) => `c${i} ${type}`)
    await sql.query(`CREATE TABLE shop.kinds (id INT PRIMARY KEY, ${columns.join(', ')})`)
    bingo = await Daemon.start({ rules: RULES, sourceUrl: sql.url, env: { BINGO_REDIS_URL: redis.url } })
  })

  afterAll(async () => {
    await bingo?.[Symbol.asyncDispose]()
    await Promise.all([sql?.stop(), redis?.stop()])
  })

  const keysLeft = async () => Number(await redis.cli('DBSIZE'))

  test('a change deletes its key, and kill -9 in the middle of many loses none', async () => {
    const rows = Array.from({ length: ROWS }, (_, i) => `(${i + 1}, 'u@x', 0)`)
    await sql.query(`INSERT INTO shop.users VALUES ${rows.join(',')}`)
    await redis.cli('EVAL', `for i=1,${ROWS} do redis.call('SET','cache:user:'..i,'x') end`, '0')
    await sql.query('UPDATE shop.users SET status = 1 WHERE ID = 1')
    await eventually('the key is gone', async () => (await keysLeft()) === ROWS - 1)
    await sql.query('UPDATE shop.users SET status = status + 1')
    await bingo.stop('SIGKILL')
    await sql.query('DELETE FROM shop.users WHERE ID > 100')
    await redis.cli('SET', 'cache:user:2000', 'x')
    bingo.spawn()
    await bingo.ready()
    await eventually('all keys are gone', async () => (await keysLeft()) === 0)
  })

  test('values of every common type are what was written', async () => {
    const file = join(bingo.folder, 'events.ndjson')
    await sql.query("SET time_zone = '+00:00', sql_mode = ''")
    const before = (await eventsOf(file)).length
    await sql.query(`INSERT INTO shop.kinds VALUES (1, ${KINDS.map(([, literal]) => literal).join(', ')})`)
    await sql.query('UPDATE shop.kinds SET id = 2')
    await eventually('both events are written', async () => (await eventsOf(file)).length === before + 2)
    const [insert, update] = (await eventsOf(file)).slice(before)
    const expected = Object.fromEntries(KINDS.map(([, , event], i) => [`c${i}`, event]))
    expect(insert!['new']).toEqual({ id: 1, ...expected })
    expect(update!['old']).toEqual(insert!['new'])
    expect(update!['new']).toEqual({ id: 2, ...expected })
    expect(update!['changed']).toEqual(['id'])
  })
})

async function eventsOf(file: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const lines = text.split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}
