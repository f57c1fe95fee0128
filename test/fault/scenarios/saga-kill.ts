import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { commandId, type SagaInstance } from '../../../src/model/saga/instance.ts'
import { Daemon } from '../../support/daemon.ts'
import { Participants, type Behaviour } from '../../support/sagas/participants.ts'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const CYCLES = 30
const SAGAS_PER_CYCLE = 40
const FAILING = 0.2
const MIN_LIFE_MS = 200
const MAX_LIFE_MS = 1_500
const HEAL_TIMEOUT_MS = 300_000
const POLL_MS = 100
const STEPS = ['reserve', 'charge', 'invoice', 'ship'] as const

/** `reserve` is confirmed by an event; `charge` and `invoice` go side by side. */
function rulesOf(services: Participants): string {
  const hook = (step: string, op: 'do' | 'undo'): string =>
    `{type: webhook, url: "${services.url(step, op)}", body: {order: "{{saga.key}}"}, timeout: 2s`
  const step = (id: string, more: string): string =>
    `{id: ${id}, action: ${hook(id, 'do')}}, compensate: ${hook(id, 'undo')}, retry: {attempts: 10, min: 10ms, max: 200ms}}, retry: {attempts: 3, min: 10ms, max: 200ms}${more}}`
  return `
sagas:
  - id: order
    on: fault.order.create
    key: "{{payload.order}}"
    deadline: 90s
    steps:
      - ${step('reserve', ', confirm: {on: fault.stock.reserved}, timeout: 30s')}
      - parallel: [${step('charge', '')}, ${step('invoice', '')}]
      - ${step('ship', '')}
`
}

/** Sagas among services of which a fifth of all calls fails, in a daemon that is killed again and again. */
class SagaRig implements AsyncDisposable {
  readonly daemon: Daemon
  readonly services: Participants
  readonly answered = new Set<string>()
  private readonly posting = new Set<Promise<void>>()
  private closed = false

  private constructor(daemon: Daemon, services: Participants) {
    this.daemon = daemon
    this.services = services
    services.options = {
      ...services.options,
      done: (step, saga) => {
        if (step === 'reserve') this.post('fault.stock.reserved', saga.slice(saga.indexOf('/') + 1))
      },
    }
  }

  static async prepare(context: ScenarioContext): Promise<SagaRig> {
    const random = randomFrom(context.seed)
    const behave = (_step: string, op: string): Behaviour => {
      if (random() >= FAILING) return 'answer'
      const kind = random()
      // Whoever undoes cannot refuse.
      if (kind < 0.3 && op === 'do') return 'refuse'
      return kind < 0.7 ? 'unavailable' : 'drop'
    }
    const services = await Participants.start({ behave })
    const env = { BINGO_EVENTS_ENVIRONMENTS: 'default', BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8' }
    const daemon = await Daemon.prepare({ rules: '', sourceUrl: '', env })
    await writeFile(daemon.rulesFile, rulesOf(services))
    context.evidence.watch(daemon)
    return new SagaRig(daemon, services)
  }

  /** Until it is answered, however often the daemon dies meanwhile; sometimes it comes twice. */
  post(type: string, order: string): void {
    const work = this.posted(type, order).finally(() => this.posting.delete(work))
    this.posting.add(work)
  }

  async posted(type: string, order: string): Promise<void> {
    const body = JSON.stringify({ event: { id: `${type}-${order}`, type, payload: { order } } })
    const headers = { 'content-type': 'application/json' }
    while (!this.closed) {
      const url = `http://127.0.0.1:${this.daemon.adminPort}/api/v1/events`
      const response = await fetch(url, { method: 'POST', body, headers }).catch(() => null)
      if (response?.status === 200) {
        if (type === 'fault.order.create') this.answered.add(order)
        return
      }
      await delay(POLL_MS)
    }
  }

  /** What stands in the state file. */
  instances(): readonly SagaInstance[] {
    using database = new DatabaseSync(join(this.daemon.folder, 'checkpoint'), { readOnly: true, timeout: 5_000 })
    return database
      .prepare('SELECT body FROM saga_instances')
      .all()
      .map(({ body }) => JSON.parse(body as string) as SagaInstance)
  }

  async settled(): Promise<void> {
    await Promise.all(this.posting)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true
    await this.settled()
    await this.daemon[Symbol.asyncDispose]()
    await this.services[Symbol.asyncDispose]()
  }
}

/** Every answered start has ended by itself, or stands in the list of what is stuck. */
async function untilEnded(rig: SagaRig): Promise<readonly SagaInstance[]> {
  for (const deadline = Date.now() + HEAL_TIMEOUT_MS; ; await delay(POLL_MS)) {
    rig.daemon.mustRun()
    const instances = rig.instances()
    const open = instances.filter(({ status }) => status === 'running' || status === 'compensating')
    if ((open.length === 0 && instances.length >= rig.answered.size) || Date.now() > deadline) return instances
  }
}

/** What the services' own tables say against what the sagas say. */
function wrongs(rig: SagaRig, { saga, key, status, steps }: SagaInstance): readonly string[] {
  return STEPS.flatMap((step) => {
    const entry = rig.services.entry(`${saga}/${key}`, step)
    const found: string[] = []
    const [isDone, isUndone] = [entry?.done === true, entry?.undone === true]
    for (const [op, ids] of entry?.ids ?? []) {
      const id = commandId({ saga, key }, step, op as 'do' | 'undo')
      if (ids.size !== 1 || !ids.has(id)) found.push(`${key} ${step} ${op}: ids ${[...ids].join(' ')}`)
    }
    const shown = `${key} is ${status}, ${step} is ${steps[step]!.status}`
    if (status === 'completed' && (!isDone || isUndone)) found.push(`${shown}, but the service has not done it`)
    if (status === 'compensated' && isDone && !isUndone) found.push(`${shown}, but the service has not undone it`)
    return found
  })
}

async function run(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed + 1)
  await using rig = await SagaRig.prepare(context)
  let started = 0
  for (let cycle = 0; cycle < cycles; cycle++) {
    rig.daemon.spawn()
    await rig.daemon.ready()
    for (let i = 0; i < SAGAS_PER_CYCLE; i++) rig.post('fault.order.create', `o${(started += 1)}`)
    await delay(MIN_LIFE_MS + random() * (MAX_LIFE_MS - MIN_LIFE_MS))
    await rig.daemon.stop('SIGKILL')
    if (cycle % 10 === 9) context.progress(`${cycle + 1} of ${cycles} kills, ${rig.answered.size} sagas started`)
  }
  rig.daemon.spawn()
  await rig.daemon.ready()
  const healing = Date.now()
  await rig.settled()
  const instances = await untilEnded(rig)
  const secondsToHeal = (Date.now() - healing) / 1_000
  await rig.settled()
  const counts = Map.groupBy(instances, ({ status }) => status)
  const count = (status: SagaInstance['status']): number => counts.get(status)?.length ?? 0
  const open = count('running') + count('compensating')
  const ended = instances.length - open - count('stuck')
  const problems = instances.flatMap((instance) => wrongs(rig, instance))
  if (open > 0) problems.push(`${open} sagas have not ended, and are not stuck`)
  if (ended < 0.99 * rig.answered.size) problems.push(`only ${ended} of ${rig.answered.size} sagas ended by themselves`)
  const known = new Set(instances.map(({ key }) => key))
  return {
    fault: 'sagas with failing services, kill -9 of BinGo',
    runs: cycles,
    changes: rig.answered.size,
    lost: [...rig.answered].filter((order) => !known.has(order)).length,
    reordered: 0,
    phantom: 0,
    duplicates: 0,
    secondsToHeal,
    notes: `${count('completed')} completed, ${count('compensated')} compensated, ${count('stuck')} stuck`,
    problems,
  }
}

export const scenario: Scenario = {
  name: 'saga-kill',
  group: 'kill',
  doc: `sagas of four steps, a fifth of all calls of their services fails, ${CYCLES} kills of BinGo (--cycles): all end, and no service is left with a do without its undo`,
  run,
}
