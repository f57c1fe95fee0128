import type { Clock } from '../../model/clock.ts'
import { Change, type Transaction } from '../../model/event/change.ts'
import type { JobObserver } from '../../model/delivery/job-observer.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Positions } from '../../model/source/source.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { Feed, FeedGroup } from '../feed/feed.ts'
import type { PolledOptions, PolledRow } from './contract.ts'
import type { PolledTable } from './polled-table.ts'

/** How many rows were handed out by then in this run. What is done stands in the table: a restart needs no position. */
export interface PolledPosition {
  readonly handed: number
}

export const POLLED_POSITIONS: Positions<PolledPosition> = {
  print: ({ handed }) => String(handed),
  parse: (text) => ({ handed: Number(text) }),
}

/** Says that there may be new rows; resolves when that is known to work. */
export interface Notices {
  /** Rejects where it cannot be listened now: rows are then found by polling alone. */
  listen(ring: () => void): Promise<void>
  close(): Promise<void>
}

export interface PolledFeedDeps {
  readonly table: PolledTable
  readonly options: PolledOptions
  readonly notices: Notices | null
  readonly clock: Clock
  readonly log: Log
}

/** Rows that are claimed and not settled: as many batches may be under way. */
const BATCHES = 8
/** Claims are renewed so many times before they would end. */
const RENEWALS = 3
/** How soon it is tried again to listen: who has notices may poll seldom. */
const LISTEN_AGAIN_MS = 5_000

/** The rows of an outbox, as INSERTs of its table; the outbox's rule makes events of them. */
export class PolledFeed implements Feed<PolledPosition>, JobObserver {
  readonly description: string
  private readonly deps: PolledFeedDeps
  /** In the order handed out. */
  private readonly inFlight: { readonly handed: number; readonly row: PolledRow }[] = []
  private readonly finishedRows: PolledRow[] = []
  private readonly errors = new Map<string, string>()
  private handed = 0
  private wake: () => void = () => undefined
  private rung = false

  constructor(deps: PolledFeedDeps) {
    this.deps = deps
    this.description = deps.table.description
  }

  begin(): Promise<PolledPosition> {
    return Promise.resolve({ handed: 0 })
  }

  async *read(_from: PolledPosition, signal: AbortSignal, idle: () => void): AsyncIterable<FeedGroup<PolledPosition>> {
    const { table, options, clock } = this.deps
    const def = await table.open()
    const renewing = clock.every(options.leaseMs / RENEWALS, () => void this.renew())
    const onAbort = (): void => this.ring()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      while (!signal.aborted) {
        const listens = await this.listen()
        await this.settle()
        const rows = this.inFlight.length < BATCHES * options.batch ? await table.claim() : []
        for (const row of rows) this.inFlight.push({ handed: (this.handed += 1), row })
        for (const entry of this.inFlight.slice(this.inFlight.length - rows.length)) yield this.groupOf(entry, def)
        if (rows.length === options.batch) continue
        if (rows.length === 0 && this.inFlight.length === 0) idle()
        await this.pause(listens ? options.everyMs : Math.min(options.everyMs, LISTEN_AGAIN_MS))
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      renewing.cancel()
    }
  }

  finished({ handed }: PolledPosition): void {
    while (this.inFlight[0] !== undefined && this.inFlight[0].handed <= handed) {
      this.finishedRows.push(this.inFlight.shift()!.row)
    }
    this.ring()
  }

  matched(): void {}

  began(): void {}

  ended(job: Parameters<JobObserver['ended']>[0], end: Parameters<JobObserver['ended']>[1]): void {
    if (end !== 'dead letter') return
    const { failure, change } = job
    const entry = entryOf(change.transaction.id, this.deps.options)
    if (entry !== null) this.errors.set(entry, failure === null ? 'dead letter' : `${failure.code} ${failure.message}`)
  }

  /** Settles what is finished, and stops listening. */
  async close(): Promise<void> {
    await this.settle().catch((error: unknown) => this.warn(error, 'rows of an outbox come again after the next start'))
    await this.deps.notices?.close()
  }

  private groupOf({ handed, row }: { handed: number; row: PolledRow }, def: TableDef): FeedGroup<PolledPosition> {
    return {
      id: transactionId(row, this.deps.options),
      at: createdAt(row) ?? this.deps.clock.now(),
      changes: (transaction: Transaction) => [new Change(def, 'insert', transaction, 0, null, row.values, null)],
      end: { handed },
    }
  }

  private async settle(): Promise<void> {
    const rows = this.finishedRows.splice(0)
    if (rows.length === 0) return
    try {
      await this.deps.table.settle(rows, this.errors)
    } catch (error) {
      this.finishedRows.unshift(...rows)
      throw error
    }
    for (const { entry } of rows) this.errors.delete(entry)
  }

  private async renew(): Promise<void> {
    if (this.inFlight.length === 0) return
    await this.deps.table.renew().catch((error: unknown) => this.warn(error, 'claims of an outbox cannot be renewed'))
  }

  /** False where there should be notices and are none. */
  private async listen(): Promise<boolean> {
    try {
      await this.deps.notices?.listen(() => this.ring())
      return true
    } catch (error) {
      this.warn(error, 'notices of an outbox are missing')
      return false
    }
  }

  private warn(error: unknown, message: string): void {
    this.deps.log.warn({ outbox: this.description, err: (error as Error).message }, message)
  }

  private ring(): void {
    this.rung = true
    this.wake()
  }

  private async pause(ms: number): Promise<void> {
    if (!this.rung) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = this.deps.clock.after(ms, resolve)
      this.wake = resolve
      await promise
      this.wake = () => undefined
      timer.cancel()
    }
    this.rung = false
  }
}

/** When the row says that it was made, so that its event is the same whenever it is read; times without a zone are UTC. */
function createdAt({ values }: PolledRow): number | null {
  const text = values['created_at']
  if (typeof text !== 'string') return null
  const iso = text.replace(' ', 'T')
  const ms = Date.parse(/[Zz]$|[+-]\d\d:\d\d$/.test(iso) ? iso : `${iso}Z`)
  return ms >= 0 ? ms : null
}

/** The same after any restart: targets know duplicates by it. */
function transactionId({ entry }: PolledRow, { schema, table }: PolledOptions): string {
  return `outbox:${schema}.${table}:${entry}`
}

function entryOf(id: string, { schema, table }: PolledOptions): string | null {
  const prefix = `outbox:${schema}.${table}:`
  return id.startsWith(prefix) ? id.slice(prefix.length) : null
}
