import { DeadlineError } from '../model/with-deadline.ts'
import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { ActionType, DeliveryFailure, Sendable, SendResult, Target } from '../model/rule/action.ts'
import { deliveryFailure } from '../targets/failure/failure.ts'
import type { BrokerEvent, HandlerContext } from './contract.ts'
import type { HandlerScope } from './handler-scope.ts'
import { HANDLERS } from './subscription-rule.ts'
import type { Subscription, Subscriptions } from './subscriptions.ts'

export interface HandlerTargetDeps {
  readonly subscriptions: Pick<Subscriptions, 'chosen'>
  readonly workers: number
  readonly timeoutMs: number
  readonly clock: Pick<Clock, 'after'>
  readonly scope: Pick<HandlerScope, 'run'>
  /** Events whose handler has unsubscribed meanwhile. */
  readonly skipped: WeakSet<Sendable>
  /** Told how each call of a handler ended; null: well. */
  readonly ended: (event: BrokerEvent, subscription: Subscription, error: unknown) => void
}

/** The action type of subscriptions. No rules file can name it. */
export function handlerType(deps: HandlerTargetDeps): ActionType {
  return {
    type: HANDLERS.type,
    fields: {},
    targetFields: [],
    defaultCoalesce: () => 'none',
    compile: () => {
      throw new BingoError('BINGO_INTERNAL', 'handlers are not written in rules')
    },
    open: () => Promise.resolve(new HandlerTarget(deps)),
  }
}

/** Calls the handlers of events. */
class HandlerTarget implements Target {
  readonly gather = 'lane'
  readonly maxBatch = 1
  readonly maxConcurrency: number
  private readonly deps: HandlerTargetDeps
  /** Of those that failed: most do not, and what is in it costs whenever memory is collected. */
  private readonly attempts = new WeakMap<Sendable, number>()
  private readonly running = new WeakMap<AbortSignal, Set<HandlerCall>>()

  constructor(deps: HandlerTargetDeps) {
    this.deps = deps
    this.maxConcurrency = deps.workers
  }

  async send([job]: readonly Sendable[], stop: AbortSignal): Promise<SendResult> {
    const { subscriptions, skipped } = this.deps
    const event = job!.payload as BrokerEvent
    const subscription = subscriptions.chosen(job!.action.rule.id, event)
    if (subscription === undefined) {
      skipped.add(job!)
      return undefined
    }
    const attempt = (this.attempts.get(job!) ?? 0) + 1
    const failure = await this.handle(event, subscription, attempt, stop)
    if (failure === null) return undefined
    this.attempts.set(job!, attempt)
    return [failure]
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private async handle(
    event: BrokerEvent,
    subscription: Subscription,
    attempt: number,
    stop: AbortSignal,
  ): Promise<DeliveryFailure | null> {
    const { ended } = this.deps
    try {
      await this.call(frozen(event), subscription, attempt, stop)
    } catch (error) {
      ended(event, subscription, error)
      return failureOf(error)
    }
    ended(event, subscription, null)
    return null
  }

  /** Ends when the handler does, its time has passed, or a stop gives up, whether or not it heeds the signal. */
  private async call(
    event: BrokerEvent,
    { handler, id }: Subscription,
    attempt: number,
    stop: AbortSignal,
  ): Promise<void> {
    const { timeoutMs, clock, scope } = this.deps
    const call = new HandlerCall(attempt)
    const handling = scope.run(event, id, () => handler(event, call.context))
    // Most end at once, and then there is nothing to give up on.
    if (!isThenable(handling)) return
    const giveUp = call.givesUp()
    const calls = this.callsUntil(stop)
    calls.add(call)
    const timer = timeoutMs === Infinity ? null : clock.after(timeoutMs, () => call.end(new DeadlineError(timeoutMs)))
    try {
      await Promise.race([handling, giveUp])
    } finally {
      timer?.cancel()
      calls.delete(call)
    }
  }

  /** Those that a stop ends: with one listener for all of them, since its signal is the same for each. */
  private callsUntil(stop: AbortSignal): Set<HandlerCall> {
    let calls = this.running.get(stop)
    if (calls === undefined) {
      const added = new Set<HandlerCall>()
      this.running.set(stop, added)
      stop.addEventListener(
        'abort',
        () => {
          for (const call of added) call.end(stop.reason)
        },
        { once: true },
      )
      calls = added
    }
    return calls
  }
}

/** One call of a handler. The signal that it may listen to is made when it asks for it: most do not. */
class HandlerCall {
  readonly context: HandlerContext
  private giveUp: (reason: unknown) => void = () => undefined
  private controller: AbortController | null = null
  private hasEnded = false
  private reason: unknown

  constructor(attempt: number) {
    const signal = (): AbortSignal => this.signal
    this.context = {
      attempt,
      get signal() {
        return signal()
      },
    }
  }

  /** Rejects when the handler is given up on. */
  givesUp(): Promise<never> {
    return new Promise((_, reject) => (this.giveUp = reject))
  }

  end(reason: unknown): void {
    this.hasEnded = true
    this.reason = reason
    this.controller?.abort(reason)
    this.giveUp(reason)
  }

  private get signal(): AbortSignal {
    if (this.controller === null) {
      this.controller = new AbortController()
      if (this.hasEnded) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** A handler that has been given up on may still run: nothing may depend on what it does to the event. */
function frozen(event: BrokerEvent): BrokerEvent {
  deepFreeze(event)
  return event
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  if (Array.isArray(value)) for (const each of value) deepFreeze(each)
  // Maps of an event have no prototype: nothing is inherited.
  else for (const key in value) deepFreeze(value[key as keyof typeof value])
}

function failureOf(thrown: unknown): DeliveryFailure {
  const cause = thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (thrown instanceof DeadlineError) {
    return deliveryFailure('unknown', 'BINGO_BROKER_TIMEOUT', `the handler did not end: ${message}`, { cause })
  }
  const isFinal = thrown instanceof Error && (thrown as { readonly retryable?: unknown }).retryable === false
  return deliveryFailure(isFinal ? 'poison' : 'unknown', 'BINGO_BROKER_HANDLER', message, { cause })
}
