import type { Clock, Timer } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import { outboxCounters, type OutboxCounters } from '../../model/event/posted/outbox-counters.ts'
import type { Log } from '../../model/rule/action.ts'
import { compileTablePattern } from '../../rules/table-pattern.ts'
import type { ControlConnection } from '../../sources/mysql/server/login/control-connection.ts'
import { quotedTable, tableNames } from '../../sources/mysql/server/table-names.ts'
import type { OutboxConfig } from '../config/outbox/contract.ts'

const CHUNK = 500
const REST_MS = 50
const MICROSECONDS = 1_000

export interface CleanupDeps {
  readonly connection: Pick<ControlConnection, 'query'>
  readonly counters: Map<string, OutboxCounters>
  readonly log: Log
  readonly clock: Clock
}

/** Deletes rows that were marked long ago, now and then, in small chunks with rests between them. */
export class Cleanup implements Disposable {
  private readonly deps: CleanupDeps
  private readonly timers: Timer[]
  private readonly stopped = new AbortController()

  constructor(outboxes: readonly OutboxConfig[], deps: CleanupDeps) {
    this.deps = deps
    this.timers = outboxes.flatMap(({ table, cleanup }) => {
      if (cleanup === null) return []
      return [deps.clock.every(cleanup.everyMs, () => void this.run(table, cleanup.afterMs))]
    })
  }

  [Symbol.dispose](): void {
    this.stopped.abort()
    for (const timer of this.timers) timer.cancel()
  }

  private async run(pattern: string, afterMs: number): Promise<void> {
    const { log } = this.deps
    try {
      for (const table of await this.tablesOf(pattern)) await this.clean(table, pattern, afterMs)
    } catch (error) {
      if (this.stopped.signal.aborted) return
      const code = error instanceof BingoError ? error.code : 'BINGO_INTERNAL'
      log.warn({ code, table: pattern, err: String(error) }, 'cleaning an outbox failed; it is tried again next time')
    }
  }

  private async clean(table: string, pattern: string, afterMs: number): Promise<void> {
    const { connection, clock, counters } = this.deps
    const due = `\`processed_at\` < CURRENT_TIMESTAMP(3) - INTERVAL ? MICROSECOND ORDER BY \`processed_at\` LIMIT ${CHUNK}`
    for (;;) {
      await connection.query(`DELETE FROM ${table} WHERE ${due}`, [afterMs * MICROSECONDS])
      const [row] = await connection.query('SELECT ROW_COUNT() AS deleted')
      const deleted = Number(row!['deleted'])
      outboxCounters(counters, pattern).deletedTotal += Math.max(0, deleted)
      if (deleted < CHUNK) return
      await clock.sleep(REST_MS, this.stopped.signal)
    }
  }

  private async tablesOf(pattern: string): Promise<readonly string[]> {
    const matches = compileTablePattern(pattern)!
    const { connection } = this.deps
    const tables: string[] = []
    for (const table of await tableNames(connection)) {
      if (!matches(table.schema, table.name)) continue
      const marked = await connection.query(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = ? AND table_name = ? AND column_name = 'processed_at'",
        [table.schema, table.name],
      )
      if (marked.length > 0) tables.push(quotedTable(table))
    }
    return tables
  }
}
