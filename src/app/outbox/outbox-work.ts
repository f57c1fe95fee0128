import { OutboxRows } from '../../flow/reading/outbox-rows.ts'
import type { Clock } from '../../model/clock.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Stats } from '../../model/stats.ts'
import { compileTablePattern } from '../../rules/table-pattern.ts'
import type { WatchedOutbox } from '../../sources/mysql/server/preflight/outbox-tables.ts'
import { ControlConnection } from '../../sources/mysql/server/login/control-connection.ts'
import type { OutboxConfig } from '../config/outbox/contract.ts'
import type { SourceConfig } from '../config/config.ts'
import { Cleanup } from './cleanup.ts'
import { RowWriter } from './row-writer.ts'

export interface OutboxWorkDeps {
  readonly log: Log
  readonly clock: Clock
  readonly stats: Stats
}

/** What is done with the rows of outboxes on one server; opens its connection with the first row. */
export class OutboxWork implements Disposable {
  readonly rows: OutboxRows
  private readonly connection: ControlConnection
  private readonly cleanup: Cleanup

  constructor(outboxes: readonly OutboxConfig[], source: SourceConfig, { log, clock, stats }: OutboxWorkDeps) {
    this.connection = new ControlConnection(source, source, clock)
    const { connection } = this
    this.rows = new OutboxRows(new RowWriter({ connection, log, clock }), stats.outboxes)
    this.cleanup = new Cleanup(outboxes, { connection, counters: stats.outboxes, log, clock })
  }

  [Symbol.dispose](): void {
    this.cleanup[Symbol.dispose]()
    this.connection.close()
  }
}

/** Outboxes that are read from a binlog. */
export function loggedOutboxes(outboxes: readonly OutboxConfig[]): readonly OutboxConfig[] {
  return outboxes.filter(({ polling }) => polling === undefined)
}

/** Opens what is done with rows on a server, as part of `opened` (a DisposableStack); undefined where there are no outboxes. */
export function outboxWork(
  all: readonly OutboxConfig[],
  // The declarations of the package are read by programs that do not know the library's newer names.
  opened: { defer(close: () => void): void },
  deps: OutboxWorkDeps,
): ((source: SourceConfig) => OutboxWork) | undefined {
  const outboxes = loggedOutboxes(all)
  if (outboxes.length === 0) return undefined
  return (source) => {
    const work = new OutboxWork(outboxes, source, deps)
    opened.defer(() => work[Symbol.dispose]())
    return work
  }
}

/** What preflight looks at. */
export function watchedOutboxes(all: readonly OutboxConfig[]): readonly WatchedOutbox[] {
  return loggedOutboxes(all).map(({ table, after, mapping }) => {
    const { id } = mapping.fields
    return { matches: compileTablePattern(table)!, after, id: id !== null && 'column' in id ? id.column : null }
  })
}
