import { setTimeout as delay } from 'node:timers/promises'
import { startDatabase, type ServerKind } from '../../support/events/database-server.ts'
import { startKafkaEngine } from '../../support/events/kafka-engine.ts'
import { startNatsEngine } from '../../support/events/nats-engine.ts'
import { FAILPOINT_VARIABLE, SAGA_FAILPOINTS, type SagaFailpoint } from '../failpoints/names.ts'
import { randomFrom } from '../random.ts'
import { Cast } from '../sagas/cast.ts'
import { SagaRig } from '../sagas/saga-rig.ts'
import { STORIES } from '../sagas/stories.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

/** Each moment so often. */
const ROUNDS = 2
/** Passings before it dies, at most: each comes at least as often in one telling of the stories. */
const MOST_PASSINGS = 3
/** Passed once per transaction: a slow store writes all starts of a telling in one. */
const PASSED_ONCE: ReadonlySet<SagaFailpoint> = new Set(['saga-start-writing', 'saga-start-stored'])
const REACHED_TIMEOUT_MS = 60_000

/** Events and sagas of a database; or events of an engine, and sagas in the state file. */
type Kind = ServerKind | 'NATS' | 'Kafka'

/** Addresses of a store of its own. */
async function storesOf(kind: Kind, stack: AsyncDisposableStack): Promise<{ store?: string; events?: string }> {
  if (kind !== 'NATS' && kind !== 'Kafka') return { store: await stack.use(await startDatabase(kind)).create() }
  const engine = stack.use(await (kind === 'NATS' ? startNatsEngine() : startKafkaEngine()))
  return { events: engine.newUrl() }
}

async function run(context: ScenarioContext, kind: Kind | null): Promise<Outcome> {
  const cycles = context.cycles ?? SAGA_FAILPOINTS.length * ROUNDS
  const random = randomFrom(context.seed)
  await using stack = new AsyncDisposableStack()
  const stores = kind === null ? {} : await storesOf(kind, stack)
  const cast = new Cast()
  const rules = cast.rules.bind(cast)
  const rig = stack.use(await SagaRig.prepare(context, { ...cast.options, rules, ...stores }))
  const problems: string[] = []
  for (let cycle = 0; cycle < cycles; cycle++) {
    const point = SAGA_FAILPOINTS[((context.first ?? 0) + cycle) % SAGA_FAILPOINTS.length]!
    const passing = 1 + Math.floor(random() * (PASSED_ONCE.has(point) ? 1 : MOST_PASSINGS))
    cast.tell(rig, `o${cycle}`)
    problems.push(...(await killAt(rig, point, passing)))
    if (cycle % 8 === 7) context.progress(`${cycle + 1} of ${cycles} kills`)
  }
  rig.daemon.spawn()
  await rig.daemon.ready()
  const outcome = await cast.judged(rig, `sagas with ${kind ?? 'SQLite'}, kill -9 at named moments`, cycles, problems)
  if (outcome.problems!.length > 0) await context.evidence.daemon('daemon', rig.daemon)
  return outcome
}

async function killAt(rig: SagaRig, point: SagaFailpoint, passing: number): Promise<readonly string[]> {
  const { daemon } = rig
  daemon.spawn({ [FAILPOINT_VARIABLE]: `${point}:${passing}` })
  const died = daemon.ended().then(() => true)
  const inTime = await Promise.race([died, delay(REACHED_TIMEOUT_MS, false, { ref: false })])
  const reached = inTime && daemon.endedBy === 'SIGKILL'
  await daemon.stop('SIGKILL')
  return reached ? [] : [`${point}:${passing} was not reached: ${daemon.output().slice(-1_500)}`]
}

const KINDS = {
  '': null,
  '-mysql': 'MySQL',
  '-mariadb': 'MariaDB',
  '-postgres': 'PostgreSQL',
  '-nats': 'NATS',
  '-kafka': 'Kafka',
} as const

export const scenarios: readonly Scenario[] = Object.entries(KINDS).map(([suffix, kind]) => ({
  name: `saga-matrix${suffix}`,
  group: 'kill',
  doc: `sagas with ${kind ?? 'SQLite'}, ${STORIES.length} in which something goes wrong each (confirmed early, late, twice; refused; stuck; …), kill -9 before and after everything that BinGo does`,
  run: (context) => run(context, kind),
}))
