import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { RedisServer } from '../../src/demo/servers/redis.ts'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { Daemon } from './daemon.ts'
import type { FailpointFile } from './main-file.ts'
import { startMysql } from './servers/mysql.ts'
import { startRedis } from './servers/redis.ts'

/** A MySQL with the table `shop.rows (id, seq)`, and a Redis: both for a whole file of tests, empty before each. */
export interface ShopRows {
  readonly mysql: SqlServer
  readonly redis: RedisServer
  /** A daemon whose actions go to the Redis. */
  start(rules: string, env?: Readonly<Record<string, string>>, failpoints?: FailpointFile): Promise<Daemon>
  /** The list at a key of the Redis. */
  list(key: string): Promise<readonly string[]>
}

/** To be called at the top of a test file: hooks start and stop the servers. */
export function useShopRows(): ShopRows {
  let mysql: SqlServer
  let redis: RedisServer
  beforeAll(async () => {
    ;[mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis({})])
    await mysql.query('CREATE DATABASE shop')
    await mysql.query('CREATE TABLE shop.rows (id INT PRIMARY KEY, seq INT NOT NULL)')
  })
  afterAll(() => Promise.all([mysql?.stop(), redis?.stop()]))
  beforeEach(async () => {
    await redis.cli('FLUSHALL')
    await mysql.query('DELETE FROM shop.rows')
  })
  return {
    get mysql() {
      return mysql
    },
    get redis() {
      return redis
    },
    start: (rules, env = {}, failpoints) => {
      const options = { rules, sourceUrl: mysql.url, env: { BINGO_REDIS_URL: redis.url, ...env } }
      return Daemon.start(failpoints === undefined ? options : { ...options, failpoints })
    },
    list: async (key) => {
      const text = (await redis.cli('--raw', 'LRANGE', key, '0', '-1')).trim()
      return text === '' ? [] : text.split('\n')
    },
  }
}
