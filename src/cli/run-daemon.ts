import type { Log } from '../core/action.ts'
import { systemClock } from '../core/clock.ts'
import type { Problem } from '../core/errors.ts'
import { createStats } from '../core/stats.ts'
import { createDaemon } from '../daemon.ts'
import { openAdmin } from './admin.ts'
import { configFor, daemonLog, type GlobalOptions } from './context.ts'
import { rulesFor } from './rules-for.ts'
import { stopSignals } from './stop-signals.ts'
import { version } from './version.ts'

/** `bingo run`: resolves after a clean stop, rejects with what ended the daemon. */
export async function runDaemon(options: GlobalOptions): Promise<void> {
  const config = configFor(options)
  const log = await daemonLog(config, options)
  const { ruleSet, warnings } = await rulesFor(config)
  using stop = stopSignals({
    deadlineMs: config.shutdown.deadlineMs,
    onStop: (signal) => log.info({ signal, deadlineMs: config.shutdown.deadlineMs }, 'stopping'),
  })
  log.info({ version: version(), config: config.file, pid: process.pid, node: process.version }, 'starting')
  logRules(
    log,
    ruleSet.rules.map(({ id }) => id),
    warnings,
  )
  const stats = createStats(config.budgetBytes)
  const daemon = createDaemon(config, ruleSet, { log, stats, clock: systemClock })
  await using _admin = await openAdmin({ config, daemon, stats, log, clock: systemClock })
  await daemon.run(stop.signal)
  const { position } = daemon
  log.info({ file: position?.file, position: position?.offset, gtid: position?.gtidSet }, 'stopped')
}

function logRules(log: Log, rules: readonly string[], warnings: readonly Problem[]): void {
  for (const rule of rules) log.info({ rule }, 'rule loaded')
  for (const warning of warnings) log.warn({ code: warning.code, rule: warning.ruleId }, oneLine(warning))
}

function oneLine({ location, message, hint }: Problem): string {
  const place = location === undefined ? '' : `${location.file}:${location.line}:${location.column} `
  return `${place}${message}${hint === undefined ? '' : ` (${hint})`}`
}
