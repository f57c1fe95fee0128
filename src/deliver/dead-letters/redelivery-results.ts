import type { DeliveryFailure } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { Undelivered } from '../undelivered.ts'

/** In a redelivery every failure ends the attempt: it is reported, and the entry stays where it is. */
export class RedeliveryResults implements Undelivered {
  private readonly waiting = new Map<InFlightJob, (failure: DeliveryFailure | null) => void>()
  private readonly failures = new Map<InFlightJob, DeliveryFailure>()
  /** Once the target is down nothing more is sent: whoever waits is told at once. */
  private down: DeliveryFailure | null = null

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.stop(), { once: true })
    if (signal.aborted) this.stop()
  }

  /** Resolves when the job that `push` queues has ended: to why it was not taken, or null when it was. */
  of(job: InFlightJob, push: () => void): Promise<DeliveryFailure | null> {
    if (this.down !== null) return Promise.resolve(this.down)
    const { promise, resolve } = Promise.withResolvers<DeliveryFailure | null>()
    this.waiting.set(job, resolve)
    push()
    return promise
  }

  endsUnsent(): boolean {
    return this.down !== null
  }

  isGivenUp(job: InFlightJob, failure: DeliveryFailure): boolean {
    this.failures.set(job, failure)
    if (failure.kind === 'down') this.down ??= failure
    return true
  }

  giveUp(): Promise<readonly InFlightJob[]> {
    return Promise.resolve([])
  }

  drop(): Promise<void> {
    return Promise.resolve()
  }

  ended(job: InFlightJob, delivered: boolean): void {
    const failure = delivered ? null : (this.failures.get(job) ?? this.down)
    this.failures.delete(job)
    this.waiting.get(job)?.(failure)
    this.waiting.delete(job)
  }

  private stop(): void {
    this.down ??= STOPPED
    for (const resolve of this.waiting.values()) resolve(STOPPED)
    this.waiting.clear()
  }
}

const STOPPED: DeliveryFailure = {
  kind: 'down',
  error: new BingoError('BINGO_REDELIVERY_STOPPED', 'not sent: the redelivery was stopped', { retryable: true }),
}
