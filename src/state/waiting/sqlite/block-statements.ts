import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { WaitingSeq } from '../../../model/delivery/waiting.ts'

/** What can be read of a block without its records. */
export interface FoundBlock {
  readonly first: WaitingSeq
  readonly line: number
  readonly count: number
  readonly bytes: number
  /** Bits of those that have left; null: none has. */
  readonly places: Uint8Array | null
}

export interface WholeBlock extends FoundBlock {
  readonly events: string
}

const BLOCK = `SELECT first, line, count, bytes,
  (SELECT places FROM waiting_gone WHERE block = first) AS places`

/** Prepared once: they run for each block. */
export class BlockStatements {
  readonly any: StatementSync
  readonly insert: StatementSync
  readonly insertId: StatementSync
  readonly overlapping: StatementSync
  readonly at: StatementSync
  readonly between: StatementSync
  readonly next: StatementSync
  readonly heads: StatementSync
  readonly spans: StatementSync
  readonly setGone: StatementSync
  readonly forgetGone: StatementSync
  readonly removeId: StatementSync
  readonly remove: StatementSync

  constructor(database: DatabaseSync) {
    this.any = database.prepare('SELECT 1 FROM waiting_blocks LIMIT 1')
    this.insert = database.prepare('INSERT INTO waiting_blocks VALUES (?, ?, ?, ?, ?, ?, ?)')
    this.insertId = database.prepare('INSERT INTO waiting_ids VALUES (?, ?, ?, ?)')
    this.overlapping = database.prepare('SELECT block FROM waiting_ids WHERE name = ? AND high >= ? AND low <= ?')
    // The last that begins there or before.
    this.at = database.prepare(`${BLOCK}, events FROM waiting_blocks WHERE first <= ? ORDER BY first DESC LIMIT 1`)
    this.between = database.prepare(`${BLOCK} FROM waiting_blocks WHERE first BETWEEN ? AND ? ORDER BY first`)
    this.next = database.prepare(
      `${BLOCK}, events FROM waiting_blocks WHERE line = ? AND first > ? ORDER BY first LIMIT 1`,
    )
    this.heads = database.prepare('SELECT heads FROM waiting_blocks WHERE first = ?')
    this.spans = database.prepare('SELECT spans FROM waiting_blocks WHERE first = ?')
    this.setGone = database.prepare('INSERT OR REPLACE INTO waiting_gone VALUES (?, ?)')
    this.forgetGone = database.prepare('DELETE FROM waiting_gone WHERE block = ?')
    this.removeId = database.prepare('DELETE FROM waiting_ids WHERE name = ? AND high = ? AND block = ?')
    this.remove = database.prepare('DELETE FROM waiting_blocks WHERE first = ?')
  }
}
