import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { encodeEnvelope } from '../../src/model/event/event-codec.ts'
import type { NewEvent } from '../../src/model/state/event-provider.ts'
import { SqliteEventProvider } from '../../src/log/sqlite/event-provider.ts'
import { newEvent } from '../support/events/new-event.ts'
import type { Row } from './report.ts'

/** Events per transaction. */
const GROUPS = [1, 10, 100, 1_000]
const PAYLOAD = { text: 'x'.repeat(200) }
/** Transactions are synced to disk: single ones take longer than there is patience for as many. */
const MOST_TRANSACTIONS = 5_000

/** Posts per second, with as many posts of one event at a time as a group has, beside bare node:sqlite. */
export async function eventLog(records: number, repeats: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bingo-bench-log-'))
  const rows: Row[] = []
  try {
    for (const group of GROUPS) {
      const count = Math.min(records, group * MOST_TRANSACTIONS)
      const [bare, ours]: [number[], number[]] = [[], []]
      for (let repeat = 0; repeat < repeats; repeat++) {
        bare.push(bareSqlite(join(folder, `bare-${group}-${repeat}`), count, group))
        ours.push(await posts(join(folder, `log-${group}-${repeat}`), count, group))
      }
      rows.push({
        section: 'h',
        name: `SQLite, ${group} posts at a time`,
        value: median(ours),
        unit: 'events/s',
        baseline: { name: 'bare node:sqlite', value: median(bare) },
      })
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  return rows
}

function eventOf(number: number): NewEvent {
  return newEvent(`event-${number}`, { key: `key-${number % 100}`, payload: PAYLOAD, timestamp: number })
}

/** The same envelope with the same unique id, written as a program would that needs nothing else. */
function bareSqlite(path: string, count: number, group: number): number {
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE events (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT, key TEXT, source TEXT, at INTEGER, payload BLOB) STRICT`)
  const insert = database.prepare('INSERT INTO events (id, type, key, source, at, payload) VALUES (?, ?, ?, ?, ?, ?)')
  const startedAt = performance.now()
  for (let done = 0; done < count; done += group) {
    database.exec('BEGIN IMMEDIATE')
    for (let i = done; i < done + group; i++) {
      const { event } = eventOf(i)
      const { id, type, key, source, timestamp } = event
      insert.run(id, type, key, source, timestamp, encodeEnvelope(event))
    }
    database.exec('COMMIT')
  }
  const seconds = (performance.now() - startedAt) / 1_000
  database.close()
  return count / seconds
}

async function posts(path: string, count: number, group: number): Promise<number> {
  const provider = new SqliteEventProvider({
    path,
    maxEvents: Infinity,
    maxBytes: Infinity,
    idRetentionMs: 604_800_000,
  })
  await provider.log.stats()
  const options = { now: Date.now(), onConflict: 'keep' } as const
  const startedAt = performance.now()
  for (let done = 0; done < count; done += group) {
    await Promise.all(Array.from({ length: group }, (_, i) => provider.post([eventOf(done + i)], options)))
  }
  const seconds = (performance.now() - startedAt) / 1_000
  await provider.close()
  return count / seconds
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
