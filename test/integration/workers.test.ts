import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startNats } from '../support/servers/nats.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startRedis } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'
import { Fleet } from '../support/scale/fleet.ts'

let mysql: Awaited<ReturnType<typeof startMysql>>
let redis: Awaited<ReturnType<typeof startRedis>>

beforeAll(async () => {
  ;[mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis({ args: ['--appendonly', 'yes'] })])
})

afterAll(() => Promise.all([mysql?.stop(), redis?.stop()]))

let fleets = 0

/** A database, a name and a log of its own for each. */
async function newFleet(through?: string): Promise<Fleet> {
  const number = ++fleets
  return Fleet.prepare({
    mysql,
    redis,
    name: `fleet${number}`,
    through: through ?? `${redis.url}/1?prefix=fleet${number}`,
  })
}

test.each(['redis', 'nats', 'kafka'])(
  'a reader and two workers on %s: every change arrives once, in the order of its row, and a third worker takes a part',
  async (kind) => {
    await using servers = new AsyncDisposableStack()
    const through = async (): Promise<string | undefined> => {
      if (kind === 'redis') return undefined
      const server = await (kind === 'nats' ? startNats() : startKafka())
      servers.defer(() => server.stop())
      return kind === 'nats' ? `${server.url}/changes` : `kafka://127.0.0.1:${server.port}/changes`
    }
    await using fleet = await newFleet(await through())
    const reader = await fleet.start('reader')
    const [one, two] = await Promise.all([fleet.start('worker'), fleet.start('worker')])
    await eventually('both have a part', async () => (await fleet.shares(one)) === 4 && (await fleet.shares(two)) === 4)
    await fleet.write(300)
    await fleet.allArrived()
    const three = await fleet.start('worker')
    await eventually('the third has a part', async () => (await fleet.shares(three)) >= 2)
    await fleet.write(300)
    await fleet.allArrived()
    const { stdout } = await bingo(['status'], { env: fleet.envOf(reader) })
    expect(stdout).toMatch(/scale\s+reader, 8 shares through/)
    expect(stdout.match(/worker\s+\S+:\d+, [23] shares/g)).toHaveLength(3)
    // Stopped in order, a worker leaves nothing that comes twice.
    expect(await one.stop()).toBe(0)
    await fleet.write(200)
    await fleet.allArrived()
    expect(await reader.stop()).toBe(0)
    expect(fleet.verdict()).toEqual({ lost: [], disordered: [], phantoms: [], repeated: [] })
  },
)
