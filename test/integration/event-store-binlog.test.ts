import { setTimeout as delay } from 'node:timers/promises'
import { createConnection, type Connection } from 'mysql2/promise'
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest'
import { createEventStore } from '../../src/event-store/create.ts'
import type { EventStore } from '../../src/event-store/contract.ts'
import { besides, Daemon, eventually } from '../support/daemon.ts'
import { all } from '../support/event-store/contract.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'
import { inTurns } from '../support/forms.ts'

const RULES = `rules:
  - {id: all, on: "order.*", actions: [{type: redis, cmd: RPUSH, key: all, value: "{{event.id}} {{metadata.stream}}@{{metadata.version}}"}]}
`
const WRITERS = 5
const TRANSACTIONS = 25

const sharing = inTurns(['MySQL', 'MariaDB'])

describe.each([
  ['MySQL', () => startMysql({ gtid: true, args: ['--binlog-rows-query-log-events=ON'] })],
  ['MariaDB', () => startMariadb({ args: ['--binlog-annotate-row-events=ON'] })],
] as const)('an event store in %s whose binlog is read', (kind, start) => {
  const test = sharing(kind)
  let server: SqlServer
  let redis: RedisServer
  beforeAll(async () => {
    ;[server, redis] = await Promise.all([start(), startRedis()])
  })
  afterAll(() => Promise.all([server.stop(), redis.stop()]))
  beforeEach(async () => {
    await redis.cli('FLUSHALL')
    await server.query('DROP DATABASE IF EXISTS shop; CREATE DATABASE shop')
  })

  const url = (): string => new URL('/shop', server.url).href
  const prepare = (follow: string): Promise<Daemon> =>
    Daemon.prepare({
      rules: RULES,
      sourceUrl: server.url,
      env: {
        BINGO_REDIS_URL: redis.url,
        BINGO_EVENT_STORE_URL: url(),
        BINGO_EVENT_STORE_FOLLOW: follow,
        BINGO_EVENT_STORE_READ: 'binlog',
        // One lane: what is done is done in the order read.
        BINGO_LANES: '1',
      },
    })

  async function delivered(): Promise<readonly string[]> {
    const lines = (await redis.cli('--raw', 'LRANGE', 'all', '0', '-1')).split('\n').filter((line) => line !== '')
    return lines.map((line) => line.split(' ')[0]!)
  }

  const insert = (id: string, stream: string): string =>
    `INSERT INTO shop.domain_events (event_id, event_type, aggregate_id, version, timestamp, payload)
      VALUES ('${id}', 'order.placed', '${stream}', 1, NOW(3), '{}')`

  const connected = (): Promise<Connection> => createConnection(url().replace('mariadb:', 'mysql:'))

  /** Transactions that take a position early and commit late, or not at all. */
  async function write(name: string): Promise<number> {
    const written = await Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        const connection = await connected()
        let count = 0
        for (let n = 0; n < TRANSACTIONS; n++) {
          await connection.query('BEGIN')
          await connection.query(insert(`${name}-${writer}-${n}`, `${name}-${writer}-${n}`))
          await delay((writer * 5 + n * 3) % 17)
          await connection.query(n % 7 === 3 ? 'ROLLBACK' : 'COMMIT')
          if (n % 7 !== 3) count += 1
        }
        await connection.end()
        return count
      }),
    )
    return written.reduce((sum, count) => sum + count, 0)
  }

  /** Ids of the events in the order in which the server has written their transactions. */
  async function inBinlog(): Promise<readonly string[]> {
    const connection = await connected()
    const rows = async (sql: string) => (await connection.query(sql))[0] as Record<string, unknown>[]
    const ids: string[] = []
    for (const { Log_name: file } of await rows('SHOW BINARY LOGS')) {
      for (const { Info: info } of await rows(`SHOW BINLOG EVENTS IN '${String(file)}'`)) {
        const id = /INSERT INTO shop\.domain_events[^']*'([^']+)'/.exec(String(info))?.[1]
        if (id !== undefined) ids.push(id)
      }
    }
    await connection.end()
    return ids
  }

  async function place(store: EventStore, first: number, count: number): Promise<readonly string[]> {
    const ids = Array.from({ length: count }, (_, i) => `h-${first + i}`)
    for (const id of ids) await store.appendToStream(`order-${id}`, [{ id, type: 'order.placed', payload: { id } }])
    return ids
  }

  test('comes from position 0, then in the order of commits, without a hole or a double at the hand-over', async () => {
    await using store = createEventStore(url())
    const history = await place(store, 0, 40)
    await using daemon = await prepare('earliest')
    // Somebody appends all the time while it starts.
    const early = write('early')
    daemon.spawn()
    await daemon.ready()
    let total = history.length + (await early)
    await eventually('all are delivered', async () => (await delivered()).length >= total)
    expect(new Set(await delivered()).size).toBe(total)
    expect((await delivered()).slice(0, history.length)).toEqual(history)

    // From now on: exactly the order of the binlog, which that of the positions is not.
    total += await write('late')
    await eventually('all are delivered', async () => (await delivered()).length >= total)
    expect(await delivered()).toHaveLength(total)
    const late = (await delivered()).filter((id) => id.startsWith('late'))
    const committed = new Set(late)
    expect(late).toEqual((await inBinlog()).filter((id) => committed.has(id)))
    const byPosition = (await all(store.readAll())).map(({ id }) => id).filter((id) => committed.has(id))
    expect(byPosition).not.toEqual(late)

    // A restart goes on in the binlog; a rebuild begins at position 0.
    expect(await daemon.stop()).toBe(0)
    const more = await place(store, 1_000, 5)
    daemon.spawn()
    await daemon.ready()
    await eventually('what came meanwhile is delivered', async () => (await delivered()).length >= total + 5)
    expect((await delivered()).slice(total)).toEqual(more)
    expect(await daemon.stop()).toBe(0)
    const set = await bingo(['position', 'set', 'earliest', '--source', 'event-store'], { env: besides(daemon) })
    expect(set.stderr).toBe('')
    await redis.cli('FLUSHALL')
    daemon.spawn()
    await daemon.ready()
    await eventually('everything comes again', async () => (await delivered()).length >= total + 5)
    expect(new Set(await delivered()).size).toBe(total + 5)
  })

  test('is not missed where it commits late, which a reader of positions would', async () => {
    await using store = createEventStore(url())
    await place(store, 0, 1)
    await using daemon = await prepare('latest')
    daemon.spawn()
    await daemon.ready()
    await place(store, 1, 1)
    await eventually('it follows', async () => (await delivered()).length === 1)
    const late = await connected()
    await late.query('BEGIN')
    await late.query(insert('late', 'late'))
    await server.query(insert('soon', 'soon'))
    await eventually('the one that has committed is there', async () => (await delivered()).length === 2)
    // Whoever has read up to the newest position and asks for those behind it finds nothing any more.
    const [rows] = await late.query('SELECT max(global_position) AS position FROM domain_events WHERE event_id = ?', [
      'soon',
    ])
    const { position } = (rows as { position: number }[])[0]!
    await late.query('COMMIT')
    const [behind] = await late.query('SELECT event_id FROM domain_events WHERE global_position > ?', [position])
    expect(behind).toEqual([])
    await eventually('the late one is there too', async () => (await delivered()).length === 3)
    expect(await delivered()).toEqual(['h-1', 'soon', 'late'])
    await late.end()
  })
})
