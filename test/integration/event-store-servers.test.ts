import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore } from '../../src/event-store/create.ts'
import type { EventStore } from '../../src/event-store/contract.ts'
import { all, collect, describeEventStore, event } from '../support/event-store/contract.ts'
import { checkKills } from '../support/event-store/kills.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startPostgres } from '../support/servers/postgres.ts'

let databases = 0

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
] as const)('an event store in %s', (_name, start) => {
  let server: Awaited<ReturnType<typeof start>>
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server.stop())

  const fresh = async (): Promise<string> => {
    const name = `store${++databases}`
    await server.query(`CREATE DATABASE ${name}`)
    return `${server.url.replace(/\/$/, '')}/${name}`
  }

  describeEventStore(async () => {
    const url = await fresh()
    return () => createEventStore(url)
  })

  test('Readers wait for an event that commits after later ones, and are not held up by one that is rolled back', async () => {
    const url = await fresh()
    await using store = createEventStore(url)
    await store.appendToStream('a', [event(1)])
    const writer = await createConnection(url.replace('mariadb:', 'mysql:'))
    const late = (id: string) =>
      writer.query(`INSERT INTO domain_events (event_id, event_type, aggregate_id, version, timestamp, payload)
        VALUES ('${id}', 'late', '${id}', 1, now(), '{"number": 0}')`)
    try {
      await writer.beginTransaction()
      await late('rolled-back')
      await store.appendToStream('a', [event(2)])
      await writer.rollback()
      expect(await all(store.readAll())).toHaveLength(2)
      await writer.beginTransaction()
      await late('late')
      await store.appendToStream('a', [event(3)])
      const seen = collect(store, (_, count) => count === 4)
      const before = (await all(store.readAll())).map(({ id, version }) => [id, version])
      expect(before.map(([, version]) => version)).toEqual([1, 2])
      await writer.commit()
      expect((await seen).map(({ type, version }) => [type, version])).toEqual([
        ['counter.counted', 1],
        ['counter.counted', 2],
        ['late', 1],
        ['counter.counted', 3],
      ])
    } finally {
      await writer.end()
    }
  })

  test('Appends that were answered are there after kill -9, whole, and each stream without gaps', async () => {
    await checkKills(await fresh(), [1, 60, 200])
  })

  test('An account that may not lock the table is told so when it reads all events', async () => {
    const url = new URL(await fresh())
    const name = url.pathname.slice(1)
    await using owner = createEventStore(url.href)
    await owner.appendToStream('a', [event(1)])
    await server.query(`CREATE USER app${name} IDENTIFIED BY 'secret'`)
    await server.query(`GRANT SELECT, INSERT ON ${name}.* TO app${name}`)
    url.username = `app${name}`
    url.password = 'secret'
    await using store = createEventStore(url.href)
    expect(await store.appendToStream('a', [event(2)])).toMatchObject({ nextExpectedVersion: 2 })
    await expect(all(store.readAll())).rejects.toMatchObject({ code: 'BINGO_STORE_GRANT_MISSING' })
  })

  test('TLS that is asked for is checked, and never done without', async () => {
    await using store = createEventStore(`${await fresh()}?tls=verify-full`)
    // Of one server the certificate is its own, the other has none.
    await expect(store.streamExists('a')).rejects.toThrow(/certificate|secure/i)
  })

  test('Wrong passwords and databases are errors that no retry changes', async () => {
    const url = new URL(server.url)
    url.pathname = '/nothing'
    await expectRefused(url.href)
    url.username = 'nobody'
    await expectRefused(url.href)
  })

  test('A server that is down is a retryable error, without the password', async () => {
    const url = new URL(server.url)
    url.port = '1'
    url.password = 'secret'
    await expectUnreachable(createEventStore(`${url.href}/nothing`))
  })
})

describe('an event store in PostgreSQL', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let admin: pg.Client
  beforeAll(async () => {
    server = await startPostgres()
    admin = new pg.Client(server.url)
    await admin.connect()
  })
  afterAll(async () => {
    await admin.end()
    await server.stop()
  })

  const fresh = async (): Promise<string> => {
    const name = `store${++databases}`
    await admin.query(`CREATE DATABASE ${name}`)
    return server.url.replace(/postgres$/, name)
  }

  describeEventStore(async () => {
    const url = await fresh()
    return () => createEventStore(url, { connections: 4 })
  })

  test('Readers wait for an event that commits after later ones, and are not held up by one that is rolled back', async () => {
    const url = await fresh()
    await using store = createEventStore(url)
    await store.appendToStream('a', [event(1)])
    const writer = new pg.Client(url)
    await writer.connect()
    const late = (id: string) =>
      writer.query(`INSERT INTO domain_events (global_position, event_id, event_type, aggregate_id, version, timestamp, payload)
        VALUES (pg_current_xact_id()::text::bigint << 20, '${id}', 'late', '${id}', 1, now(), '{"number": 0}')`)
    try {
      await writer.query('BEGIN')
      await late('rolled-back')
      await store.appendToStream('a', [event(2)])
      await writer.query('ROLLBACK')
      await writer.query('BEGIN')
      await late('late')
      await store.appendToStream('a', [event(3)])
      const seen = collect(store, (_, count) => count === 4)
      expect((await all(store.readAll())).map(({ version }) => version)).toEqual([1, 2])
      await writer.query('COMMIT')
      expect((await seen).map(({ type, version }) => [type, version])).toEqual([
        ['counter.counted', 1],
        ['counter.counted', 2],
        ['late', 1],
        ['counter.counted', 3],
      ])
    } finally {
      await writer.end()
    }
  })

  test('Appends that were answered are there after kill -9, whole, and each stream without gaps', async () => {
    await checkKills(await fresh(), [1, 60, 200])
  })

  test('Positions keep growing in a server whose transaction ids are lower than those that the events came from', async () => {
    const url = await fresh()
    const before = createEventStore(url)
    await before.appendToStream('a', [event(1)])
    await before.close()
    const database = new pg.Client(url)
    await database.connect()
    // As after a restore of a dump from a server that has made many transactions.
    await database.query('UPDATE domain_events SET global_position = 9000000000::bigint << 20')
    await database.end()
    await using store = createEventStore(url)
    const seen = collect(store, (_, count) => count === 2)
    const { globalPosition } = await store.appendToStream('a', [event(2)])
    expect(globalPosition > 9_000_000_000n << 20n).toBe(true)
    expect((await seen).map(({ version }) => version)).toEqual([1, 2])
  })

  test('Databases and users that do not exist are errors that no retry changes', async () => {
    const url = new URL(server.url)
    url.pathname = '/nothing'
    await expectRefused(url.href)
    url.username = 'nobody'
    await expectRefused(url.href)
  })

  test('TLS that is asked for is never done without', async () => {
    await using store = createEventStore(`${await fresh()}?tls=verify-full`)
    await expect(store.streamExists('a')).rejects.toThrow(/SSL/)
  })

  test('A server that is down is a retryable error, without the password', async () => {
    await expectUnreachable(createEventStore('postgres://app:secret@127.0.0.1:1/nothing'))
  })
})

async function expectUnreachable(store: EventStore): Promise<void> {
  const failed = await store.streamExists('a').catch((error: unknown) => error)
  expect(failed).toMatchObject({ code: 'BINGO_STORE_UNREACHABLE', retryable: true })
  expect(String(failed)).not.toContain('secret')
  await store.close()
}

async function expectRefused(url: string): Promise<void> {
  await using store = createEventStore(url)
  await expect(store.streamExists('a')).rejects.toMatchObject({ code: 'BINGO_STORE_REFUSED', retryable: false })
}
