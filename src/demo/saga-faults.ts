import { setTimeout as delay } from 'node:timers/promises'
import type { Around } from '../../examples/sagas/service.ts'

/** The steps of examples/sagas/rules.yaml, in their order. */
const STEPS = ['place', 'reserve', 'charge', 'confirm'] as const
type Step = (typeof STEPS)[number]

const KINDS = [
  'refuses',
  'hangs up',
  'loses an answer',
  'loses every answer',
  'is too late',
  'cannot undo at first',
] as const
type Kind = (typeof KINDS)[number]

export type Ending = 'completed' | 'compensated'

/** One order, and what goes wrong with it. */
export interface OrderCase {
  readonly order: string
  readonly title: string
  readonly step: Step | null
  readonly kind: Kind | null
  /** Each of them is right. */
  readonly ends: readonly Ending[]
}

/** Every kind of failure at every step, and an order with which nothing goes wrong. */
export const ORDER_CASES: readonly OrderCase[] = [
  { order: 'undisturbed', title: 'nothing goes wrong', step: null, kind: null, ends: ['completed'] },
  ...STEPS.flatMap((step) =>
    KINDS.map((kind) => ({
      order: `${step}-${kind.replaceAll(' ', '-')}`,
      title: `${step} ${kind}`,
      step,
      kind,
      ends: endsOf(step, kind),
    })),
  ),
]

function endsOf(step: Step, kind: Kind): readonly Ending[] {
  // The row of a reservation confirms it, whatever became of the answer.
  if (step === 'reserve' && kind.startsWith('loses')) return ['completed']
  // The next attempt waits while other orders keep the service down, and may come after the timeout of its step.
  return kind === 'loses an answer' ? ['completed', 'compensated'] : ['compensated']
}

const FAILED_UNDOS = 2
const POLL_MS = 20
const HUNG_UP = 'hang up'
const REFUSED = { status: 409, body: 'refused' }

/** Spoils what the three services answer, by the order that a command is for. */
export class Faults {
  readonly #cases = new Map(ORDER_CASES.map((each) => [each.order, each]))
  readonly #undone = new Set<string>()
  readonly #late = new Set<Promise<unknown>>()

  readonly around: Around = async (command, _order, next) => {
    const order = command.saga.slice(command.saga.indexOf('/') + 1)
    const { step, kind } = this.#cases.get(order) ?? { step: null, kind: null }
    const attempt = command.attempt ?? 1
    if (command.operation === 'undo') {
      if (kind === 'cannot undo at first' && command.step === step && attempt <= FAILED_UNDOS) {
        return { status: 500, body: 'not now' }
      }
      const answer = await next()
      this.#undone.add(`${order} ${command.step}`)
      return answer
    }
    // What can be undone with difficulty has to be undone at all: the step behind it refuses.
    if (kind === 'cannot undo at first' && command.step === behind(step)) return REFUSED
    if (command.step !== step) return next()
    switch (kind) {
      case 'refuses':
        return REFUSED
      case 'hangs up':
        return HUNG_UP
      case 'loses an answer':
        return attempt === 1 ? lost(next) : next()
      case 'loses every answer':
        return lost(next)
      case 'cannot undo at first':
        return behind(step) === undefined ? lost(next) : next()
      case 'is too late':
        return this.#held(`${order} ${step}`, next)
      case null:
        return next()
    }
  }

  /** Resolves when the commands that came too late have come. */
  async settled(): Promise<void> {
    await Promise.all(this.#late)
  }

  /** A proxy has kept the command until its undo was through. */
  async #held<T>(command: string, next: () => Promise<T>): Promise<T> {
    const passing = (async () => {
      while (!this.#undone.has(command)) await delay(POLL_MS)
      return next()
    })()
    this.#late.add(passing)
    return passing
  }
}

function behind(step: Step | null): Step | undefined {
  return STEPS[STEPS.indexOf(step as Step) + 1]
}

async function lost(next: () => Promise<unknown>): Promise<typeof HUNG_UP> {
  await next()
  return HUNG_UP
}
