import type { Clock } from '../model/clock.ts'
import type { CommandAnswer, Commands, Withdraw } from '../model/delivery/commands.ts'
import { BingoError } from '../model/errors.ts'
import type { Value } from '../model/event/row.ts'
import type { Sendable } from '../model/rule/action.ts'
import type { ActionPlan } from '../model/rule/rule.ts'
import type { SagaCounters } from '../model/saga/counters.ts'
import { stepsOf, type SagaDefinition } from '../model/saga/definition.ts'
import type { SagaInstance, SagaOp, SagaRef, StepState } from '../model/saga/instance.ts'
import type { CommandOutcome, Hold, OutgoingCommand } from './contract.ts'
import { renderCommand } from './render.ts'

/** Commands on their way, or waiting for their turn: more would only fill memory. */
const MOST_IN_FLIGHT = 20_000
const FULL_MS = 5_000
/** For how long commands wait in the store for a target that is crowded, and how many of them come back in a millisecond. */
const CROWDED = { leastMs: 5_000, mostMs: 60_000, perMs: 1 } as const
/** Behind this many others, or after this time, an instance is read again when its turn comes. */
const KEPT_IN_HAND = 256
const KEPT_MS = 1_000

export interface SenderDeps {
  readonly commands: Pick<Commands, 'ask' | 'isCrowded'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly counters: SagaCounters
  /** As it is in the store. */
  readonly show: (ref: SagaRef) => Promise<SagaInstance | null>
  /** What became of a command; null: nobody knows. The command is on its way until this has resolved. */
  readonly answer: (ref: SagaRef, command: OutgoingCommand, outcome: CommandOutcome | null) => Promise<void>
  /** The targets take nothing more: the daemon stops. */
  readonly stopping: () => void
}

interface Flight {
  readonly ref: SagaRef
  readonly command: OutgoingCommand
  withdraw: Withdraw
}

/** The commands of all sagas that this process answers for, from the transition that sends them until their answer is stored. */
export class Sender {
  private readonly deps: SenderDeps
  private readonly flights = new Map<string, Flight>()
  private heldUntilMs = 0
  private drained: () => void = () => undefined

  constructor(deps: SenderDeps) {
    this.deps = deps
  }

  /** Which commands of this definition have to wait in the store. */
  hold(definition: SagaDefinition): Hold {
    const isFull = this.flights.size >= MOST_IN_FLIGHT
    return (step, op) => {
      if (isFull) return FULL_MS
      return this.deps.commands.isCrowded(actionOf(definition, step, op).target) ? this.crowdedMs() : undefined
    }
  }

  /** Whether this process is about to answer for a command that is stored as being on its way. */
  answersFor(ref: SagaRef, step: string, { attempts, undoAttempts }: StepState): boolean {
    return (
      this.flights.has(flightOf(ref, { step, op: 'do', attempt: attempts })) ||
      this.flights.has(flightOf(ref, { step, op: 'undo', attempt: undoAttempts }))
    )
  }

  /** The transition that sends the commands is stored. */
  stored(definition: SagaDefinition, instance: SagaInstance, commands: readonly OutgoingCommand[]): void {
    this.withdrawUnwanted(instance)
    for (const command of commands) this.send(definition, instance, command)
  }

  /** Takes back what was not sent; resolves when everything else is answered. */
  async drain(): Promise<void> {
    for (const flight of this.flights.values()) this.withdraw(flight)
    if (this.flights.size > 0) await new Promise<void>((resolve) => (this.drained = resolve))
  }

  private send(definition: SagaDefinition, instance: SagaInstance, command: OutgoingCommand): void {
    const { commands, counters, clock } = this.deps
    const ref = { saga: instance.saga, key: instance.key }
    const flight: Flight = { ref, command, withdraw: () => false }
    const isInHand = this.flights.size < KEPT_IN_HAND
    const keptUntilMs = clock.monotonicMs() + KEPT_MS
    let inHand = isInHand ? instance : null
    this.flights.set(flightOf(ref, command), flight)
    counters.inFlight = this.flights.size
    flight.withdraw = commands.ask({
      action: actionOf(definition, command.step, command.op),
      prepare: () => {
        const kept = clock.monotonicMs() < keptUntilMs ? inHand : null
        inHand = null
        return this.prepare(definition, flight, kept)
      },
      answer: (answer) => this.answered(flight, answer),
    })
  }

  private async prepare(
    definition: SagaDefinition,
    flight: Flight,
    kept: SagaInstance | null,
  ): Promise<Sendable | null> {
    const { ref, command } = flight
    let outcome = NOT_WANTED
    try {
      const instance = kept ?? (await this.deps.show(ref))
      if (instance !== null && isWanted(instance, command)) {
        const rendered = rendering(definition, instance, command)
        if (!('tag' in rendered)) return rendered
        outcome = rendered
      }
    } catch (error) {
      const { code, message } = asBingoError(error)
      outcome = notSent(code, message)
    }
    void this.end(flight, outcome)
    return null
  }

  private answered(flight: Flight, answer: CommandAnswer): void {
    if ('tag' in answer && answer.tag === 'stopping') this.deps.stopping()
    void this.end(flight, outcomeOf(answer))
  }

  /** What its instance has given up is taken back: nothing of it left, and its compensation does not wait for it. */
  private withdrawUnwanted(instance: SagaInstance): void {
    for (const [step, { sentAt, attempts, undoAttempts }] of Object.entries(instance.steps)) {
      if (sentAt === null) continue
      for (const each of [
        { step, op: 'do', attempt: attempts },
        { step, op: 'undo', attempt: undoAttempts },
      ] as const) {
        const flight = this.flights.get(flightOf(instance, each))
        if (flight !== undefined && !isWanted(instance, each)) this.withdraw(flight)
      }
    }
  }

  private withdraw(flight: Flight): void {
    if (flight.withdraw()) void this.end(flight, NOT_WANTED)
  }

  private async end(flight: Flight, outcome: CommandOutcome | null): Promise<void> {
    const { ref, command } = flight
    await this.deps.answer(ref, command, outcome)
    this.flights.delete(flightOf(ref, command))
    this.deps.counters.inFlight = this.flights.size
    if (this.flights.size === 0) this.drained()
  }

  /** One after the other, so that a million of them are not written again all the time. */
  private crowdedMs(): number {
    const now = this.deps.clock.monotonicMs()
    const { leastMs, mostMs, perMs } = CROWDED
    this.heldUntilMs = Math.min(Math.max(this.heldUntilMs + 1 / perMs, now + leastMs), now + mostMs)
    return Math.ceil(this.heldUntilMs - now)
  }
}

/** What to send. What cannot be rendered never will be. */
function rendering(
  definition: SagaDefinition,
  instance: SagaInstance,
  command: OutgoingCommand,
): Sendable | (CommandOutcome & { readonly tag: 'refused' }) {
  try {
    return renderCommand(definition, instance, command)
  } catch (error) {
    const { code, message } = asBingoError(error)
    return { tag: 'refused', code, message }
  }
}

function actionOf(definition: SagaDefinition, step: string, op: SagaOp): ActionPlan {
  const { action, compensate } = stepsOf(definition).find(({ id }) => id === step)!
  return op === 'do' ? action : compensate!
}

function flightOf({ saga, key }: SagaRef, { step, op, attempt }: Omit<OutgoingCommand, 'id'>): string {
  return `${saga}\0${key}\0${step}\0${op}\0${attempt}`
}

function isWanted({ status, steps }: SagaInstance, { step, op, attempt }: Omit<OutgoingCommand, 'id'>): boolean {
  const state = steps[step]
  if (state === undefined || state.sentAt === null) return false
  if (op === 'undo') return state.status === 'undoing' && state.undoAttempts === attempt
  return status === 'running' && state.status === 'sending' && state.attempts === attempt
}

/** Null: nobody knows. */
function outcomeOf(answer: CommandAnswer): CommandOutcome | null {
  if ('kind' in answer) {
    const { kind, error, retryAfterMs } = answer
    const { code, message } = error
    if (kind === 'poison') return { tag: 'refused', code, message }
    return { tag: 'failed', code, message, down: kind === 'down', retryAfterMs }
  }
  switch (answer.tag) {
    case 'done':
      return { tag: 'done', value: answer.value as Value }
    case 'not sent':
      return notSent(answer.error.code, answer.error.message)
    case 'stopping':
      return notSent('BINGO_SAGA_NOT_SENT', 'BinGo stopped: the command was not sent')
    case 'cut off':
      return null
  }
}

function notSent(code: string, message: string): CommandOutcome {
  return { tag: 'failed', code, message, down: true, untouched: true }
}

const NOT_WANTED = notSent('BINGO_SAGA_NOT_SENT', 'the step is over: the command was not sent')

function asBingoError(error: unknown): BingoError {
  if (error instanceof BingoError) return error
  return new BingoError('BINGO_INTERNAL', error instanceof Error ? error.message : String(error))
}
