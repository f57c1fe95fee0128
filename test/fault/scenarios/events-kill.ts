import { setTimeout as delay } from 'node:timers/promises'
import { startDatabase } from '../../support/events/database-server.ts'
import type { DatabaseServer, ServerKind } from '../../support/events/database-server.ts'
import { EventRig } from '../events/event-rig.ts'
import { EVENT_FAILPOINTS, FAILPOINT_VARIABLE } from '../failpoints/names.ts'
import type { EventFailpoint } from '../failpoints/names.ts'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const CYCLES = EVENT_FAILPOINTS.length
/** Passings before it dies, at most; those of what happens seldom are few. */
const MAX_PASSINGS: Readonly<Partial<Record<EventFailpoint, number>>> = {
  'event-updated': 3,
  'event-cancelled': 3,
  'event-due': 10,
  'event-checkpoint-saved': 3,
  'event-place-acknowledged': 10,
  'event-status-written': 10,
}
const MOST_PASSINGS = 100
/** Of so many kills one is of the server. */
const SERVER_EVERY = 3
const REACHED_TIMEOUT_MS = 300_000
const MIN_LIFE_MS = 200
const MAX_LIFE_MS = 1_500

/** Dies at one failpoint after the other, while posts go on. */
async function killDaemon(rig: EventRig, point: EventFailpoint, random: () => number): Promise<string[]> {
  const daemon = rig.daemons[0]!
  const passing = 1 + Math.floor(random() * (MAX_PASSINGS[point] ?? MOST_PASSINGS))
  daemon.spawn({ [FAILPOINT_VARIABLE]: `${point}:${passing}` })
  const died = daemon.ended().then(() => true)
  const inTime = await Promise.race([died, delay(REACHED_TIMEOUT_MS, false, { ref: false })])
  const reached = inTime && daemon.endedBy === 'SIGKILL'
  await daemon.stop('SIGKILL')
  return reached ? [] : [`${point}:${passing} was not reached: ${daemon.output()}`]
}

/** The server dies under a daemon that goes on. */
async function killServer(rig: EventRig, server: DatabaseServer, random: () => number): Promise<void> {
  const daemon = rig.daemons[0]!
  daemon.spawn()
  await daemon.ready()
  await delay(MIN_LIFE_MS + random() * (MAX_LIFE_MS - MIN_LIFE_MS))
  await server.kill()
  await server.restart()
  await daemon.ready()
  await daemon.stop('SIGKILL')
}

async function run(context: ScenarioContext, fault: string, kind: ServerKind | null): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using stack = new AsyncDisposableStack()
  const server = kind === null ? null : stack.use(await startDatabase(kind))
  const rig = stack.use(await EventRig.prepare(context, server === null ? {} : { store: await server.create() }))
  rig.poster.start()
  const problems: string[] = []
  for (let cycle = 0; cycle < cycles; cycle++) {
    if (server !== null && cycle % SERVER_EVERY === SERVER_EVERY - 1) await killServer(rig, server, random)
    else problems.push(...(await killDaemon(rig, pointOf(cycle, context.first ?? 0, server), random)))
    if (cycle % 20 === 19) context.progress(`${cycle + 1} of ${cycles} kills, ${rig.poster.answered} posts answered`)
  }
  const daemon = rig.daemons[0]!
  daemon.spawn()
  await daemon.ready()
  return await rig.outcome(fault, cycles, { problems })
}

/** Of those that the daemon dies at. */
function pointOf(cycle: number, first: number, server: DatabaseServer | null): EventFailpoint {
  const kills = server === null ? cycle : cycle - Math.floor(cycle / SERVER_EVERY)
  return EVENT_FAILPOINTS[(first + kills) % EVENT_FAILPOINTS.length]!
}

/** Of a run in which the daemon dies so often, and in between the server. */
export function cyclesOf(points: number, { killsServer }: { readonly killsServer: boolean }): number {
  return killsServer ? points + Math.floor((points - 1) / (SERVER_EVERY - 1)) : points
}

export const scenario: Scenario = {
  name: 'events-kill',
  group: 'kill',
  doc: 'kill -9 at each moment in the life of a posted event, under load: what was answered has its effect, in the order of the log',
  run: (context) => run(context, 'posted events, kill -9 at named moments', null),
}

const KINDS = { mysql: 'MySQL', mariadb: 'MariaDB', postgres: 'PostgreSQL' } as const

export const scenarios: readonly Scenario[] = Object.entries(KINDS).map(([name, kind]) => ({
  name: `events-kill-${name}`,
  group: 'kill',
  doc: `the same with ${kind} as the store, which is killed as well`,
  run: (context) => run(context, `posted events in ${kind}, kill -9 of both`, kind),
}))
