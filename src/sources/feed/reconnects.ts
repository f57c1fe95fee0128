import type { Clock } from '../../model/clock.ts'
import { backoffMs } from '../../model/delivery/backoff.ts'
import { BingoError } from '../../model/errors.ts'
import type { Log } from '../../model/rule/action.ts'
import type { SourceState } from '../../model/source/source-state.ts'

export interface ReconnectsDeps {
  /** What is read, such as "the event log"; with its printable address. */
  readonly what: string
  readonly description: string
  readonly state: SourceState
  readonly clock: Clock
  readonly log: Log
}

const RETRY = { minMs: 200, maxMs: 10_000 } as const
/** Failures in a row from which on an operator has to know. */
const MANY = 5

/** Keeps the state of a source that reads a store, and the pauses between its attempts to. */
export class Reconnects {
  private readonly deps: ReconnectsDeps
  private failures = 0

  constructor(deps: ReconnectsDeps) {
    this.deps = deps
  }

  connected(): void {
    const { state, what, description, log } = this.deps
    if (this.failures > 0) log.info({ log: description }, `${what} can be read again`)
    this.failures = 0
    state.connected = true
    state.downSince = 0
    state.lastError = null
    state.address = description
  }

  /** Resolves when it may be tried again, or `signal` is aborted. Throws what no retry changes. */
  async failed(error: unknown, signal: AbortSignal): Promise<void> {
    const { state, what, description, log, clock } = this.deps
    if (!(error instanceof BingoError) || !error.retryable) throw error
    if (signal.aborted) return
    this.failures += 1
    state.connected = false
    if (state.downSince === 0) state.downSince = clock.now()
    state.lastError = { code: error.code, message: error.message }
    const level = this.failures < MANY ? 'warn' : 'error'
    const fields = { log: description, code: error.code, attempt: this.failures, err: error.message }
    log[level](fields, `${what} cannot be read; retrying`)
    await clock.sleep(backoffMs(this.failures, RETRY.minMs, RETRY.maxMs), signal).catch(() => undefined)
  }
}
