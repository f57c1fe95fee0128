import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { createEventStore } from '../../src/event-store/create.ts'
import { startPostgres } from '../support/servers/postgres.ts'
import { openEmmett, openEmmettOnSqlite, type EmmettStore } from './contestants/emmett.ts'
import type { Row } from './report.ts'

/** Appends that are under way at the same time, each to its own stream. */
const TOGETHER = [1, 10, 100]
/** Single ones are synced to disk one by one: there is no patience for more of them. */
const MOST_ROUNDS = 2_000
const CONNECTIONS = 10
const PAYLOAD = { text: 'x'.repeat(180) }
const COLUMNS = 'event_id, event_type, aggregate_id, version, timestamp, payload'

/** Inserts one row, as a program does that needs nothing else. */
type Insert = (id: string, stream: string, version: number) => Promise<void>

/** Appends per second of one event each, beside bare inserts of the same rows into the same table. */
export async function eventStore(events: number, repeats: number, mysql: SqlServer, which: RegExp): Promise<Row[]> {
  const stores = {
    SQLite: () => onSqlite(events, repeats),
    MySQL: () => onMysql(events, repeats, mysql),
    PostgreSQL: () => onPostgres(events, repeats),
  }
  const rows: Row[] = []
  for (const [name, measure] of Object.entries(stores)) if (which.test(name)) rows.push(...(await measure()))
  return rows
}

async function onSqlite(events: number, repeats: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bingo-bench-store-'))
  const path = join(folder, 'events.db')
  try {
    const other = await openEmmettOnSqlite(join(folder, 'emmett.db'))
    return await beside('SQLite', `file:${path}`, events, repeats, other, async (together) => {
      const database = new DatabaseSync(path)
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      const insert = database.prepare(`INSERT INTO domain_events (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`)
      let open = 0
      return {
        // As many in a transaction as are made at the same time.
        insert: async (id, stream, version) => {
          if (open === 0) database.exec('BEGIN IMMEDIATE')
          insert.run(id, 'order.placed', stream, version, new Date().toISOString(), JSON.stringify(PAYLOAD))
          open = (open + 1) % together
          if (open === 0) database.exec('COMMIT')
        },
        close: async () => database.close(),
      }
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function onMysql(events: number, repeats: number, server: SqlServer): Promise<Row[]> {
  await server.query('CREATE DATABASE IF NOT EXISTS event_store')
  const url = `${server.url.replace(/\/$/, '')}/event_store`
  return beside('MySQL', url, events, repeats, null, async () => {
    const pool = createPool({ uri: url, connectionLimit: CONNECTIONS })
    const sql = `INSERT INTO domain_events (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`
    return {
      insert: async (id, stream, version) => {
        const at = new Date().toISOString().replace('T', ' ').replace('Z', '')
        await pool.execute(sql, [id, 'order.placed', stream, version, at, JSON.stringify(PAYLOAD)])
      },
      close: () => pool.end(),
    }
  })
}

async function onPostgres(events: number, repeats: number): Promise<Row[]> {
  await using server = await startPostgres()
  // Below all positions that the store gives.
  let position = -1_000_000_000
  const other = await openEmmett(server.url)
  return await beside('PostgreSQL', server.url, events, repeats, other, async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: CONNECTIONS })
    // The server is killed in the end.
    pool.on('error', () => undefined)
    const sql = `INSERT INTO domain_events (global_position, ${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)`
    return {
      insert: async (id, stream, version) => {
        const at = new Date().toISOString()
        await pool.query(sql, [position++, id, 'order.placed', stream, version, at, JSON.stringify(PAYLOAD)])
      },
      close: () => pool.end(),
    }
  })
}

async function beside(
  name: string,
  url: string,
  events: number,
  repeats: number,
  other: EmmettStore | null,
  openBare: (together: number) => Promise<{ insert: Insert; close: () => Promise<void> }>,
): Promise<Row[]> {
  const rows: Row[] = []
  let emmett = other
  for (const together of TOGETHER) {
    const rounds = Math.min(MOST_ROUNDS, Math.ceil(events / together))
    const [bare, ours, theirs]: [number[], number[], number[]] = [[], [], []]
    await using store = createEventStore(url, { connections: CONNECTIONS })
    await store.streamExists('x')
    const bareStore = await openBare(together)
    const append: Insert = async (id, stream, version) => {
      const event = { id, type: 'order.placed', payload: PAYLOAD }
      await store.appendToStream(stream, [event], { expectedVersion: version - 1 })
    }
    // The first runs let the files grow, which costs more than writing over what is there.
    for (let repeat = -1; repeat < repeats; repeat++) {
      const label = `${together}-${repeat}`
      const rates = [
        await rate(rounds, together, `o-${label}`, append),
        await rate(rounds, together, `b-${label}`, bareStore.insert),
      ] as const
      let theirRate: number | null = null
      try {
        if (emmett !== null) theirRate = await rate(rounds, together, `e-${label}`, appendBy(emmett))
      } catch (error) {
        // Its SQLite store at times commits while a query of its own is open (SQLITE_BUSY).
        console.error(`Emmett on ${name} failed, ${together} at a time, and is left out: ${String(error)}`)
        emmett = null
      }
      if (repeat < 0) continue
      ours.push(rates[0])
      bare.push(rates[1])
      if (theirRate !== null) theirs.push(theirRate)
    }
    await bareStore.close()
    rows.push({
      section: 'j',
      name: `event store on ${name}, ${together} appends at a time`,
      value: median(ours),
      unit: 'events/s',
      baseline: { name: 'bare insert', value: median(bare) },
    })
    if (emmett === null || theirs.length === 0) continue
    rows.push({ ...rows.at(-1)!, baseline: { name: 'Emmett', value: median(theirs) } })
  }
  await other?.close()
  return rows
}

async function rate(rounds: number, together: number, label: string, append: Insert): Promise<number> {
  const startedAt = performance.now()
  for (let round = 1; round <= rounds; round++) {
    const one = (i: number) => append(`${label}-${i}-${round}`, `${label}-${i}`, round)
    await Promise.all(Array.from({ length: together }, (_, i) => one(i)))
  }
  return (rounds * together) / ((performance.now() - startedAt) / 1_000)
}

function appendBy(emmett: EmmettStore): Insert {
  return (_id, stream, version) => emmett.append(stream, version, PAYLOAD)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
