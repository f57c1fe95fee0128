import type { SagaPlan } from '../../../src/model/saga/definition.ts'
import type { SagaInstance } from '../../../src/model/saga/instance.ts'
import type { CommandOutcome, OutgoingCommand, SagaInput } from '../../../src/sagas/contract.ts'
import { advance } from '../../../src/sagas/machine/advance.ts'
import type { Random } from '../../simulation/random.ts'
import { sagaEvent } from './plans.ts'

/** What a service has stored of one step. */
export interface Participant {
  done: boolean
  undone: boolean
  /** It refuses this for good, whenever it is asked. */
  readonly refuses: boolean
  /** Commands that took effect: each has to be the same. */
  readonly ids: Set<string>
}

interface Sent {
  readonly command: OutgoingCommand
  readonly by: number
}

/** Chances in each turn. */
export interface Chaos {
  readonly lost: number
  readonly failed: number
  readonly refused: number
  readonly crash: number
  readonly jump: number
  /** Somebody confirms a step before it. */
  readonly early: number
}

/**
 * One saga among services, a network and a process that dies: every turn something happens, in whatever order. Services have
 * the barrier: a repeated command does nothing, and a do that comes after its undo does not either.
 */
export class SagaWorld {
  readonly plan: SagaPlan
  readonly services = new Map<string, Participant>()
  stored: SagaInstance | null = null
  now = 1_000_000
  private readonly random: Random
  private readonly chaos: Chaos
  private process = 1
  /** Sent, and neither answered nor lost. Those of a process that died may arrive still. */
  private network: Sent[] = []
  /** Events of services on their way to us, from a source that brings each at least once. */
  private events: SagaInput[] = []

  constructor(plan: SagaPlan, random: Random, chaos: Chaos) {
    this.plan = plan
    this.random = random
    this.chaos = chaos
    for (const { id } of plan.stages.flat()) {
      this.services.set(id, { done: false, undone: false, refuses: random.chance(chaos.refused), ids: new Set() })
    }
  }

  start(): void {
    this.input({ tag: 'start', key: '17', event: sagaEvent() })
  }

  /** One thing happens. */
  turn(): void {
    const { random, chaos } = this
    if (random.chance(chaos.crash)) this.crash()
    if (random.chance(chaos.jump)) this.now += random.int(-60_000, 60_000)
    if (random.chance(chaos.early)) this.confirmEarly()
    const kind = random.int(0, 9)
    if (kind < 4 && this.network.length > 0) this.arrive(random.int(0, this.network.length - 1))
    else if (kind < 6 && this.events.length > 0) this.take(random.int(0, this.events.length - 1))
    else if (kind < 9) this.pass(random.int(1, 3_000))
    else this.start()
  }

  /** That event comes again, too, when its step may have begun. */
  private confirmEarly(): void {
    const isTrue = (step: string): boolean => !this.services.get(step)!.refuses
    const early = this.plan.stages.flat().find(({ id, confirms }) => confirms && isTrue(id) && this.isPending(id))
    if (early === undefined) return
    const event: SagaInput = { tag: 'confirm', step: early.id, payload: { early: true } }
    this.apply(event)
    this.events.push(event)
  }

  private isPending(step: string): boolean {
    return this.stored?.status === 'running' && this.stored.steps[step]!.status === 'pending'
  }

  /** Nothing goes wrong any more: everything that is on its way arrives, and time passes until nothing is due. */
  heal(): void {
    for (let turns = 0; turns < 10_000; turns++) {
      if (this.network.length > 0) this.arrive(0, true)
      else if (this.events.length > 0) this.take(0)
      else if (this.stored?.dueAt == null) return
      else this.pass(Math.max(1, this.stored.dueAt - this.now))
    }
    throw new Error('it does not come to rest')
  }

  /** Journal first: it may die before the transition is stored, and after that before anything is sent. */
  private input(input: SagaInput): void {
    const { random, chaos, plan } = this
    const { instance, commands } = advance(plan, this.stored, input, this.now)
    if (random.chance(chaos.crash)) {
      // A source brings it again, and an answer is lost with the process that waited for it.
      if (input.tag !== 'answer' && input.tag !== 'tick') this.events.push(input)
      this.crash()
      return
    }
    this.stored = instance
    if (random.chance(chaos.crash)) {
      this.crash()
      return
    }
    for (const command of commands) {
      this.network.push({ command, by: this.process })
      if (random.chance(chaos.lost)) this.network.push({ command, by: 0 })
    }
  }

  private crash(): void {
    this.process += 1
    if (this.stored !== null) this.apply({ tag: 'lost' })
  }

  /** Stored and sent, without a death between. */
  private apply(input: SagaInput): void {
    const { instance, commands } = advance(this.plan, this.stored, input, this.now)
    this.stored = instance
    for (const command of commands) this.network.push({ command, by: this.process })
  }

  private pass(ms: number): void {
    this.now += ms
    if (this.stored?.dueAt != null && this.stored.dueAt <= this.now) this.input({ tag: 'tick' })
  }

  private take(place: number): void {
    const [event] = this.events.splice(place, 1)
    if (this.random.chance(this.chaos.lost)) this.events.push(event!)
    this.input(event!)
  }

  private arrive(place: number, isHealthy = false): void {
    const { random, chaos } = this
    const [sent] = this.network.splice(place, 1)
    const { command, by } = sent!
    const isLost = !isHealthy && random.chance(chaos.failed)
    const outcome = isLost && random.chance(0.5) ? FAILED : this.service(command)
    if (by !== this.process) return
    const answer = isLost ? { ...FAILED, down: random.chance(0.3) } : outcome
    const input: SagaInput = {
      tag: 'answer',
      step: command.step,
      op: command.op,
      attempt: command.attempt,
      outcome: answer,
    }
    this.input(input)
    if (random.chance(chaos.lost)) this.input(input)
  }

  private service({ step, op, id }: OutgoingCommand): CommandOutcome {
    const service = this.services.get(step)!
    service.ids.add(id)
    if (op === 'undo') {
      service.undone = true
      return DONE
    }
    if (service.refuses) {
      if (this.plan.stages.flat().find((each) => each.id === step)!.confirms && this.random.chance(0.5)) {
        this.events.push({ tag: 'reject', step, payload: null })
        return DONE
      }
      return { tag: 'refused', code: 'BINGO_HTTP_STATUS', message: '422' }
    }
    if (!service.undone && !service.done) {
      service.done = true
      const { confirms } = this.plan.stages.flat().find((each) => each.id === step)!
      if (confirms && !this.random.chance(this.chaos.failed))
        this.events.push({ tag: 'confirm', step, payload: { step } })
    }
    return DONE
  }
}

const DONE: CommandOutcome = { tag: 'done', value: { ok: true } }
const FAILED = { tag: 'failed', code: 'BINGO_HTTP_NETWORK', message: 'no answer', down: false } as const
