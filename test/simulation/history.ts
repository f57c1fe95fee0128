import { Change, type Transaction } from '../../src/model/event/change.ts'
import type { Row, RowOp } from '../../src/model/event/row.ts'
import { tableDef } from '../support/jobs.ts'
import type { Random } from './random.ts'

export const TABLE = tableDef(['id', 'v'])

/** A statement is a change of its table without columns. */
export const STATEMENT = { ...TABLE, columns: [], key: [] }

/** One transaction of the simulated server. */
export interface Group {
  readonly transaction: Transaction
  readonly changes: readonly Change[]
  /** Changes from this ordinal on are undone before the end: ROLLBACK TO SAVEPOINT. */
  readonly undoneFrom: number | null
  readonly end: 'commit' | 'rollback'
}

/** How many changes the transactions of a history have between them, and what they change. */
export interface HistoryShape {
  readonly groups: number
  readonly rows: number
}

/** A random history of one table: rows come, change, change their key, and go. */
export function randomHistory(random: Random, { groups, rows }: HistoryShape): Group[] {
  const state = new Map<number, number>()
  let version = 0
  return Array.from({ length: groups }, (_, number) => {
    const transaction: Transaction = {
      id: `tx-${number}`,
      gtid: null,
      file: 'binlog.000001',
      offset: number,
      serverId: 1,
      // Commit times do not ascend in every log.
      timestampUs: (1_700_000_000_000 + number - ((number * 7) % 5)) * 1_000,
      query: null,
    }
    const large = random.chance(0.08)
    const count = large ? random.int(20, 60) : random.int(0, 4)
    // What outgrows the commit buffer is delivered before its end: documented, and possible without transactions only.
    const rolledBack = !large && random.chance(0.1)
    const undoneFrom = !large && count > 1 && random.chance(0.1) ? random.int(1, count - 1) : null
    const working = new Map(state)
    let kept = working
    const changes = Array.from({ length: count }, (_row, seq) => {
      if (seq === undoneFrom) kept = new Map(working)
      version += 1
      return randomChange(random, working, rows, version, seq, transaction)
    })
    if (!rolledBack) {
      state.clear()
      for (const [id, v] of undoneFrom === null ? working : kept) state.set(id, v)
    }
    return { transaction, changes, undoneFrom, end: rolledBack ? 'rollback' : 'commit' }
  })
}

function randomChange(
  random: Random,
  state: Map<number, number>,
  rows: number,
  version: number,
  seq: number,
  transaction: Transaction,
): Change {
  const id = random.int(1, rows)
  const before = state.get(id)
  if (random.chance(0.02)) {
    state.clear()
    return new Change(STATEMENT, 'truncate', transaction, seq, null, null, 'TRUNCATE users')
  }
  const of = (op: RowOp, old: Row | null, new_: Row | null): Change =>
    new Change(TABLE, op, transaction, seq, old, new_, null)
  if (before === undefined) {
    state.set(id, version)
    return of('insert', null, { id, v: version })
  }
  if (random.chance(0.2)) {
    state.delete(id)
    return of('delete', { id, v: before }, null)
  }
  const other = random.int(1, rows)
  if (random.chance(0.15) && !state.has(other)) {
    state.delete(id)
    state.set(other, version)
    return of('update', { id, v: before }, { id: other, v: version })
  }
  state.set(id, version)
  return of('update', { id, v: before }, { id, v: version })
}

/** What of a group was committed. */
export function committed({ changes, undoneFrom, end }: Group): readonly Change[] {
  if (end === 'rollback') return []
  return undoneFrom === null ? changes : changes.slice(0, undoneFrom)
}
