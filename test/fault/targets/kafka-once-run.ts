import { setTimeout as delay } from 'node:timers/promises'
import { Daemon, eventually } from '../../support/daemon.ts'
import type { SqlServer } from '../../support/servers/mysql.ts'
import { judge } from '../checker.ts'
import type { Verdict } from '../checker.ts'
import { rulesFor } from './break-run.ts'
import { startKafkaOnce } from './kafka.ts'
import { CountedLoad } from './load.ts'

export interface OnceOptions {
  /** Of BinGo, with -9; every so often the broker is killed as well. */
  readonly kills: number
  readonly changes: number
  readonly rows: number
  readonly brokerEvery: number
  /** The moments, from 0 to 1. */
  readonly random: () => number
  readonly watch?: (bingo: Daemon) => void
}

export interface OnceResult {
  readonly changes: number
  readonly verdict: Verdict
  readonly deadLetters: number
  readonly brokerKills: number
}

const PAUSE_MS = 2
const LIFE_MS = { least: 300, most: 1_500 } as const
const STEP_MS = 300_000

/** BinGo and the broker killed with -9 while events are sent in transactions; then what a reader of what is committed sees. */
export async function killOnce(mysql: SqlServer, options: OnceOptions): Promise<OnceResult> {
  const { kills, brokerEvery, random } = options
  await using outlet = await startKafkaOnce()
  const load = new CountedLoad(mysql, { changes: options.changes, rows: options.rows, pauseMs: PAUSE_MS })
  await load.prepare()
  await using bingo = await Daemon.start({ rules: rulesFor(outlet), sourceUrl: mysql.url })
  options.watch?.(bingo)
  await using writing = load.start()
  let brokerKills = 0
  for (let kill = 1; kill <= kills; kill++) {
    await eventually('something was delivered', async () => (await delivered(bingo)) > 0, STEP_MS)
    await delay(random() * (LIFE_MS.most - LIFE_MS.least))
    const isBroker = kill % brokerEvery === 0
    if (isBroker) await outlet.breakDown('kill', bingo.pid)
    await delay(random() * LIFE_MS.least)
    bingo.signal('SIGKILL')
    await bingo.ended()
    if (isBroker) {
      brokerKills += 1
      await outlet.recover('kill', bingo.pid)
    }
    bingo.spawn()
    await bingo.ready()
  }
  await writing.finish()
  // Nothing is in flight before the last change was read, too.
  const final = await load.finalState()
  const isThere = async (): Promise<boolean> => judge(await outlet.arrivals(), final).lost.length === 0
  await eventually('everything was delivered', isThere, STEP_MS).catch(() => undefined)
  await eventually('nothing is in flight', () => isIdle(bingo), STEP_MS)
  const deadLetters = (await bingo.metric('bingo_dead_letters')) ?? 0
  await bingo.stop()
  const verdict = judge(await outlet.arrivals(), final)
  return { changes: load.changes, verdict, deadLetters, brokerKills }
}

async function delivered(bingo: Daemon): Promise<number> {
  return (await bingo.metric('bingo_rule_delivered_total{rule="arrivals"}')) ?? 0
}

/** What was matched before a kill is not counted any more: the lag says that all was read. */
async function isIdle(bingo: Daemon): Promise<boolean> {
  const values = await Promise.all(['bingo_in_flight_jobs', 'bingo_lag_seconds'].map((name) => bingo.metric(name)))
  return values.every((value) => value === 0)
}
