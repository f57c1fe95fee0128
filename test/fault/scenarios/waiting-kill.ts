import { setTimeout as delay } from 'node:timers/promises'
import { FAILPOINT_VARIABLE, WAITING_FAILPOINTS } from '../failpoints/names.ts'
import type { WaitingFailpoint } from '../failpoints/names.ts'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { WaitingRig } from '../waiting/waiting-rig.ts'

const CYCLES = WAITING_FAILPOINTS.length
/** Passings before it dies, at most; those of what happens seldom are few. */
const MAX_PASSINGS: Readonly<Partial<Record<WaitingFailpoint, number>>> = {
  'waiting-loaded': 5,
  'waiting-drained': 1,
  'waiting-flushed': 1,
  'waiting-cancelled': 5,
  'waiting-cancelling': 10,
  'checkpoint-sent': 3,
  'checkpoint-acknowledged': 3,
}
const MOST_PASSINGS = 15
const REACHED_TIMEOUT_MS = 300_000
/** How long the target is down, and up, at most. */
const [MOST_DOWN_MS, MOST_UP_MS] = [900, 1_500]

async function run(context: ScenarioContext, store: 'file' | 'redis'): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using rig = await WaitingRig.start(context, store)
  rig.write()
  const problems: string[] = []
  await rig.daemon.stop('SIGKILL')
  const flapping = flap(rig, randomFrom(context.seed + 1))
  try {
    for (let cycle = 0; cycle < cycles; cycle++) {
      const point = WAITING_FAILPOINTS[((context.first ?? 0) + cycle) % WAITING_FAILPOINTS.length]!
      problems.push(...(await killAt(rig, point, random)))
      if (cycle % 20 === 19) context.progress(`${cycle + 1} of ${cycles} kills`)
    }
  } finally {
    await flapping.stop()
  }
  rig.daemon.spawn()
  await rig.daemon.ready()
  return await rig.outcome(`what waits in ${store}, kill -9 at named moments`, cycles, problems)
}

async function killAt(rig: WaitingRig, point: WaitingFailpoint, random: () => number): Promise<string[]> {
  const { daemon } = rig
  const passing = 1 + Math.floor(random() * (MAX_PASSINGS[point] ?? MOST_PASSINGS))
  daemon.spawn({ [FAILPOINT_VARIABLE]: `${point}:${passing}` })
  const died = daemon.ended().then(() => true)
  if (point === 'waiting-flushed') {
    await Promise.race([daemon.ready().catch(() => undefined), died])
    daemon.signal('SIGTERM')
  }
  const inTime = await Promise.race([died, delay(REACHED_TIMEOUT_MS, false, { ref: false })])
  const reached = inTime && daemon.endedBy === 'SIGKILL'
  await daemon.stop('SIGKILL')
  return reached ? [] : [`${point}:${passing} was not reached: ${daemon.output().slice(-1_500)}`]
}

/** The target goes down and comes back, until it is told to stop. */
function flap(rig: WaitingRig, random: () => number): { stop(): Promise<void> } {
  let stopping = false
  const done = (async () => {
    while (!stopping) {
      rig.target('down')
      await delay(200 + random() * MOST_DOWN_MS)
      rig.target('up')
      await delay(200 + random() * MOST_UP_MS)
    }
  })()
  return {
    stop: () => {
      stopping = true
      return done
    },
  }
}

export const scenarios: readonly Scenario[] = (['file', 'redis'] as const).map((store) => ({
  name: `waiting-kill-${store}`,
  group: 'kill',
  doc: `kill -9 at each moment of what is delayed, spooled or cancelled, kept in ${store}: nothing lost, order per key, cancelled is cancelled`,
  run: (context) => run(context, store),
}))
