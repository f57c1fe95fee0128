import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RedisServer } from '../../src/demo/servers/redis.ts'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { besides, Daemon, eventually } from '../support/daemon.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'

const rules = (value: string, more = '') => `rules:
  - id: copy
    table: shop.notes
    actions:
      - {id: push, type: redis, cmd: RPUSH, key: "note:{{id}}", value: "${value}"}
${more}`

describe.each(['MySQL', 'MySQL without GTIDs', 'MariaDB'] as const)('a dead letter of %s', (flavour) => {
  let sql: SqlServer
  let redis: RedisServer

  beforeAll(async () => {
    const start = flavour === 'MariaDB' ? startMariadb({}) : startMysql({ gtid: flavour === 'MySQL' })
    ;[sql, redis] = await Promise.all([start, startRedis({})])
    await sql.query('CREATE DATABASE shop')
    await sql.query(
      'CREATE TABLE shop.notes (id INT PRIMARY KEY, n INT NOT NULL, note VARCHAR(100), price DECIMAL(9,2))',
    )
  })

  afterAll(() => Promise.all([sql?.stop(), redis?.stop()]))

  beforeEach(async () => {
    await redis.cli('FLUSHALL')
    await sql.query('DELETE FROM shop.notes')
  })

  /** Rows that the target refused, under a rule that read `id` and `n` alone, and the rule as it is now. */
  async function refused(repaired: string): Promise<Daemon> {
    const daemon = await Daemon.start({
      rules: rules('{{n}}'),
      sourceUrl: sql.url,
      env: { BINGO_REDIS_URL: redis.url },
    })
    for (const id of [1, 2, 3]) await redis.cli('SET', `note:${id}`, 'not a list')
    await sql.query(
      "INSERT INTO shop.notes VALUES (1, 10, 'one', 1.10), (2, 20, 'zwei — 二', 2.20), (3, 30, NULL, NULL)",
    )
    await sql.query("UPDATE shop.notes SET n = 11, note = 'uno', price = 9.99 WHERE id = 1")
    await eventually('they are kept', async () => (await daemon.metric('bingo_dead_letters')) === 4)
    await redis.cli('DEL', 'note:1', 'note:2', 'note:3')
    await writeFile(daemon.rulesFile, repaired)
    return daemon
  }

  test('is redelivered by a rule that reads other columns now, with the values of that time', async () => {
    await using daemon = await refused(
      rules("{{n}} {{default note 'none'}} {{default price '-'}} {{#if old}}{{old.note}}{{/if}}"),
    )
    await sql.query("UPDATE shop.notes SET note = 'later' WHERE id = 2")
    await eventually('the later change is parked', async () => (await daemon.metric('bingo_dead_letters')) === 5)
    const retried = await bingo(['dead-letters', 'retry', '--all'], { env: besides(daemon) })
    expect(retried.stderr).toBe('')
    expect(retried).toMatchObject({ code: 0, stdout: '5 delivered, 0 remaining\n' })
    const list = async (id: number) => (await redis.cli('--raw', 'LRANGE', `note:${id}`, '0', '-1')).trim().split('\n')
    expect(await list(1)).toEqual(['10 one 1.10 ', '11 uno 9.99 one'])
    expect(await list(2)).toEqual(['20 zwei — 二 2.20 ', '20 later 2.20 zwei — 二'])
    expect(await list(3)).toEqual(['30 none -'])
  })

  test('whose binlog was purged stays, and says what is missing', async () => {
    await using daemon = await refused(rules('{{n}} {{note}}'))
    await sql.query('FLUSH BINARY LOGS')
    await sql.query("INSERT INTO shop.notes VALUES (9, 9, 'nine', 9)")
    await eventually('it arrives', async () => (await redis.cli('LLEN', 'note:9')).trim() === '1')
    // A server keeps the file that a replica still reads.
    await eventually('the file is purged', async () => {
      const files = await sql.query<{ Log_name: string }>('SHOW BINARY LOGS')
      await sql.query(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`)
      return (await sql.query('SHOW BINARY LOGS')).length === 1
    })
    const retried = await bingo(['dead-letters', 'retry', '--all'], { env: besides(daemon) })
    expect(retried).toMatchObject({ code: 1 })
    expect(retried.stderr).toContain('BINGO_EVENT_PURGED')
  })
})
