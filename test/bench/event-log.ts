import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { LogRecord } from '../../src/model/state/event-log.ts'
import { SqliteEventLog } from '../../src/log/sqlite/event-log.ts'
import type { Row } from './report.ts'

/** Records per transaction. */
const GROUPS = [1, 10, 100, 1_000]
const PAYLOAD = Buffer.alloc(200, 'x')
/** Transactions are synced to disk: single ones take longer than there is patience for as many. */
const MOST_TRANSACTIONS = 5_000

/** Appends per second, with as many appends of one record at a time as a group has, beside bare node:sqlite. */
export async function eventLog(records: number, repeats: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bingo-bench-log-'))
  const rows: Row[] = []
  try {
    for (const group of GROUPS) {
      const count = Math.min(records, group * MOST_TRANSACTIONS)
      const [bare, ours]: [number[], number[]] = [[], []]
      for (let repeat = 0; repeat < repeats; repeat++) {
        bare.push(bareSqlite(join(folder, `bare-${group}-${repeat}`), count, group))
        ours.push(await appends(join(folder, `log-${group}-${repeat}`), count, group))
      }
      rows.push({
        section: 'h',
        name: `event log, ${group} appends at a time`,
        value: median(ours),
        unit: 'records/s',
        baseline: { name: 'bare node:sqlite', value: median(bare) },
      })
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  return rows
}

function recordOf(number: number): LogRecord {
  return {
    id: `event-${number}`,
    type: 'orders.order.create',
    key: `key-${number % 100}`,
    source: 'api',
    payload: PAYLOAD,
    at: number,
  }
}

/** The same columns with the same unique id, written as a program would that needs nothing else. */
function bareSqlite(path: string, count: number, group: number): number {
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE events (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT, key TEXT, source TEXT, at INTEGER, payload BLOB) STRICT`)
  const insert = database.prepare('INSERT INTO events (id, type, key, source, at, payload) VALUES (?, ?, ?, ?, ?, ?)')
  const startedAt = performance.now()
  for (let done = 0; done < count; done += group) {
    database.exec('BEGIN IMMEDIATE')
    for (let i = done; i < done + group; i++) {
      const { id, type, key, source, at, payload } = recordOf(i)
      insert.run(id, type, key, source, at, payload)
    }
    database.exec('COMMIT')
  }
  const seconds = (performance.now() - startedAt) / 1_000
  database.close()
  return count / seconds
}

async function appends(path: string, count: number, group: number): Promise<number> {
  const log = new SqliteEventLog({ path, maxCount: Infinity, maxBytes: Infinity, idRetentionMs: 604_800_000 })
  await log.stats()
  const startedAt = performance.now()
  for (let done = 0; done < count; done += group) {
    await Promise.all(Array.from({ length: group }, (_, i) => log.append([recordOf(done + i)])))
  }
  const seconds = (performance.now() - startedAt) / 1_000
  await log.close()
  return count / seconds
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
