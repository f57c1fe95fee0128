import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

type Server = Awaited<ReturnType<typeof startMysql>>

async function prepare(server: Server): Promise<void> {
  await server.query('CREATE DATABASE shop')
  await server.query('CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(3000))')
}

describe.each([
  { title: 'MySQL', start: () => startMysql({ gtid: true }) },
  { title: 'MariaDB', start: () => startMariadb({ version: '10.11' }) },
])('a source on $title, when the network misbehaves,', ({ start }) => {
  let server: Server
  let proxy: TcpProxy
  let url: string

  beforeAll(async () => {
    server = await start()
    await prepare(server)
    proxy = await TcpProxy.start({ host: server.host, port: server.port })
    url = `mysql://root@127.0.0.1:${proxy.port}`
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await server.stop()
  })

  async function insert(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await server.query("INSERT INTO shop.t (v) VALUES (REPEAT('x', 200))")
  }

  it('detects a heartbeat timeout and resumes afterwards', async () => {
    await using reader = new RecordingSource(url)
    await reader.caughtUp()
    proxy.halfOpen = true
    await insert(3)
    await reader.waitFor(() => reader.lines.some(({ fields }) => fields['code'] === 'BINGO_SOURCE_SILENT'))
    proxy.halfOpen = false
    proxy.cut()
    await reader.waitFor(() => reader.committed.length >= 3)
    expect(reader.committed).toHaveLength(3)
  })

  it('notices after some missing heartbeats that its connection is dead, and makes a new one', async () => {
    await using reader = new RecordingSource(url, { settings: { heartbeatMs: 1_000 } })
    await reader.caughtUp()
    const before = proxy.swallowed
    proxy.strand()
    await reader.waitFor(() => reader.lines.some(({ fields }) => fields['code'] === 'BINGO_SOURCE_SILENT'))
    // Counted, not timed: what the server has sent into the void, and no question is asked while it is idle. How many at
    // most is tested with a clock of its own: on a busy machine the server and the watchdog do not run at one speed.
    expect(proxy.swallowed - before).toBeGreaterThanOrEqual(2)
    await insert(3)
    await reader.waitFor(() => reader.committed.length >= 3)
    expect(reader.committed).toHaveLength(3)
  })

  it('reads on at the last boundary after every cut', async () => {
    await using reader = new RecordingSource(url)
    await reader.caughtUp()
    for (let round = 0; round < 10; round++) {
      await insert(5)
      proxy.cut()
    }
    await reader.waitFor(() => reader.committed.length >= 50)
    await reader.caughtUp()
    expect(new Set(reader.committed.map(({ id }) => id)).size).toBe(50)
    expect(reader.committed).toHaveLength(50)
  })

  it('never lets a flipped byte through', async () => {
    await using reader = new RecordingSource(url)
    await reader.caughtUp()
    proxy.flipReplyByteAfter = 400
    await insert(20)
    await reader.waitFor(() => reader.committed.length >= 20)
    await reader.caughtUp()
    expect(reader.committed).toHaveLength(20)
    expect(reader.stats.reconnectsTotal).toBeGreaterThan(0)
  })

  it('finishes the handshake while it is paused, so that the server counts no broken one', async () => {
    await using reader = new RecordingSource(url, { settings: { connectTimeoutMs: 3_000 } })
    reader.source.pause()
    await reader.streaming()
    await insert(3)
    await delay(3_500)
    reader.source.resume()
    await reader.waitFor(() => reader.committed.length === 3)
    expect(reader.stats.reconnectsTotal).toBe(0)
  })

  it('delivers nothing after a hole in the stream, although the following events are intact', async () => {
    await using reader = new RecordingSource(url)
    await reader.caughtUp()
    proxy.dropReplies = true
    await insert(3)
    proxy.dropReplies = false
    await insert(3)
    await reader.waitFor(() => reader.committed.length >= 6)
    await reader.caughtUp()
    expect(reader.committed).toHaveLength(6)
    expect(reader.lines.map(({ fields }) => fields['code'])).toContain('BINGO_SOURCE_PACKETS_LOST')
  })

  it('keeps a paused connection although the heartbeats pile up', async () => {
    await using reader = new RecordingSource(url, { settings: { heartbeatMs: 1_000 } })
    await reader.caughtUp()
    reader.source.pause()
    await insert(3)
    await delay(4_500)
    reader.source.resume()
    await reader.waitFor(() => reader.committed.length === 3)
    expect(reader.stats.reconnectsTotal).toBe(0)
  })
})

describe('a failover', () => {
  it('is followed by GTID to another server of the same group', async () => {
    await using first = await startMysql({ gtid: true, serverId: 1 })
    await prepare(first)
    await first.query("INSERT INTO shop.t (v) VALUES ('a')")
    await using second = await startMysql({ gtid: true, serverId: 2 })
    // A replica that was promoted: the same transactions under the same GTIDs.
    const [executed] = await first.query('SELECT @@server_uuid AS uuid')
    await second.query(
      `SET GTID_NEXT = '${String(executed!['uuid'])}:1'; CREATE DATABASE shop; SET GTID_NEXT = AUTOMATIC`,
    )
    await second.query(
      `SET GTID_NEXT = '${String(executed!['uuid'])}:2'; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(3000)); SET GTID_NEXT = AUTOMATIC`,
    )
    await second.query(
      `SET GTID_NEXT = '${String(executed!['uuid'])}:3'; INSERT INTO shop.t (v) VALUES ('a'); SET GTID_NEXT = AUTOMATIC`,
    )
    await using proxy = await TcpProxy.start({ host: first.host, port: first.port })
    await using reader = new RecordingSource(`mysql://root@127.0.0.1:${proxy.port}`, { start: 'earliest' })
    await reader.waitFor(() => reader.committed.length === 1)
    proxy.repoint({ host: second.host, port: second.port })
    proxy.cut()
    await second.query("INSERT INTO shop.t (v) VALUES ('b')")
    await reader.waitFor(() => reader.committed.length === 2)
    await reader.caughtUp()
    expect(reader.committed).toHaveLength(2)
    expect(reader.source.fingerprint().server).not.toBe(executed!['uuid'])
  })

  it('is refused without GTIDs, and so is a server that has nothing in common', async () => {
    await using first = await startMysql({ gtid: false })
    await prepare(first)
    await using second = await startMysql({ gtid: false })
    await prepare(second)
    await using unrelated = await startMysql({ gtid: true })
    await prepare(unrelated)
    await using reader = new RecordingSource(first.url, { start: 'earliest' })
    await reader.caughtUp()
    const checkpoint = reader.checkpoint(reader.source.position!)
    await using refused = new RecordingSource(second.url, { checkpoint })
    expect(await refused.failure()).toMatchObject({ code: 'BINGO_CHECKPOINT_FOREIGN' })
    await using withGtid = new RecordingSource(unrelated.url, { start: 'earliest' })
    await withGtid.caughtUp()
    const gtidCheckpoint = withGtid.checkpoint(withGtid.source.position!)
    await using other = await startMysql({ gtid: true })
    await prepare(other)
    await using foreign = new RecordingSource(other.url, { checkpoint: gtidCheckpoint })
    expect(await foreign.failure()).toMatchObject({ code: 'BINGO_CHECKPOINT_FOREIGN' })
  })

  it('to the same server after a reset is refused, although file and offset exist again', async () => {
    await using server = await startMysql({ gtid: false })
    await prepare(server)
    await using reader = new RecordingSource(server.url, { start: 'earliest' })
    await reader.caughtUp()
    const checkpoint = reader.checkpoint(reader.source.position!)
    await reader.stop()
    // Creation times count whole seconds.
    await delay(1_100)
    await server.query('RESET BINARY LOGS AND GTIDS')
    await server.query('DROP DATABASE shop')
    await prepare(server)
    await server.query("INSERT INTO shop.t (v) VALUES (REPEAT('x', 2000))")
    await using refused = new RecordingSource(server.url, { checkpoint })
    expect(await refused.failure()).toMatchObject({ code: 'BINGO_CHECKPOINT_FOREIGN' })
    expect(refused.committed).toEqual([])
  })
})

describe('TLS', () => {
  it('is never given up: a server without it, or with a certificate that does not hold, is refused', async () => {
    await using plain = await startMysql({ gtid: true, tls: false })
    await using refused = new RecordingSource(`${plain.url}?tls=require`)
    expect(await refused.failure()).toMatchObject({ code: 'BINGO_SOURCE_TLS', retryable: false })
    await using server = await startMysql({ gtid: true, tls: true })
    await using unknownAuthority = new RecordingSource(`${server.url}?tls=verify-ca`)
    expect(await unknownAuthority.failure()).toMatchObject({ code: 'BINGO_SOURCE_TLS' })
    // The certificate that MySQL makes for itself names no host.
    await using otherName = new RecordingSource(`${server.url}?tls=verify-full&ca=${encodeURIComponent(server.caFile)}`)
    expect(await otherName.failure()).toMatchObject({ code: 'BINGO_SOURCE_TLS' })
    for (const tls of ['require', `verify-ca&ca=${encodeURIComponent(server.caFile)}`]) {
      await using reader = new RecordingSource(`${server.url}?tls=${tls}`)
      await reader.caughtUp()
      await server.query('CREATE DATABASE IF NOT EXISTS shop')
      await server.query('CREATE TABLE IF NOT EXISTS shop.t (id INT PRIMARY KEY AUTO_INCREMENT)')
      await server.query('INSERT INTO shop.t VALUES ()')
      await reader.waitFor(() => reader.committed.length === 1)
    }
  })
})
