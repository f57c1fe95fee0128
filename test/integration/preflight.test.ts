import { describe, expect, it } from 'vitest'
import { createServer } from 'node:net'
import { parseSourceUrl } from '../../src/sources/mysql/source-address.ts'
import { ControlConnection } from '../../src/sources/mysql/server/login/control-connection.ts'
import type { Finding } from '../../src/sources/mysql/server/preflight/finding.ts'
import { preflight } from '../../src/sources/mysql/server/preflight/preflight.ts'
import { readServerFacts } from '../../src/sources/mysql/server/server-facts.ts'
import { serverIdFor } from '../../src/sources/mysql/server/server-id.ts'
import { eventually } from '../support/daemon.ts'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startOlder } from '../support/servers/older-servers.ts'

const TIMEOUTS = { connectTimeoutMs: 5_000, queryTimeoutMs: 5_000 }

async function findings(url: string, serverId = 77): Promise<readonly Finding[]> {
  const control = new ControlConnection(parseSourceUrl(url), TIMEOUTS)
  try {
    return await preflight({
      control,
      facts: await readServerFacts(control),
      serverId,
      start: { tag: 'latest' },
      oneOfSeveral: false,
      wants: (schema) => schema === 'shop',
      outboxes: [],
    })
  } finally {
    control.close()
  }
}

function withAccount(url: string, user: string, password: string): string {
  const account = new URL(url)
  account.username = user
  account.password = password
  return account.href
}

function codes(found: readonly Finding[], severity: Finding['severity']): string[] {
  return found.filter((finding) => finding.severity === severity).map(({ code }) => code)
}

describe('preflight on MySQL', () => {
  it('finds nothing on a well configured server with a least-privilege account', async () => {
    await using server = await startMysql({ gtid: true, args: ['--sync-binlog=1'] })
    await server.query("CREATE USER bingo@'%' IDENTIFIED BY 'secret'")
    await server.query("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO bingo@'%'")
    expect(await findings(withAccount(server.url, 'bingo', 'secret'))).toEqual([])
  })

  it('reports all errors at once, each with its fix, and stops the start', async () => {
    await using server = await startMysql({
      gtid: false,
      binlogFormat: 'STATEMENT',
      rowImage: 'MINIMAL',
      rowMetadata: 'MINIMAL',
      args: ['--sync-binlog=0'],
    })
    await server.query("CREATE USER bingo@'%' IDENTIFIED BY 'secret'")
    const url = withAccount(server.url, 'bingo', 'secret')
    const found = await findings(url)
    expect(codes(found, 'error')).toEqual(['BINGO_PREFLIGHT_FORMAT', 'BINGO_PREFLIGHT_GRANT', 'BINGO_PREFLIGHT_GRANT'])
    expect(codes(found, 'warning')).toEqual([
      'BINGO_PREFLIGHT_ROW_IMAGE',
      'BINGO_PREFLIGHT_ROW_METADATA',
      'BINGO_PREFLIGHT_GTID',
      'BINGO_PREFLIGHT_SYNC_BINLOG',
      'BINGO_PREFLIGHT_GRANT',
    ])
    expect(found.map(({ sql }) => sql)).toContain("GRANT REPLICATION SLAVE ON *.* TO 'bingo'@'%';")
    await using source = new RecordingSource(url)
    const failure = await source.failure()
    expect(failure).toMatchObject({ code: 'BINGO_PREFLIGHT_FAILED', retryable: false })
    expect(failure.message).toContain("SET PERSIST binlog_format = 'ROW';")
    expect(failure.message).toContain('REPLICATION CLIENT')
    expect(source.stats.reconnectsTotal).toBe(0)
  })

  it('refuses a server that writes no binlog', async () => {
    await using server = await startMysql({ gtid: false, args: ['--skip-log-bin'] })
    expect(codes(await findings(server.url), 'error')).toContain('BINGO_PREFLIGHT_LOG_BIN')
  })

  it('refuses the server id of the server itself', async () => {
    await using server = await startMysql({ gtid: true })
    const [row] = await server.query('SELECT @@server_id AS id')
    expect(codes(await findings(server.url, Number(row!['id'])), 'error')).toContain('BINGO_PREFLIGHT_DUPLICATE_ID')
  })

  it('reports a wrong password once, and never shows it', async () => {
    await using server = await startMysql({ gtid: true })
    await server.query("CREATE USER bingo@'%' IDENTIFIED BY 'secret'")
    await using source = new RecordingSource(withAccount(server.url, 'bingo', 'wr0ng'))
    const failure = await source.failure()
    expect(failure).toMatchObject({ code: 'BINGO_SOURCE_ACCESS_DENIED', retryable: false })
    expect(failure.message).toContain('bingo')
    expect(JSON.stringify([failure.message, failure.hint, source.lines])).not.toContain('wr0ng')
    expect(source.stats.reconnectsTotal).toBe(0)
  })

  it('logs in with caching_sha2_password over a plaintext connection, on a server that has not seen the account', async () => {
    await using server = await startMysql({ gtid: true })
    await server.query("CREATE USER fresh@'%' IDENTIFIED WITH caching_sha2_password BY 'a p@ss'")
    await server.query("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO fresh@'%'")
    await using source = new RecordingSource(withAccount(server.url, 'fresh', 'a p@ss'))
    await source.streaming()
    expect(source.state.connected).toBe(true)
  })

  it('stops one of two instances with the same name, and reports why', async () => {
    await using server = await startMysql({ gtid: true })
    await using first = new RecordingSource(server.url, { name: 'one' })
    await first.streaming()
    await using second = new RecordingSource(server.url, { name: 'one' })
    const loser = await Promise.race([first.finished.then(() => first), second.finished.then(() => second)])
    expect(loser.error).toMatchObject({ code: 'BINGO_SOURCE_DUPLICATE_ID' })
    expect(loser.error?.hint).toContain('name')
    expect(serverIdFor('one')).not.toBe(serverIdFor('two'))
  })
})

describe('preflight on older MySQL', () => {
  it('suggests statements to 5.7 that 5.7 supports', async () => {
    await using server = await startOlder('mysql-5.7', { gtid: false, rowImage: 'MINIMAL', args: ['--sync-binlog=0'] })
    const found = await findings(server.url)
    expect(codes(found, 'error')).toEqual([])
    expect(codes(found, 'warning')).toEqual(
      expect.arrayContaining(['BINGO_PREFLIGHT_ROW_IMAGE', 'BINGO_PREFLIGHT_ROW_METADATA', 'BINGO_PREFLIGHT_GTID']),
    )
    for (const { sql } of found) expect(sql ?? '').not.toContain('PERSIST')
    const mended = found.find(({ code }) => code === 'BINGO_PREFLIGHT_SYNC_BINLOG')!
    await server.query(mended.sql!.replace(/;.*/, ''))
    expect(codes(await findings(server.url), 'warning')).not.toContain('BINGO_PREFLIGHT_SYNC_BINLOG')
  })

  it('sees another replica with the same server id on a server that has no SHOW REPLICAS yet', async () => {
    await using server = await startOlder('mysql-8.0')
    await using replica = await startOlder('mysql-8.0', { serverId: 77 })
    await replica.query(
      `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${server.port}, MASTER_USER = 'root'`,
    )
    await replica.query('START SLAVE IO_THREAD')
    await eventually('it has registered', async () => (await server.query('SHOW SLAVE HOSTS')).length === 1)
    expect(codes(await findings(server.url, 77), 'error')).toEqual(['BINGO_PREFLIGHT_DUPLICATE_ID'])
  })
})

describe('preflight on MariaDB', () => {
  it('warns of sync_binlog=0, its default, and knows BINLOG MONITOR', async () => {
    await using server = await startMariadb({ version: '10.11' })
    await server.query('SET GLOBAL sync_binlog = 0')
    await server.query("CREATE USER bingo@'%' IDENTIFIED BY 'secret'")
    await server.query("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO bingo@'%'")
    const found = await findings(withAccount(server.url, 'bingo', 'secret'))
    expect(found.map(({ code }) => code)).toEqual(['BINGO_PREFLIGHT_SYNC_BINLOG', 'BINGO_PREFLIGHT_GRANT'])
  })
})

describe('an unreachable server', () => {
  it('fails at once if configured to, and retries otherwise', async () => {
    const probe = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => probe.once('listening', resolve))
    const { port } = probe.address() as { port: number }
    probe.close()
    const url = `mysql://root@127.0.0.1:${port}`
    await using impatient = new RecordingSource(url, { failFast: true })
    expect(await impatient.failure()).toMatchObject({ code: 'BINGO_SOURCE_UNREACHABLE', retryable: true })
    await using patient = new RecordingSource(url)
    await patient.waitFor(() => patient.stats.reconnectsTotal >= 3)
    expect(patient.lines.filter(({ level }) => level !== 'debug')).toHaveLength(1)
  })
})
