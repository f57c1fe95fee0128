import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { systemClock, type Clock, type Timer } from '../../model/clock.ts'
import { DeadlineError } from '../../model/with-deadline.ts'

/** What is read of an answer's body that nobody wants; the rest is cut off. */
const MAX_RESPONSE_BYTES = 4_096
const NOTHING = Buffer.alloc(0)
/** How long the rest of an answer may keep its connection from the next request. */
const DRAIN_MS = 1_000

export interface ExchangeRequest {
  readonly origin: string
  readonly path: string
  readonly method: string
  /** Name, value, name, value, … */
  readonly headers: readonly string[]
  /** Null: none. */
  readonly body: string | Buffer | null
}

/** The final answer (never 1xx). */
export interface Answer {
  readonly status: number
  readonly retryAfter: string | readonly string[] | undefined
  /** Of as many bytes as were wanted, or less where it did not end in time. */
  readonly body: Buffer
  /** The body came to its end and is not longer. */
  readonly complete: boolean
}

/** How many bytes of the body are wanted, by the status; 0: the head is enough. */
export type BodyWanted = (status: number) => number

/**
 * One request and its answer, known as soon as the head has come where no body is wanted. Rejects with DeadlineError where
 * the head does not come in time (connecting, waiting for a connection and sending included), with the reason of
 * `signal`, or with what the connection says. Goes by undici's `dispatch`: its `request` makes a stream and an abort signal for each body, which costs more
 * than the exchange.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: ExchangeRequest,
  timeoutMs: number,
  signal: AbortSignal,
  wanted: BodyWanted,
  clock: Pick<Clock, 'after'> = systemClock,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  if (signal.aborted) reject(signal.reason as Error)
  else {
    const handler = new ExchangeHandler(resolve, reject, timeoutMs, signal, wanted, clock)
    dispatcher.dispatch(request as Dispatcher.DispatchOptions, handler)
  }
  return promise
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  private readonly resolve: (answer: Answer) => void
  private readonly reject: (error: unknown) => void
  private readonly signal: AbortSignal
  private readonly clock: Pick<Clock, 'after'>
  private controller: Dispatcher.DispatchController | null = null
  private timer: Timer
  private settled = false
  private bodyBytes = 0
  private readonly wanted: BodyWanted
  private wantedBytes = 0
  private readonly chunks: Buffer[] = []
  private status = 0
  private retryAfter: Answer['retryAfter']
  /** The head has come, and the body is waited for. */
  private awaitsBody = false
  private readonly onAbort = (): void => this.giveUp(this.signal.reason as Error)

  constructor(
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
    timeoutMs: number,
    signal: AbortSignal,
    wanted: BodyWanted,
    clock: Pick<Clock, 'after'>,
  ) {
    this.wanted = wanted
    this.resolve = resolve
    this.reject = reject
    this.signal = signal
    this.clock = clock
    this.timer = clock.after(timeoutMs, () => this.giveUp(new DeadlineError(timeoutMs)))
    signal.addEventListener('abort', this.onAbort)
  }

  /** A request that was given up while it waited for a connection must not be sent after all. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    if (this.settled) controller.abort(new Error('cancelled before it was sent'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.settled) return
    this.settle()
    this.timer = this.clock.after(DRAIN_MS, () => controller.abort(new DeadlineError(DRAIN_MS)))
    this.status = status
    this.retryAfter = headers['retry-after']
    this.wantedBytes = this.wanted(status)
    this.awaitsBody = true
    if (this.wantedBytes === 0) this.finish(false)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.bodyBytes += chunk.length
    if (this.awaitsBody) this.chunks.push(chunk)
    if (this.bodyBytes > Math.max(MAX_RESPONSE_BYTES, this.wantedBytes)) {
      this.finish(false)
      controller.abort(new Error('the body is long enough'))
    }
  }

  onResponseEnd(): void {
    this.timer.cancel()
    this.finish(this.bodyBytes <= this.wantedBytes)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.timer.cancel()
    if (this.settled) {
      this.finish(false)
      return
    }
    this.settle()
    this.reject(error)
  }

  private finish(complete: boolean): void {
    if (!this.awaitsBody) return
    this.awaitsBody = false
    const body = this.chunks.length === 0 ? NOTHING : Buffer.concat(this.chunks).subarray(0, this.wantedBytes)
    this.resolve({ status: this.status, retryAfter: this.retryAfter, body, complete })
  }

  private giveUp(reason: Error): void {
    if (this.settled) return
    this.settle()
    this.reject(reason)
    this.controller?.abort(reason)
  }

  private settle(): void {
    this.settled = true
    this.timer.cancel()
    this.signal.removeEventListener('abort', this.onAbort)
  }
}
