import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'

export type SqlServer = Awaited<ReturnType<typeof startMysql>>
export type RedisServer = Awaited<ReturnType<typeof startRedis>>

export interface Servers extends AsyncDisposable {
  readonly sql: SqlServer
  readonly redis: RedisServer
}

/** A MySQL with a binlog that does not rotate in mid-measurement, and a Redis that does not save. */
export async function startServers(): Promise<Servers> {
  const [sql, redis] = await Promise.all([
    startMysql({ gtid: true, args: ['--max-binlog-size=1G', '--innodb-buffer-pool-size=1G', '--sync-binlog=0'] }),
    startRedis({ args: ['--save', '', '--appendonly', 'no'] }),
  ])
  return {
    sql,
    redis,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([sql.stop(), redis.stop()])
    },
  }
}
