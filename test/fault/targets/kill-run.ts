import { setTimeout as delay } from 'node:timers/promises'
import { Daemon, eventually } from '../../support/daemon.ts'
import type { SqlServer } from '../../support/servers/mysql.ts'
import type { Verdict } from '../checker.ts'
import { delivered, isIdle, rulesFor, verdictOn } from './break-run.ts'
import { CountedLoad } from './load.ts'
import type { Outlet } from './outlet.ts'

export interface KillOptions {
  readonly kills: number
  readonly changes: number
  /** The moment of each kill within the load, from 0 to 1. */
  readonly random: () => number
  readonly watch: (bingo: Daemon) => void
}

export interface KillResult {
  readonly changes: number
  readonly verdict: Verdict
  readonly deadLetters: number
  /** From the end of the last restart until everything was delivered. */
  readonly secondsToHeal: number
}

const LOAD = { rows: 100, pauseMs: 0 } as const
const KILL_WITHIN_MS = 300
const STEP_MS = 300_000

/** The target's server is killed with -9 and started again, over and over, each time when some more was delivered. */
export async function killTarget(mysql: SqlServer, outlet: Outlet, options: KillOptions): Promise<KillResult> {
  const { kills, random } = options
  const load = new CountedLoad(mysql, { ...LOAD, changes: options.changes })
  await load.prepare()
  await using bingo = await Daemon.start({ rules: rulesFor(outlet), sourceUrl: mysql.url })
  options.watch(bingo)
  const writing = load.run()
  writing.catch(() => undefined)
  for (let kill = 0; kill < kills; kill++) {
    const part = (load.changes * kill) / (kills + 1)
    await eventually(`a part was delivered before kill ${kill}`, async () => (await delivered(bingo)) > part, STEP_MS)
    await delay(random() * KILL_WITHIN_MS)
    await outlet.breakDown('kill', bingo.pid)
    await outlet.recover('kill', bingo.pid)
  }
  const upAt = performance.now()
  await writing
  await eventually('everything was delivered', () => isIdle(bingo, load.changes), STEP_MS)
  const secondsToHeal = (performance.now() - upAt) / 1_000
  await bingo.ready()
  const deadLetters = (await bingo.metric('bingo_dead_letters')) ?? 0
  await bingo.stop()
  const verdict = verdictOn(outlet, await outlet.arrivals(), await load.finalState())
  return { changes: load.changes, verdict, deadLetters, secondsToHeal }
}
