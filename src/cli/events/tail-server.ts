import { compileRowImages } from '../../sources/mysql/binlog/event-bytes/row-images.ts'
import { compileRowDecoder } from '../../sources/mysql/binlog/rows/row-decoder.ts'
import { systemClock } from '../../model/clock.ts'
import { SourceState } from '../../model/source/source-state.ts'
import { createStats } from '../../model/stats.ts'
import { MysqlSource } from '../../sources/mysql/mysql-source.ts'
import { parseStartPoint } from '../../sources/mysql/start-point.ts'
import type { Config, SourceConfig } from '../../app/config/config.ts'
import { commandLog } from '../context.ts'
import { EventPrinter } from './event-printer.ts'
import { outboxEvents } from './outbox-events.ts'
import { LineOutput } from '../output/line-output.ts'
import { standardOutput } from '../output/pipe-output.ts'
import { stopSignals } from '../daemon/stop-signals.ts'
import { whenIdle } from './when-idle.ts'
import { tablePatterns } from '../check/table-patterns.ts'
import type { TailOptions } from './tail-options.ts'

/** `bingo tail` from a server: resolves when stopped, idle, at its limit, or when nobody reads any more. */
export async function tailServer(config: Config, from: SourceConfig, options: TailOptions): Promise<void> {
  const wants = tablePatterns(options.tables)
  const start = parseStartPoint(options.from ?? 'latest')
  const log = await commandLog(config, options)
  using stop = stopSignals({ mayBeStuck: true })
  const done = new AbortController()
  const finish = (): void => done.abort()
  const output = new LineOutput(standardOutput(), finish)
  const stats = createStats(config.budgetBytes)
  const state = new SourceState()
  const limit = options.limit ?? Infinity
  const printer = new EventPrinter({
    format: options.format,
    ddl: options.ddl === true,
    limit,
    wants,
    shownAs: outboxEvents(config.outboxes),
    compileRowDecoder,
    compileRowImages,
    output,
    onLimit: finish,
  })
  // Another replica than the daemon: a server drops the older of two with one id.
  const replicaName = `${config.name}:tail:${process.pid}`
  const settings = { ...from, start, serverId: null }
  const source = new MysqlSource(
    { name: 'tail', replicaName, source: settings },
    { log, stats, state, clock: systemClock },
    true,
  )
  const watched = { activity: () => printer.activity, rests: () => state.connected && !printer.inTransaction }
  using _idle = options.untilIdle === undefined ? undefined : whenIdle(options.untilIdle, watched, finish)
  await source.stream(printer, {}, null, AbortSignal.any([stop.signal, done.signal]))
  await output.flush()
}
