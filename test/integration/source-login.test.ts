import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createConnection, type Connection } from 'mysql2/promise'
import { ControlConnection } from '../../src/sources/mysql/server/login/control-connection.ts'
import { LockLease } from '../../src/sources/mysql/lease/lock-lease.ts'
import { parseSourceUrl } from '../../src/sources/mysql/source-address.ts'
import { eventually } from '../support/daemon.ts'
import { ENDINGS, HandshakeProxy } from '../support/handshake-proxy.ts'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { pairs } from '../support/forms.ts'

/** Short, so that a server that stays silent is given up soon; nothing here depends on how long anything takes. */
const TIMEOUTS = { connectTimeoutMs: 400, queryTimeoutMs: 400 }

let mysql: SqlServer
let mariadb: SqlServer

beforeAll(async () => {
  ;[mysql, mariadb] = await Promise.all([startMysql({ gtid: true, tls: true }), startMariadb({ version: '10.11' })])
  for (const server of [mysql, mariadb]) {
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)')
    await createAccount(server, 'bingo')
  }
})

afterAll(async () => {
  await Promise.all([mysql.stop(), mariadb.stop()])
})

async function createAccount(server: SqlServer, user: string): Promise<void> {
  await server.query(`CREATE USER ${user}@'%' IDENTIFIED BY 'secret'`)
  await server.query(`GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO ${user}@'%'`)
}

function urlOf({ port }: { readonly port: number }, user = 'bingo'): string {
  return `mysql://${user}:secret@127.0.0.1:${port}`
}

/** Takes connections until the server has none left for an ordinary account. */
async function takeAll(server: SqlServer): Promise<readonly Connection[]> {
  await server.query('SET GLOBAL max_connections = 12')
  const taken: Connection[] = []
  for (;;) {
    try {
      taken.push(await createConnection(urlOf(server)))
    } catch {
      return taken
    }
  }
}

describe.each(['MySQL', 'MariaDB'])('%s without a free connection', (name) => {
  const server = (): SqlServer => (name === 'MySQL' ? mysql : mariadb)

  test('at the start is waited for, and is read when a connection is free again', async () => {
    const taken = await takeAll(server())
    await using source = new RecordingSource(urlOf(server()))
    await source.waitFor(() => source.stats.reconnectsTotal >= 3)
    expect(source.state.lastError).toMatchObject({ code: 'BINGO_SOURCE_REFUSED' })
    await Promise.all(taken.map((each) => each.end()))
    await source.streaming()
  })

  test('is asked for a lock lease repeatedly until it grants one', async () => {
    const taken = await takeAll(server())
    const lease = new LockLease(parseSourceUrl(urlOf(server())), 'full', 30_000)
    for (let i = 0; i < 3; i++) await expect(lease.ask()).rejects.toMatchObject({ retryable: true })
    await Promise.all(taken.map((each) => each.end()))
    await eventually('the lease is taken', async () => (await lease.ask().catch(() => null))?.tag === 'taken')
    expect(await lease.ask()).toEqual({ tag: 'held' })
    await lease.close()
  })
})

test('a server that goes offline, and online again, is read again', async () => {
  await using source = new RecordingSource(urlOf(mysql))
  await source.streaming()
  await mysql.query('SET GLOBAL offline_mode = ON')
  await using late = new RecordingSource(urlOf(mysql), { name: 'late' })
  const both = [source, late]
  for (const each of both) await each.waitFor(() => each.state.lastError?.code === 'BINGO_SOURCE_REFUSED')
  for (const each of both) await each.waitFor(() => each.stats.reconnectsTotal >= 4)
  await mysql.query('SET GLOBAL offline_mode = OFF')
  for (const each of both) await each.streaming()
  expect(both.map(({ error }) => error)).toEqual([null, null])
})

test('an account with too many connections is read when it may have more', async () => {
  await createAccount(mysql, 'limited')
  await mysql.query("ALTER USER limited@'%' WITH MAX_USER_CONNECTIONS 1")
  await using source = new RecordingSource(urlOf(mysql, 'limited'))
  await source.waitFor(() => source.stats.reconnectsTotal >= 2)
  expect(source.state.lastError).toMatchObject({ code: 'BINGO_SOURCE_REFUSED' })
  await mysql.query("ALTER USER limited@'%' WITH MAX_USER_CONNECTIONS 0")
  await source.streaming()
})

const PACKETS = [0, 1, 2, 3]
// Back and forth, so that servers that have these in turns have every ending and every number of packets.
const SPOILT = ENDINGS.flatMap((ending, i) =>
  (i % 2 === 0 ? PACKETS : PACKETS.toReversed()).map((packets) => [ending, packets] as const),
)

describe('a login that is spoilt', () => {
  test.each(pairs(SPOILT, ['MySQL', 'MariaDB']).map(([[ending, packets], name]) => ({ ending, packets, name })))(
    '($ending) after $packets packets of the server is repeated until $name lets us in',
    async ({ ending, packets, name }) => {
      const server = name === 'MySQL' ? mysql : mariadb
      const user = `u${packets}${ending}`
      // A fresh account: caching_sha2_password asks for the whole exchange, with the server's key.
      await createAccount(server, user)
      await using proxy = await HandshakeProxy.start(server)
      Object.assign(proxy, { packets, ending })
      const control = new ControlConnection(parseSourceUrl(urlOf(proxy, user)), TIMEOUTS)
      // What is refused after the login leaves the connection as it is. On a busy machine a login may also time out
      // before it comes to the packet that is spoilt.
      const spoilt = ending === 'error' ? 1 : 2
      for (let i = 0; i < 2 || proxy.stopped < spoilt; i++) {
        await expect(control.query('SELECT 1 AS one')).rejects.toMatchObject({ retryable: true })
      }
      control.close()
      await using source = new RecordingSource(urlOf(proxy, user), { settings: ending === 'cut' ? {} : TIMEOUTS })
      await source.waitFor(() => source.stats.reconnectsTotal >= 2)
      proxy.packets = Number.POSITIVE_INFINITY
      await source.streaming()
    },
  )
})

test.each([0, 1])('a login with TLS that is cut after %i packets of the server is repeated', async (packets) => {
  await using proxy = await HandshakeProxy.start(mysql)
  proxy.packets = packets
  await using source = new RecordingSource(`${urlOf(proxy)}?tls=require`)
  await source.waitFor(() => source.stats.reconnectsTotal >= 2)
  expect(source.state.lastError).toMatchObject({ code: 'BINGO_SOURCE_CONNECTION_LOST' })
  proxy.packets = Number.POSITIVE_INFINITY
  await source.streaming()
})

test('concurrent queries are all rejected when the login fails, and the next one is answered', async () => {
  await using proxy = await HandshakeProxy.start(mysql)
  Object.assign(proxy, { packets: 1, ending: 'silence' })
  const control = new ControlConnection(parseSourceUrl(urlOf(proxy)), TIMEOUTS)
  const asked = await Promise.allSettled([1, 2, 3].map((n) => control.query('SELECT ? AS n', [n])))
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  proxy.packets = Number.POSITIVE_INFINITY
  await eventually('it answers', async () => (await control.query('SELECT 1 AS n').catch(() => []))[0]?.['n'] === 1)
  control.close()
})
