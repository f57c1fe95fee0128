import { setTimeout as delay } from 'node:timers/promises'
import type { Daemon } from '../../support/daemon.ts'
import { startDatabase } from '../../support/events/database-server.ts'
import type { ServerKind } from '../../support/events/database-server.ts'
import { EventRig } from '../events/event-rig.ts'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const INSTANCES = 3
const CYCLES = 6
/** Longer than the leases of a group hold (src/log/sql/group-leases.ts). */
const PAUSED_MS = 16_000
const MOST_WAIT_MS = 1_000
const AFTER_KILL_MS = 1_000

/** Killed under load; what was posted until then arrives without it, and it comes back. */
async function killed(rig: EventRig, daemon: Daemon): Promise<number> {
  await daemon.stop('SIGKILL')
  const from = performance.now()
  // Something is posted for each of its partitions, which nobody reads yet.
  await delay(AFTER_KILL_MS)
  await rig.allArrived()
  const seconds = (performance.now() - from) / 1_000
  daemon.spawn()
  await daemon.ready()
  return seconds
}

/** Stopped for so long that the others take over, and then goes on with what it had in hand. */
async function paused(rig: EventRig, daemon: Daemon): Promise<void> {
  rig.away.add(daemon)
  daemon.signal('SIGSTOP')
  await delay(PAUSED_MS)
  await rig.allArrived()
  daemon.signal('SIGCONT')
  await daemon.ready()
  rig.away.delete(daemon)
}

async function run(context: ScenarioContext, kind: ServerKind): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startDatabase(kind))
  const rig = stack.use(
    await EventRig.prepare(context, { store: await server.create(), instances: INSTANCES, writers: 12, pauseMs: 60 }),
  )
  for (const daemon of rig.daemons) daemon.spawn()
  for (const daemon of rig.daemons) await daemon.ready()
  rig.poster.start()
  let slowest = 0
  const first = context.first ?? 0
  for (let cycle = first; cycle < first + cycles; cycle++) {
    const daemon = rig.daemons[cycle % INSTANCES]!
    await delay(random() * MOST_WAIT_MS)
    if (cycle % 3 === 2) await paused(rig, daemon)
    else slowest = Math.max(slowest, await killed(rig, daemon))
  }
  await eachHasSent(rig)
  const notes = `${INSTANCES} instances; what a dead one had arrived after at most ${slowest.toFixed(1)} s`
  return await rig.outcome(`posted events in ${kind}, instances killed and paused`, cycles, { notes })
}

/** Every instance has a share. */
async function eachHasSent(rig: EventRig): Promise<void> {
  const from = (await rig.effects()).length
  for (;;) {
    const names = new Set((await rig.effects()).slice(from).map(({ by }) => by))
    if (names.size === INSTANCES) return
    await delay(50)
  }
}

const KINDS = { mysql: 'MySQL', mariadb: 'MariaDB', postgres: 'PostgreSQL' } as const

export const scenarios: readonly Scenario[] = Object.entries(KINDS).map(([name, kind]) => ({
  name: `events-instances-${name}`,
  group: 'standby',
  doc: `three instances share posted events in ${kind}; one is killed or paused: others take over, order per key, nothing lost`,
  run: (context) => run(context, kind),
}))
