import type { BrokerConfig } from '../../app/config/brokers/contract.ts'
import type { Config } from '../../app/config/config.ts'
import { openTail } from '../../app/brokers/open-tail.ts'
import { systemClock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import { parseBrokerStart, type BrokerStart } from '../../sources/broker/start.ts'
import { isRecordTable } from '../../sources/broker/record-row.ts'
import { tablePatterns } from '../check/table-patterns.ts'
import type { TailOptions } from './tail-options.ts'
import { commandLog } from '../context.ts'
import { stopSignals } from '../daemon/stop-signals.ts'
import { LineOutput } from '../output/line-output.ts'
import { RecordPrinter } from './record-printer.ts'
import { whenIdle } from './when-idle.ts'

/** `bingo tail` from a broker: as from a server, without a group and without an acknowledgement. */
export async function tailBroker(config: Config, broker: BrokerConfig, options: TailOptions): Promise<void> {
  const wants = tablePatterns(options.tables)
  const start = startOf(options.from, broker)
  const log = await commandLog(config, options)
  using stop = stopSignals()
  const done = new AbortController()
  const finish = (): void => done.abort()
  const output = new LineOutput(process.stdout, finish)
  const deps = { env: process.env, baseDir: config.rules.baseDir, clock: systemClock, log }
  const opened = await openTail(broker, start, deps)
  const { source } = opened
  const { name } = broker
  const printer = new RecordPrinter({
    format: options.format,
    ddl: options.ddl === true,
    limit: options.limit ?? Infinity,
    // A record that cannot be read is logged.
    wants: (schema, table) => !isRecordTable(name, schema, table) && wants(schema, table),
    wantsPosted: options.tables.length === 0,
    output,
    onLimit: finish,
    onPrinted: (end, pending) => {
      source.finished(end)
      if (pending === undefined) return
      source.pause(output)
      void pending.then(() => source.resume(output))
    },
    onGap: ({ reason, missing }) => log.warn({ source: name, reason, missing }, 'records are gone'),
  })
  const { state } = source
  const watched = { activity: () => printer.activity, rests: () => state.connected && state.caughtUp }
  using _idle = options.untilIdle === undefined ? undefined : whenIdle(options.untilIdle, watched, finish)
  try {
    await source.run(printer, null, AbortSignal.any([stop.signal, done.signal]))
  } finally {
    await opened.close()
  }
  await output.flush()
}

function startOf(from: string | undefined, { name }: BrokerConfig): BrokerStart {
  if (from === undefined) return { tag: 'latest' }
  const start = parseBrokerStart(from)
  if (start !== undefined) return start
  throw new BingoError('BINGO_START_INVALID', `"${from}" is not a place to start at in the broker ${name}`, {
    hint: 'Write earliest, latest or a time with its zone: 2026-11-28T10:00:00Z.',
  })
}
