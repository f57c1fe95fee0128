import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { SagaInstance } from '../../../src/model/saga/instance.ts'
import { eventually } from '../../support/daemon.ts'
import { startDatabase } from '../../support/events/database-server.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { startRedis } from '../../support/servers/redis.ts'
import { checkpointUrl } from '../rig.ts'
import { Cast } from '../sagas/cast.ts'
import { SagaText } from '../sagas/definitions.ts'
import { SagaRig } from '../sagas/saga-rig.ts'
import { wrongs } from '../sagas/verdict.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const ORDERS = 20
const TTL_MS = 5_000
/** Exit code of an instance that another one has replaced. */
const TAKEN = 5

/** Instances that wait for a confirmation keep their definition while it is edited, and removed from the files. */
async function edited(context: ScenarioContext): Promise<Outcome> {
  const orders = context.changes ?? ORDERS
  const answers = { behave: () => 'answer' as const }
  const withStep = (text: SagaText, step: string): string => {
    const reserve = text.step('reserve', ', confirm: {on: fault.order.reserved}')
    return `sagas:\n${text.saga('order', [reserve, text.step(step)])}`
  }
  await using rig = await SagaRig.prepare(context, {
    ...answers,
    rules: ({ port }) => withStep(new SagaText(port), 'ship'),
  })
  const text = new SagaText(rig.services.port)
  const started = async (name: string): Promise<void> => {
    for (let i = 0; i < orders; i++) void rig.post('fault.order.start', `${name}${i}`)
    await eventually(`${name} wait`, async () => {
      const waiting = (await rig.instances()).filter(({ steps }) => steps['reserve']!.status === 'waiting')
      return waiting.filter(({ key }) => key.startsWith(name)).length === orders
    })
  }
  rig.daemon.spawn()
  await rig.daemon.ready()
  await started('before')
  await writeFile(rig.daemon.rulesFile, withStep(text, 'wrap'))
  await rig.daemon.says({ msg: 'rules reloaded' })
  await started('after')
  await rig.daemon.stop('SIGKILL')
  await writeFile(rig.daemon.rulesFile, 'rules: []\n')
  rig.daemon.spawn()
  await rig.daemon.ready()
  const healedFrom = performance.now()
  for (const { key } of await rig.instances()) void rig.post('fault.order.reserved', key)
  await rig.settled()
  await rig.ended(orders * 2)
  const instances = await rig.instances()
  const problems = instances.flatMap((instance) => [...wrongs(rig.services, instance), ...notDone(rig, instance)])
  return outcomeOf(
    'definition edited, then removed, while instances wait',
    2,
    instances,
    orders * 2,
    healedFrom,
    problems,
  )
}

/** The last step is that of the definition that it began with. */
function notDone({ services }: SagaRig, { saga, key, status }: SagaInstance): readonly string[] {
  const [own, other] = key.startsWith('before') ? ['ship', 'wrap'] : ['wrap', 'ship']
  const isDone = services.entry(`${saga}/${key}`, own!)?.done === true
  const isOther = services.entry(`${saga}/${key}`, other!) !== undefined
  return status === 'completed' && isDone && !isOther
    ? []
    : [`${key} is ${status}: ${own} ${isDone}, ${other} ${isOther}`]
}

/** Both ways, and a kill under each second one. */
const JUMPS = ['+1h', '-1h', '+0', '+1d', '-1d', '+0']

/** The wall clock is set while the stories are told, and the daemon is killed under some of the new times. */
async function clocks(context: ScenarioContext): Promise<Outcome> {
  const jumps = JUMPS.slice(0, context.cycles)
  await using clock = await FakeClock.create()
  const cast = new Cast()
  const rules = cast.rules.bind(cast)
  await using rig = await SagaRig.prepare(context, { ...cast.options, rules, env: clock.env })
  rig.daemon.spawn()
  await rig.daemon.ready()
  for (const [i, jump] of jumps.entries()) {
    cast.tell(rig, `o${i}`)
    await clock.set(jump)
    cast.tell(rig, `p${i}`)
    await eventually('some have started', async () => (await rig.instance({ saga: 'plain', key: `p${i}` })) !== null)
    if (i % 2 === 0) continue
    await rig.daemon.stop('SIGKILL')
    rig.daemon.spawn()
    await rig.daemon.ready()
    context.progress(`clock set to ${jump}, and a kill`)
  }
  const outcome = await cast.judged(rig, `sagas, wall clock set to ${jumps.join(', ')}`, jumps.length, [])
  if (outcome.problems!.length > 0) await context.evidence.daemon('daemon', rig.daemon)
  return outcome
}

/** Two daemons on one PostgreSQL; the leader is stopped for longer than its lease, and wakes up behind its successor. */
async function paused(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? 6
  await using stack = new AsyncDisposableStack()
  const [redis, server] = await Promise.all([startRedis({}), startDatabase('PostgreSQL')])
  stack.use(redis)
  stack.use(server)
  const cast = new Cast()
  const rig = stack.use(
    await SagaRig.prepare(context, {
      ...cast.options,
      rules: cast.rules.bind(cast),
      store: await server.create(),
      instances: 2,
      env: {
        BINGO_STANDBY_LEASE: 'redis',
        BINGO_STANDBY_TTL: `${TTL_MS}ms`,
        BINGO_CHECKPOINT_STORE: checkpointUrl(redis),
      },
    }),
  )
  let [leader, standby] = rig.daemons as [SagaRig['daemon'], SagaRig['daemon']]
  leader.spawn()
  await leader.ready()
  standby.spawn()
  const problems: string[] = []
  for (let cycle = 0; cycle < cycles; cycle++) {
    const waits = async (): Promise<boolean> => (await standby.reasons()).includes('BINGO_STANDBY')
    await eventually('the standby waits', waits)
    cast.tell(rig, `o${cycle}`)
    await eventually(
      'some are on their way',
      async () => (await rig.instance({ saga: 'plain', key: `o${cycle}` })) !== null,
    )
    leader.signal('SIGSTOP')
    await standby.ready()
    cast.tell(rig, `p${cycle}`)
    await delay(TTL_MS / 4)
    leader.signal('SIGCONT')
    const code = await leader.ended()
    if (code !== TAKEN) problems.push(`cycle ${cycle}: the woken leader ended with ${code}:\n${leader.output()}`)
    leader.spawn()
    ;[leader, standby] = [standby, leader]
  }
  return await cast.judged(rig, 'two instances, the leader paused beyond its lease', cycles, problems)
}

function outcomeOf(
  fault: string,
  runs: number,
  instances: readonly SagaInstance[],
  changes: number,
  healedFrom: number,
  problems: readonly string[],
): Outcome {
  const secondsToHeal = (performance.now() - healedFrom) / 1_000
  const lost = changes - instances.length
  return { fault, runs, changes, lost, reordered: 0, phantom: 0, duplicates: 0, secondsToHeal, problems }
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'saga-definitions',
    group: 'operations',
    doc: 'a saga is edited, and removed, while instances of it wait: each goes on by the definition that it began with',
    run: edited,
  },
  {
    name: 'saga-clock',
    group: 'resources',
    doc: 'the wall clock set by an hour and a day, both ways, with kills, while sagas go wrong in every way: all end as they should',
    run: clocks,
  },
  {
    name: 'saga-paused',
    group: 'standby',
    doc: 'two instances with one PostgreSQL, the leader stopped for longer than its lease and continued: nothing is done twice, or without its undo',
    run: paused,
  },
]
