import type { DatabaseSync } from 'node:sqlite'

/** SQLite's own. */
const MANY_PAGES = 1_000
const FEW_PAGES = 100
/** New events of a transaction, on average: below, and above, the other size is taken. */
const FEW_EVENTS = 4
const MANY_EVENTS = 8
/** Transactions that the average reaches back, about. */
const REACH = 16

/**
 * After how many pages SQLite moves the write-ahead log into the file, within the COMMIT: each takes some 8 us, and everything that is
 * posted meanwhile waits. Where little is written, often and for a short time (docs/performance.md has what that gives). Where much is
 * written, seldom: the pages that are changed most often are then moved once, not ten times.
 */
export class CheckpointSize {
  readonly #database: DatabaseSync
  #average = 0
  #pages = MANY_PAGES

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** So many new events are written in one transaction. */
  writes(events: number): void {
    this.#average += (events - this.#average) / REACH
    const pages = this.#average < FEW_EVENTS ? FEW_PAGES : this.#average > MANY_EVENTS ? MANY_PAGES : this.#pages
    if (pages === this.#pages) return
    this.#pages = pages
    this.#database.exec(`PRAGMA wal_autocheckpoint = ${pages}`)
  }
}
