import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { systemClock } from '../../model/clock.ts'
import type { SourcePosition } from '../../model/source/position.ts'
import { createStats } from '../../model/stats.ts'
import type { Config, ScaleRole } from '../../app/config/config.ts'
import { loadConfig } from '../../app/config/load.ts'
import { openDaemon, withRole } from '../../app/scale/open.ts'
import { openAdmin } from './admin.ts'
import { writeFatal } from './fatal-line.ts'
import { growSparingly, heapControls, releaseAfterStart } from './growing-heap.ts'
import { configFor, daemonLog, type GlobalOptions } from '../context.ts'
import { rulesFor } from '../rules-for.ts'
import { logRules, reloadRules } from './reload-rules.ts'
import { stopSignals } from './stop-signals.ts'
import { version } from '../version.ts'
import { requireWritableStores } from './writable-store.ts'

/** Options of `bingo run`. */
export interface RunOptions extends GlobalOptions {
  readonly role?: ScaleRole
}

/** `bingo run`: resolves after a clean stop, rejects with what ended the daemon. */
export async function runDaemon(options: RunOptions): Promise<void> {
  try {
    await runConfigured(options)
  } catch (error) {
    writeFatal(error)
    throw error
  }
}

async function runConfigured(options: RunOptions): Promise<void> {
  const config = withRole(configFor(options, 'run'), options.role)
  requireWritableStores(config)
  const log = await daemonLog(config, options)
  const { ruleSet, warnings } = await rulesFor(config)
  using stop = stopSignals({
    deadlineMs: config.shutdown.deadlineMs,
    onStop: (signal) => log.info({ signal, deadlineMs: config.shutdown.deadlineMs }, 'stopping'),
  })
  const about = { version: version(), config: config.file, pid: process.pid, node: process.version }
  log.info({ ...about, ...(config.scale !== null && { role: config.scale.role }) }, 'starting')
  logRules(log, ruleSet, warnings)
  const stats = createStats(affordableBudget(config.budgetBytes), config.targetBudgetBytes)
  const daemon = await openDaemon(config, ruleSet, { log, stats, clock: systemClock, onReopen: onHangUp })
  const heap = heapControls(setFlagsFromString)
  using _heap = growSparingly(stats, systemClock, heap)
  using _start = releaseAfterStart(systemClock, heap)
  await using _admin = await openAdmin({ config, daemon, stats, log, clock: systemClock })
  const reread = (): Config =>
    loadConfig({ file: options.config, env: process.env, cwd: process.cwd(), sourceRequired: 'unless events' }).config
  using _watch = reloadRules(config, reread, ruleSet, { daemon, stats, log, clock: systemClock })
  await daemon.run(stop.signal)
  const [first, ...further] = config.sources.map(({ name }) => ({ source: name, ...placeOf(daemon.position(name)) }))
  const { source: _only, ...place } = first ?? { source: '' }
  log.info({ ...place, ...(further.length > 0 && { sources: [first, ...further] }) }, 'stopped')
}

function placeOf(position: SourcePosition | null) {
  return { file: position?.file, position: position?.offset, gtid: position?.gtidSet }
}

/** Calls the listener on each SIGHUP, until what it answers is called. */
function onHangUp(listener: () => void): () => void {
  process.on('SIGHUP', listener)
  return () => void process.off('SIGHUP', listener)
}

/**
 * Share of the heap that unfinished work may take: estimates are rough, and garbage lies beside it, up to ten times as
 * much. The heap's limit counts the young generation as well: 320 MB with `--max-old-space-size=128`.
 */
const HEAP_SHARE = 1 / 48

/** The budget, or what a small heap (`--max-old-space-size`) can hold of it (invariant 6). */
function affordableBudget(budgetBytes: number): number {
  return Math.min(budgetBytes, getHeapStatistics().heap_size_limit * HEAP_SHARE)
}
