import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'

const servers = [
  { title: 'MySQL with GTIDs', start: () => startMysql({ gtid: true }) },
  { title: 'MySQL without GTIDs', start: () => startMysql({ gtid: false }) },
  { title: 'MariaDB 10.11', start: () => startMariadb({ version: '10.11' }) },
]

describe.each(servers)('a source on $title', ({ start }) => {
  let server: Awaited<ReturnType<typeof startMysql>>
  let rows = 0

  beforeAll(async () => {
    server = await start()
    await server.query('CREATE DATABASE shop')
    await server.query('CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(30))')
  })
  afterAll(() => server.stop())

  async function insert(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) await server.query('INSERT INTO shop.t (v) VALUES (?)', [`v${i}`])
    rows += count
  }

  async function killDumpThreads(): Promise<void> {
    for (const thread of await server.query('SHOW PROCESSLIST')) {
      if (String(thread['Command']).startsWith('Binlog Dump')) await server.query(`KILL ${String(thread['Id'])}`)
    }
  }

  it('begins at the end by default and sees only what comes after', async () => {
    await insert()
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    await insert(2)
    await reader.waitFor(() => reader.committed.length >= 2)
    expect(reader.committed.map(({ op }) => op)).toEqual(['insert', 'insert'])
  })

  it('reads everything that is left when it begins at the earliest', async () => {
    await using reader = new RecordingSource(server.url, { start: 'earliest' })
    await reader.caughtUp()
    expect(reader.committed).toHaveLength(rows)
  })

  it('resumes after the checkpoint, with the changes made while it was down', async () => {
    const first = new RecordingSource(server.url)
    await first.caughtUp()
    await insert(3)
    await first.waitFor(() => first.committed.length === 3)
    const checkpoint = first.checkpoint(first.ends[1])
    await first.stop()
    await insert()
    await using second = new RecordingSource(server.url, { checkpoint })
    await second.waitFor(() => second.committed.length >= 2)
    await second.caughtUp()
    expect(second.committed).toHaveLength(2)
  })

  it('begins at a file and offset, and can then resume by what it knows of GTIDs', async () => {
    await using first = new RecordingSource(server.url, { start: 'earliest' })
    await first.caughtUp()
    const middle = first.ends[first.ends.length - 3]!
    await using second = new RecordingSource(server.url, { start: `${middle.file}:${middle.offset}` })
    await second.waitFor(() => second.committed.length >= 2)
    await second.caughtUp()
    expect(second.committed).toHaveLength(2)
    expect(second.source.position?.gtidSet || null).toBe(first.source.position?.gtidSet || null)
  })

  it('refuses to begin where no event begins, or in a missing file', async () => {
    const [oldest] = await server.query('SHOW BINARY LOGS')
    for (const start of [`${String(oldest!['Log_name'])}:99999999`, 'binlog.999999:4', 'binlog.999999:500']) {
      await using reader = new RecordingSource(server.url, { start })
      const { code, retryable } = await reader.failure()
      expect(['BINGO_SOURCE_IMPOSSIBLE_POSITION', 'BINGO_SOURCE_GAP']).toContain(code)
      expect(retryable).toBe(false)
    }
  })

  it('reconnects after its dump thread was killed, losing and doubling nothing', async () => {
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    for (let round = 0; round < 5; round++) {
      await insert(2)
      await killDumpThreads()
      await insert()
    }
    await reader.waitFor(() => reader.committed.length >= 15)
    await reader.caughtUp()
    expect(reader.committed).toHaveLength(15)
    expect(new Set(reader.committed.map(({ id }) => id)).size).toBe(15)
    expect(reader.stats.reconnectsTotal).toBeGreaterThan(0)
  })

  it('follows the binlog across files and knows when each was created', async () => {
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    await insert()
    await reader.waitFor(() => reader.committed.length === 1)
    const before = reader.checkpoint()
    await server.query('FLUSH BINARY LOGS')
    await insert()
    await reader.waitFor(() => reader.committed.length === 2)
    const after = reader.checkpoint()
    expect(after.position.file).not.toBe(before.position.file)
    expect(before.server.fileCreated).toBeGreaterThan(1_700_000_000)
    expect(after.server.fileCreated).toBeGreaterThanOrEqual(before.server.fileCreated)
    expect(reader.source.fingerprint(before.position.file)).toEqual(before.server)
  })

  it('reads nothing while it is paused and resumes where it stopped', async () => {
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    reader.source.pause()
    await insert(20)
    const stood = reader.committed.length
    reader.source.resume()
    await reader.waitFor(() => reader.committed.length === 20)
    expect(stood).toBeLessThan(20)
    expect(reader.stats.reconnectsTotal).toBe(0)
  })

  it('waits for a handler that is busy, in order', async () => {
    let busy = 0
    let most = 0
    await using reader = new RecordingSource(server.url, {
      onRows: async () => {
        most = Math.max(most, ++busy)
        await new Promise((resolve) => setImmediate(resolve))
        busy--
      },
    })
    await reader.caughtUp()
    await insert(50)
    await reader.waitFor(() => reader.committed.length === 50)
    expect(most).toBe(1)
  })

  it('survives a restart of the server', async () => {
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    await insert()
    await reader.waitFor(() => reader.committed.length === 1)
    await server.restart()
    await insert()
    await reader.waitFor(() => reader.committed.length === 2)
    await reader.caughtUp()
    expect(reader.committed).toHaveLength(2)
  })

  it('refuses a position whose binlog was purged', async () => {
    const first = new RecordingSource(server.url, { start: 'earliest' })
    await first.caughtUp()
    const checkpoint = first.checkpoint(first.ends[0])
    await first.stop()
    await server.query('FLUSH BINARY LOGS')
    await insert()
    const newest = (await server.query('SHOW BINARY LOGS')).at(-1)!
    await server.query(`PURGE BINARY LOGS TO '${String(newest['Log_name'])}'`)
    await using stopped = new RecordingSource(server.url, { checkpoint })
    expect(await stopped.failure()).toMatchObject({ code: 'BINGO_SOURCE_GAP', retryable: false })
    await using knowing = new RecordingSource(server.url, { checkpoint, settings: { onGap: 'earliest' } })
    await knowing.caughtUp()
    expect(knowing.stats.gapsTotal).toBe(1)
    expect(knowing.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
    // MariaDB may keep the file before the newest for a while.
    expect(knowing.committed.length).toBeGreaterThan(0)
    expect(knowing.committed.length).toBeLessThan(rows)
  })

  it('refuses a position ahead of the server', async () => {
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    await insert()
    await reader.waitFor(() => reader.committed.length === 1)
    const { position, ...rest } = reader.checkpoint()
    const gtidSet = position.gtidSet?.replace(/\d+$/, '99999') ?? null
    const checkpoint = { ...rest, position: { ...position, offset: position.offset + 1_000_000, gtidSet } }
    await using ahead = new RecordingSource(server.url, { checkpoint })
    expect(await ahead.failure()).toMatchObject({ code: 'BINGO_CHECKPOINT_AHEAD' })
  })
})
