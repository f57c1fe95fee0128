import type { EventStatus } from '../model/event/posted/event-record.ts'
import type { Clock } from '../model/clock.ts'
import { cancelled, handlerFailed } from './errors.ts'

/** Of events that another process may handle, or that went through a store: nobody tells when they end. */
const LOOK_EVERY_MS = 250

interface Ended {
  readonly status: EventStatus
  readonly error: string | null
}

class Waiter {
  readonly done = Promise.withResolvers<void>()
  /** What handlers threw last, by subscription. */
  readonly errors = new Map<string, unknown>()
}

/** Who waits for the handlers of an event. */
export class Waiters {
  private readonly clock: Pick<Clock, 'every'>
  /** What is known of an event in the store. */
  private readonly look: (id: string) => Promise<Ended | null>
  private readonly byEvent = new Map<string, Set<Waiter>>()

  constructor(clock: Pick<Clock, 'every'>, look: (id: string) => Promise<Ended | null>) {
    this.clock = clock
    this.look = look
  }

  /** To be called before the event is stored: it may end at once. `asks`: it may end without anybody telling. */
  add(id: string): { wait(asks: boolean, signal: AbortSignal | undefined): Promise<void>; drop(): void } {
    const waiter = new Waiter()
    const waiters = this.byEvent.get(id) ?? new Set()
    this.byEvent.set(id, waiters.add(waiter))
    const drop = (): void => {
      waiters.delete(waiter)
      if (waiters.size === 0 && this.byEvent.get(id) === waiters) this.byEvent.delete(id)
    }
    // Nobody may be waiting for it yet, or any more.
    waiter.done.promise.catch(() => undefined)
    return { wait: (asks, signal) => this.wait(id, waiter, asks, signal).finally(drop), drop }
  }

  /** A handler of the event threw, or has worked after all (null). */
  handled(id: string, subscription: string, error: unknown): void {
    if (this.byEvent.size === 0) return
    for (const { errors } of this.byEvent.get(id) ?? []) {
      if (error === null) errors.delete(subscription)
      else errors.set(subscription, error)
    }
  }

  ended(id: string, { status, error }: Ended): void {
    if (this.byEvent.size === 0) return
    for (const { done, errors } of this.byEvent.get(id) ?? []) {
      if (status === 'completed') done.resolve()
      else if (status === 'cancelled') done.reject(cancelled(id))
      else if (status === 'failed') done.reject(thrownBy([...errors.values()], id, error))
    }
  }

  /** Nothing ends any more. */
  close(error: Error): void {
    for (const waiters of this.byEvent.values()) for (const { done } of waiters) done.reject(error)
  }

  private async wait(id: string, { done }: Waiter, asks: boolean, signal: AbortSignal | undefined): Promise<void> {
    const onAbort = (): void => done.reject(signal!.reason)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    const lookNow = (): void => void this.lookAt(id)
    if (asks) lookNow()
    const timer = asks ? this.clock.every(LOOK_EVERY_MS, lookNow) : null
    try {
      await done.promise
    } finally {
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  }

  private async lookAt(id: string): Promise<void> {
    // A store that is down is asked again.
    const found = await this.look(id).catch(() => null)
    if (found !== null) this.ended(id, found)
  }
}

function thrownBy(errors: readonly unknown[], id: string, error: string | null): unknown {
  if (errors.length === 0) return handlerFailed(id, error)
  if (errors.length === 1) return errors[0]
  return new AggregateError(errors, `${errors.length} handlers of the event "${id}" failed`)
}
