import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { usageOf } from '../../bench/process-usage.ts'
import { Daemon, eventually } from '../../support/daemon.ts'
import type { SqlServer } from '../../support/servers/mysql.ts'
import { judge } from '../checker.ts'
import type { Arrival, Verdict } from '../checker.ts'
import { CountedLoad } from './load.ts'
import type { Breakdown, Outlet } from './outlet.ts'

export interface BreakOptions {
  readonly changes: number
  readonly rows: number
  readonly pauseMs: number
  readonly how: Breakdown
  /** How long the target is away, at least: it stays away until the daemon has said so. */
  readonly downMs: number
  /** Flags for the daemon's node. */
  readonly nodeArgs?: readonly string[]
  readonly env?: { readonly [name: string]: string }
  /** Gets the daemon, to keep what it said. */
  readonly watch?: (bingo: Daemon) => void
}

export interface BreakResult {
  readonly target: string
  readonly changes: number
  /** Acknowledged when the server broke down: shows that it was in the middle. */
  readonly deliveredBefore: number
  readonly verdict: Verdict
  /** Entries in the dead letters; a target that is down makes none. */
  readonly deadLetters: number
  /** From the moment the server is there again until it has taken something. */
  readonly secondsToResume: number
  /** From the same moment until nothing is under way and the lag is zero. */
  readonly secondsToHeal: number
  readonly peakRssMb: number
}

/** Broken when this part of the changes has been acknowledged. */
const BREAK_AT = 0.25
const HEAL_MS = 600_000
/** Within this, readiness and metrics have to say what is wrong: some timeouts, on a busy machine. */
const TOLD_MS = 120_000

/**
 * Changes under way, the target's server broken in the middle and well again after a while; then everything is counted.
 * Rejects when `/readyz` and the metrics do not tell of it while it lasts, or do not take it back.
 */
export async function breakTarget(mysql: SqlServer, outlet: Outlet, options: BreakOptions): Promise<BreakResult> {
  const load = new CountedLoad(mysql, options)
  await load.prepare()
  await using bingo = await Daemon.start({
    rules: rulesFor(outlet),
    sourceUrl: mysql.url,
    nodeArgs: options.nodeArgs ?? [],
    env: options.env ?? {},
  })
  options.watch?.(bingo)
  const part = load.changes * BREAK_AT
  await using writing = load.start()
  await eventually('a part was delivered', async () => (await delivered(bingo)) >= part, HEAL_MS)
  await outlet.breakDown(options.how, bingo.pid)
  const deliveredBefore = await delivered(bingo)
  await Promise.all([delay(options.downMs), toldDown(bingo)])
  const written = writing.finish()
  written.catch(() => undefined)
  const deliveredMeanwhile = await delivered(bingo)
  await outlet.recover(options.how, bingo.pid)
  const upAt = performance.now()
  const secondsSince = (): number => (performance.now() - upAt) / 1000
  await eventually('something was delivered', async () => (await delivered(bingo)) > deliveredMeanwhile, HEAL_MS)
  const secondsToResume = secondsSince()
  await written
  await eventually('everything was delivered', () => isIdle(bingo, load.changes), HEAL_MS)
  const secondsToHeal = secondsSince()
  await bingo.ready()
  await bingo.shows('bingo_ready', 1)
  const deadLetters = (await bingo.metric('bingo_dead_letters')) ?? 0
  const { peakRssMb } = usageOf(bingo.pid)
  await bingo.stop()
  return {
    target: outlet.name,
    changes: load.changes,
    deliveredBefore,
    verdict: verdictOn(outlet, await outlet.arrivals(), await load.finalState()),
    deadLetters,
    secondsToResume,
    secondsToHeal,
    peakRssMb,
  }
}

export function rulesFor(outlet: Outlet): string {
  return `rules:
  - id: arrivals
    table: fault.load
    actions:
      - ${outlet.action}
`
}

async function toldDown(bingo: Daemon): Promise<void> {
  const isTold = async (): Promise<boolean> => {
    const { status, text } = await bingo.get('/readyz')
    if (status !== 503 || !text.includes('BINGO_TARGET_DOWN')) return false
    const metrics = (await bingo.get('/metrics')).text
    return /^bingo_ready 0$/m.test(metrics) && /^bingo_target_up\{.*\} 0$/m.test(metrics)
  }
  await eventually('/readyz and the metrics say that the target is down', isTold, TOLD_MS)
}

export async function delivered(bingo: Daemon): Promise<number> {
  return (await bingo.metric('bingo_rule_delivered_total{rule="arrivals"}')) ?? 0
}

export async function isIdle(bingo: Daemon, changes: number): Promise<boolean> {
  const values = await Promise.all(
    ['bingo_rule_matched_total{rule="arrivals"}', 'bingo_in_flight_jobs', 'bingo_lag_seconds'].map((name) =>
      bingo.metric(name),
    ),
  )
  return values[0] === changes && values[1] === 0 && values[2] === 0
}

/** What a target keeps of each row's newest state only is complete when that state is the last one. */
export function verdictOn(outlet: Outlet, arrivals: readonly Arrival[], final: ReadonlyMap<string, number>): Verdict {
  if (outlet.keeps === 'history') return judge(arrivals, final)
  const asOne = arrivals.map((arrival) => ({ ...arrival, seq: arrival.seq - (final.get(arrival.key) ?? 0) + 1 }))
  return judge(asOne, new Map([...final.keys()].map((key) => [key, 1])))
}
