import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { Fleet, LONG_TTL } from '../support/scale/fleet.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startNats } from '../support/servers/nats.ts'
import { startRedis } from '../support/servers/redis.ts'

let mysql: Awaited<ReturnType<typeof startMysql>>
let redis: Awaited<ReturnType<typeof startRedis>>

beforeAll(async () => {
  ;[mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis({ args: ['--appendonly', 'yes'] })])
})

afterAll(() => Promise.all([mysql?.stop(), redis?.stop()]))

test.each(['redis', 'nats', 'kafka'])(
  'workers and reader on %s are restarted one after the other while changes come: nothing comes twice, and nothing is lost',
  async (kind) => {
    await using servers = new AsyncDisposableStack()
    const name = `rolling_${kind}`
    const through = async (): Promise<string> => {
      if (kind === 'redis') return `${redis.url}/1?prefix=${name}`
      const server = await (kind === 'nats' ? startNats() : startKafka())
      servers.defer(() => server.stop())
      return kind === 'nats' ? `${server.url}/changes` : `kafka://127.0.0.1:${server.port}/changes`
    }
    await using fleet = await Fleet.prepare({ mysql, redis, name, through: await through(), ttl: LONG_TTL })
    const reader = await fleet.start('reader')
    const workers = [await fleet.start('worker'), await fleet.start('worker')]
    const all = async (): Promise<number> => {
      const shares = await Promise.all(workers.map((worker) => fleet.shares(worker)))
      return shares.reduce((sum, each) => sum + each, 0)
    }
    await eventually('all shares have a worker', async () => (await all()) === 8)
    const stop = new AbortController()
    const writing = (async () => {
      while (!stop.signal.aborted) await fleet.write(5)
    })()
    for (let round = 0; round < 2; round++) {
      for (const daemon of [...workers, reader]) {
        expect(await daemon.stop()).toBe(0)
        daemon.spawn()
        await daemon.ready()
        await eventually('all shares have a worker again', async () => (await all()) === 8)
      }
    }
    stop.abort()
    await writing
    await fleet.allArrived()
    expect(fleet.verdict()).toEqual({ lost: [], disordered: [], phantoms: [], repeated: [] })
    expect(fleet.changes).toBeGreaterThan(100)
  },
  // Each of the restarts is a start of a process, and the Kafka is one as well.
  600_000,
)
