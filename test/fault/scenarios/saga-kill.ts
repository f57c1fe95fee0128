import { setTimeout as delay } from 'node:timers/promises'
import { instanceName, type SagaInstance } from '../../../src/model/saga/instance.ts'
import { Participants, type ParticipantsOptions } from '../../support/sagas/participants.ts'
import { randomFrom } from '../random.ts'
import { SagaText } from '../sagas/definitions.ts'
import { SagaRig } from '../sagas/saga-rig.ts'
import { wrongs } from '../sagas/verdict.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const CYCLES = 30
const SAGAS_PER_CYCLE = 40
const FAILING = 0.2
const UNDO_ATTEMPTS = 10
const MIN_LIFE_MS = 200
const MAX_LIFE_MS = 3_000
/** Starts that nobody has answered yet, at most. */
const MOST_POSTED = 64

/** `reserve` is confirmed by an event; `charge` and `invoice` go side by side. */
function rulesOf({ port }: Participants): string {
  const text = new SagaText(port)
  const step = (id: string, more = ''): string => text.step(id, more, { attempts: 3, undoAttempts: UNDO_ATTEMPTS })
  const reserve = step('reserve', ', confirm: {on: fault.order.reserved}, timeout: 60s')
  return `sagas:\n${text.saga('order', [reserve, text.parallel(step('charge'), step('invoice')), step('ship')], '    deadline: 5m\n')}`
}

/** A fifth of all calls fails. */
function failing(seed: number): ParticipantsOptions['behave'] {
  const random = randomFrom(seed)
  return (_step, op) => {
    if (random() >= FAILING) return 'answer'
    const kind = random()
    // Whoever undoes cannot refuse.
    if (kind < 0.3 && op === 'do') return 'refuse'
    return kind < 0.7 ? 'unavailable' : 'drop'
  }
}

/** Starts that many instances, some at a time. */
class Orders {
  readonly answered = new Set<string>()
  private readonly rig: SagaRig
  private started = 0
  private wanted = 0
  private posting = 0

  constructor(rig: SagaRig) {
    this.rig = rig
  }

  start(count: number): void {
    this.wanted += count
    this.next()
  }

  private next(): void {
    while (this.started < this.wanted && this.posting < MOST_POSTED) {
      const order = `o${(this.started += 1)}`
      this.posting += 1
      void this.rig.post('fault.order.start', order).then(() => {
        this.answered.add(order)
        this.posting -= 1
        this.next()
      })
    }
  }
}

async function run(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const sagas = context.changes ?? cycles * SAGAS_PER_CYCLE
  const random = randomFrom(context.seed + 1)
  await using rig = await SagaRig.prepare(context, {
    behave: failing(context.seed),
    rules: rulesOf,
    done: (step, saga) => {
      if (step === 'reserve') void rig.post('fault.order.reserved', saga.slice(saga.indexOf('/') + 1))
    },
  })
  const orders = new Orders(rig)
  for (let cycle = 0; cycle < cycles; cycle++) {
    rig.daemon.spawn()
    await rig.daemon.ready()
    orders.start(Math.floor((sagas * (cycle + 1)) / cycles) - Math.floor((sagas * cycle) / cycles))
    await delay(MIN_LIFE_MS + random() * (MAX_LIFE_MS - MIN_LIFE_MS))
    await rig.daemon.stop('SIGKILL')
    if (cycle % 10 === 9) context.progress(`${cycle + 1} of ${cycles} kills, ${orders.answered.size} sagas started`)
  }
  rig.daemon.spawn()
  await rig.daemon.ready()
  const healedFrom = performance.now()
  await rig.settled()
  await rig.ended(sagas)
  const secondsToHeal = (performance.now() - healedFrom) / 1_000
  await rig.settled()
  const outcome = judged(rig, await rig.instances(), orders.answered)
  if (outcome.problems.length > 0) await context.evidence.daemon('daemon', rig.daemon)
  const fault = 'sagas with failing services, kill -9 of BinGo'
  return { fault, runs: cycles, reordered: 0, phantom: 0, duplicates: 0, secondsToHeal, ...outcome }
}

function judged(rig: SagaRig, instances: readonly SagaInstance[], answered: ReadonlySet<string>) {
  const counts = Map.groupBy(instances, ({ status }) => status)
  const count = (status: SagaInstance['status']): number => counts.get(status)?.length ?? 0
  const open = count('running') + count('compensating')
  const ended = instances.length - open - count('stuck')
  const problems = instances.flatMap((instance) => wrongs(rig.services, instance))
  if (open > 0) problems.push(`${open} sagas have not ended, and are not stuck`)
  if (ended < 0.99 * answered.size) problems.push(`only ${ended} of ${answered.size} sagas ended by themselves`)
  const known = new Set(instances.map(({ key }) => key))
  const stuck = (counts.get('stuck') ?? []).map(instanceName).join(' ')
  const again = instances.filter(({ steps }) => Object.values(steps).some(({ attempts }) => attempts > 1)).length
  return {
    changes: answered.size,
    lost: [...answered].filter((order) => !known.has(order)).length,
    notes: `${count('completed')} completed, ${count('compensated')} compensated, ${count('stuck')} stuck ${stuck}; ${again} with repeated commands`,
    problems,
  }
}

export const scenario: Scenario = {
  name: 'saga-kill',
  group: 'kill',
  doc: `sagas of four steps (--changes, ${SAGAS_PER_CYCLE} per kill), a fifth of all calls of their services fails, ${CYCLES} kills of BinGo (--cycles): all end, and no service is left with a do without its undo`,
  run,
}
