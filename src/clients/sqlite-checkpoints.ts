import type { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'

/** What a thread runs that copies pages; with as little around it as possible. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads')
const database = new (require('node:sqlite').DatabaseSync)(workerData)
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
parentPort.on('message', (word) => {
  if (word === 'copy') return parentPort.postMessage(checkpoint.get().log)
  database.close()
  parentPort.close()
})`
/** It needs next to nothing. */
const HEAP = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 }
/** Pages written to the log before they are copied: as many as SQLite waits for. */
const EVERY_PAGES = 1_000
/** What a transaction changes beside its payloads: the ends of its tables and indexes, and their counters. */
const PAGES_OF_A_COMMIT = 6
const PAGE_BYTES = 4_096
/** A log that is longer is begun again. */
const LONGEST_PAGES = 4_000

/**
 * Copies the write-ahead log into its database file in a thread of its own. SQLite does that within a COMMIT, several times a second
 * under load, and each time writes and syncs for 5 to 50 ms, while everything else in this process waits. The thread starts when
 * there is something to copy; where it fails, SQLite does it again.
 */
export class Checkpoints {
  readonly #database: DatabaseSync
  readonly #path: string
  #worker: Worker | null = null
  #pages = 0
  #isCopying = false

  constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#path = path
  }

  /** A transaction was written, with payloads of so many bytes. Not within one. */
  wrote(bytes: number): void {
    this.#pages += PAGES_OF_A_COMMIT + bytes / PAGE_BYTES
    if (this.#pages < EVERY_PAGES || this.#isCopying) return
    this.#pages = 0
    this.#isCopying = true
    this.#worker ??= this.#start()
    this.#worker.postMessage('copy')
  }

  /** Resolves when the thread has closed the file. */
  async close(): Promise<void> {
    const worker = this.#worker
    if (worker === null) return
    this.#worker = null
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    worker.ref()
    worker.postMessage('end')
    await ended
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, { eval: true, workerData: this.#path, execArgv: [], resourceLimits: HEAP })
    worker.on('message', (pages: number) => this.#copied(pages))
    worker.on('error', () => this.#failed(worker))
    worker.unref()
    this.#database.exec('PRAGMA wal_autocheckpoint = 0')
    return worker
  }

  /** While transactions follow each other the log never is copied to its end, where alone it can begin again: the rest is short. */
  #copied(pages: number): void {
    this.#isCopying = false
    if (this.#worker === null || pages <= LONGEST_PAGES) return
    try {
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)')
    } catch {
      // As within a COMMIT: the log has everything, and the next one tries again.
    }
  }

  #failed(worker: Worker): void {
    if (this.#worker !== worker) return
    this.#worker = null
    this.#isCopying = false
    this.#database.exec(`PRAGMA wal_autocheckpoint = ${EVERY_PAGES}`)
  }
}
