import { backoffMs } from '../core/backoff.ts'
import type { Log } from '../core/action.ts'
import type { Clock } from '../core/clock.ts'
import type { DeadLetter, DeadLetterStore } from '../core/dead-letter.ts'
import { BingoError } from '../core/errors.ts'
import { toChangeEvent } from '../core/event-json.ts'
import type { InFlightJob } from '../core/in-flight-job.ts'
import type { RuleStats } from '../core/stats.ts'

/** Between tries to reach a dead-letter store that is down or full. */
const STORE_RETRY = { minMs: 200, maxMs: 10_000 } as const

export interface FailureHandlerDeps {
  readonly store: DeadLetterStore
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly ruleStats: (ruleId: string) => RuleStats
}

/**
 * What happens to jobs that will never be delivered: they are written to the dead letters, durably, before their hold is
 * released (invariant 1). Knows which row keys are parked, so that later events of a parked key join it.
 */
export class FailureHandler {
  private readonly deps: FailureHandlerDeps
  private readonly parked: Set<string>

  private constructor(deps: FailureHandlerDeps, parked: ReadonlySet<string>) {
    this.deps = deps
    this.parked = new Set(parked)
  }

  /** Reads which row keys are parked; waits for a store that is down. Rejects when aborted, or refused for good. */
  static async open(deps: FailureHandlerDeps, signal: AbortSignal): Promise<FailureHandler> {
    return new FailureHandler(deps, await patiently({ ...deps, signal }, () => deps.store.parkedKeys()))
  }

  /** Whether the job has to wait behind an earlier failure of its row key. */
  isParked(job: InFlightJob): boolean {
    return this.parked.size > 0 && this.parked.has(parkKey(job))
  }

  /** Resolves when every job is durable in the store; waits, however long, while the store is down or full. */
  async bury(jobs: readonly InFlightJob[]): Promise<void> {
    const letters = jobs.map((job) => this.letter(job))
    await patiently(this.deps, () => this.deps.store.add(letters), true)
    for (const job of jobs) this.deps.ruleStats(job.action.rule.id).deadLettersTotal += 1
  }

  private letter(job: InFlightJob): DeadLetter {
    const { action, change } = job
    const now = this.deps.clock.now()
    const joins = job.failure === null && (job.attempts === null || job.attempts.length === 0)
    const parks = action.onFailure === 'park'
    if (parks) this.parked.add(parkKey(job))
    const attempts = job.attempts ?? []
    const failure = job.failure
    this.deps.log.warn(
      {
        rule: action.rule.id,
        action: action.type,
        target: action.target.id,
        schema: change.table.schema,
        table: change.table.name,
        gtid: change.transaction.gtid,
        event: change.id,
        code: failure?.code ?? attempts.at(-1)?.code ?? 'BINGO_PARKED',
        err: failure?.message ?? attempts.at(-1)?.message,
      },
      joins ? 'event parked behind an earlier failure of its key' : 'event written to the dead letters',
    )
    return {
      id: `${change.id}#${action.rule.id}#${action.index}${job.former ? '#former' : ''}`,
      event: toChangeEvent(change),
      ruleId: action.rule.id,
      ruleVersion: action.rule.version,
      actionIndex: action.index,
      actionType: action.type,
      target: action.target.id,
      rowKey: job.rowKey,
      state: joins ? 'parked' : parks ? 'park' : 'skip',
      attempts: failure === null ? attempts : [...attempts, { at: now, code: failure.code, message: failure.message }],
      createdAt: now,
    }
  }
}

/** Repeats until it succeeds. `always`: whatever the error; the events have nowhere else to go. */
async function patiently<T>(deps: FailureHandlerDeps, work: () => Promise<T>, always = false): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const retryable = always || (error instanceof BingoError && error.retryable)
      if (deps.signal.aborted || !retryable) throw error
      const code = error instanceof BingoError ? error.code : 'BINGO_DEAD_LETTERS_UNREACHABLE'
      const level = attempt < 5 ? 'warn' : 'error'
      deps.log[level](
        { code, store: deps.store.description, attempt, err: String(error) },
        'the dead-letter store does not answer or is full; waiting',
      )
      await deps.clock.sleep(backoffMs(attempt, STORE_RETRY.minMs, STORE_RETRY.maxMs), deps.signal)
    }
  }
}

function parkKey(job: InFlightJob): string {
  return `${job.action.rule.id}\0${job.rowKey}`
}
