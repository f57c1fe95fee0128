import type { DeliveryFailure, Log, Target } from '../model/rule/action.ts'
import { patiently, type PatienceDeps } from '../waiting/patience.ts'
import { exactnessOf, jobId, withShortQuery } from '../waiting/record.ts'
import { announceDeadLetters } from './announce.ts'
import { isGivenUp } from './queue/sort-results.ts'
import type { Undelivered } from './undelivered.ts'
import type { Change } from '../model/event/change.ts'
import { isPosted } from '../model/event/posted/posted-event.ts'
import type { Clock } from '../model/clock.ts'
import type { DeadLetter, DeadLetterStore } from '../model/delivery/dead-letter.ts'
import { parkedKey } from '../model/delivery/dead-letter.ts'
import { BingoError } from '../model/errors.ts'
import { toChangeEvent } from '../model/event/forms/event-json.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { RuleStats, StoreState } from '../model/stats.ts'
import type { TableDef } from '../model/table/table.ts'
import type { SampledFields, SampledLines } from '../model/sampled-log.ts'
import { valueKind } from '../model/table/value-kind.ts'

const DROPPED = {
  code: 'BINGO_TARGET_DROPPED',
  message: 'its target was dropped: no rule or saga references it',
} as const

export interface FailureHandlerDeps {
  readonly store: DeadLetterStore
  readonly clock: Clock
  readonly log: Log
  /** For what may happen to very many events. */
  readonly repeats: SampledLines
  readonly signal: AbortSignal
  readonly ruleStats: (ruleId: string) => RuleStats
  readonly stats: StoreState
}

/**
 * What happens to jobs that will never be delivered: they are written to the dead letters, durably, before their hold is
 * released (invariant 1). Knows which row keys are parked, so that later events of a parked key join it.
 */
export class FailureHandler implements Undelivered {
  private readonly deps: FailureHandlerDeps
  private readonly parked: Set<string>

  private constructor(deps: FailureHandlerDeps, parked: ReadonlySet<string>) {
    this.deps = deps
    this.parked = new Set(parked)
  }

  /** Reads which row keys are parked; waits for a store that is down. Rejects when aborted, or refused for good. */
  static async open(deps: FailureHandlerDeps, signal: AbortSignal): Promise<FailureHandler> {
    return new FailureHandler(deps, await patiently({ ...patienceOf(deps), signal }, () => deps.store.parkedKeys()))
  }

  /** It could not be evaluated, or waits behind an earlier failure of its row key. Of a run of rows: some may. */
  endsUnsent(job: InFlightJob): boolean {
    return job.failure !== null || (this.parked.size > 0 && (job.count > 1 || this.parked.has(parkKey(job))))
  }

  isGivenUp(job: InFlightJob, failure: DeliveryFailure): boolean {
    return isGivenUp(job, failure, this.deps.clock)
  }

  async giveUp(jobs: readonly InFlightJob[], target: Target | null): Promise<readonly InFlightJob[]> {
    await announceDeadLetters(target, jobs, this.deps)
    const free = await this.write(jobs)
    // They are no dead letters after all: known as any other job that is in flight.
    if (free.length > 0) void target?.afterRedelivery?.(free).catch(() => undefined)
    return free
  }

  /** They park nothing: later events of their rows go to the address that the rule has now. */
  async drop(jobs: readonly InFlightJob[], target: Target | null): Promise<void> {
    await announceDeadLetters(target, jobs, this.deps)
    const at = this.deps.clock.now()
    for (const job of jobs) {
      if (job.failure === null) (job.attempts ??= []).push({ at, ...DROPPED })
      this.deps.ruleStats(job.action.rule.id).deadLettersTotal += 1
    }
    await this.store(jobs.map((job) => this.letter(job, 'skip')))
  }

  /** Events of which nothing is in memory, and that nobody waits behind. */
  async keep(letters: readonly DeadLetter[]): Promise<void> {
    for (const { ruleId } of letters) this.deps.ruleStats(ruleId).deadLettersTotal += 1
    await this.store(letters)
    for (const { ruleId, target, event, attempts } of letters) {
      const { code, message } = attempts.at(-1)!
      const fields = { rule: ruleId, target, event: event.id, code, err: message }
      this.deps.repeats.write('warn', fields, 'event written to the dead letters')
    }
  }

  /**
   * Resolves when the jobs are durable in the store; waits, however long, while the store is down or full. Answers the
   * jobs that were not taken, in order: what they were to wait behind was retried meanwhile, so they may be sent.
   */
  private async write(jobs: readonly InFlightJob[]): Promise<InFlightJob[]> {
    const letters = jobs.map((job) => this.letter(job, this.stateOf(job)))
    const released = await this.store(letters)
    const free: InFlightJob[] = []
    const taken: InFlightJob[] = []
    for (const [i, job] of jobs.entries()) (released.has(letters[i]!.id) ? free : taken).push(job)
    for (const job of free) this.parked.delete(parkKey(job))
    for (const job of taken) {
      if (job.action.onFailure === 'park') this.parked.add(parkKey(job))
      this.deps.ruleStats(job.action.rule.id).deadLettersTotal += 1
    }
    this.tell(taken)
    return free
  }

  /** Answers the ids that were not taken. */
  private async store(letters: readonly DeadLetter[]): Promise<ReadonlySet<string>> {
    const { store } = this.deps
    if (letters.length > 1) {
      try {
        return new Set(await store.add(letters))
      } catch (error) {
        if (!isFull(error)) return new Set(await patiently(patienceOf(this.deps), () => store.add(letters), true))
      }
    }
    // What does not fit at once may fit one after the other, and more than fits at all would otherwise wait for ever.
    const released = new Set<string>()
    const freeKeys = new Set<string>()
    for (const letter of letters) {
      const key = parkedKey(letter.ruleId, letter.rowKey)
      const free = freeKeys.has(key)
        ? [letter.id]
        : await patiently(patienceOf(this.deps), () => store.add([letter]), true)
      for (const id of free) {
        released.add(id)
        freeKeys.add(key)
      }
    }
    return released
  }

  private stateOf(job: InFlightJob): DeadLetter['state'] {
    return joins(job) ? 'parked' : job.action.onFailure === 'park' ? 'park' : 'skip'
  }

  private letter(job: InFlightJob, state: DeadLetter['state']): DeadLetter {
    const { action, failure } = job
    const change = job.change.whole
    const now = this.deps.clock.now()
    const attempts = job.attempts ?? []
    // One that is given up before its rows were there has not been evaluated either.
    const stage = failure?.stage ?? job.preparation?.stage
    return {
      id: jobId(job),
      event: toChangeEvent(withShortQuery(change)),
      ruleId: action.rule.id,
      ruleVersion: action.rule.version,
      actionIndex: action.index,
      action: {
        identity: action.identity,
        parts: action.parts,
        ofRule: action.rule.actions.map(({ identity }) => identity),
      },
      actionType: action.type,
      target: action.target.id,
      rowKey: job.key,
      state,
      attempts: failure === null ? attempts : [...attempts, { at: now, code: failure.code, message: failure.message }],
      createdAt: now,
      ...(stage !== undefined && { stage, columns: columnsOf(change.table) }),
      ...exactnessOf(change),
    }
  }

  /** One line for each event that failed, until they are too many, and one for all that joined earlier ones. */
  private tell(jobs: readonly InFlightJob[]): void {
    const joined = jobs.filter((job) => joins(job))
    for (const job of jobs) {
      if (joins(job)) continue
      const { code, message } = job.failure ?? job.attempts!.at(-1)!
      this.deps.repeats.write('warn', { ...fieldsOf(job), code, err: message }, 'event written to the dead letters')
    }
    if (joined.length === 0) return
    this.deps.repeats.write(
      'warn',
      { ...fieldsOf(joined[0]!), code: 'BINGO_PARKED', jobs: joined.length },
      'events parked behind earlier failures of the same keys',
    )
  }
}

function columnsOf({ columns }: TableDef): NonNullable<DeadLetter['columns']> {
  return columns.map((column) => [column.name, valueKind(column)])
}

/** It did not fail itself: it waits behind an earlier failure of its key. */
function joins(job: InFlightJob): boolean {
  return job.failure === null && (job.attempts === null || job.attempts.length === 0)
}

function placeOf({ table, transaction }: Change): object {
  return { schema: table.schema, table: table.name, gtid: transaction.gtid }
}

function fieldsOf({ action, change }: InFlightJob): SampledFields {
  return {
    rule: action.rule.id,
    action: action.type,
    target: action.target.id,
    ...(isPosted(change.table) ? { type: change.type } : placeOf(change)),
    event: change.id,
  }
}

function isFull(error: unknown): boolean {
  return error instanceof BingoError && error.code === 'BINGO_DEAD_LETTERS_FULL'
}

function patienceOf({ stats, ...deps }: FailureHandlerDeps): PatienceDeps {
  return { ...deps, state: stats, name: 'dead-letter store', code: 'BINGO_DEAD_LETTERS_UNREACHABLE' }
}

function parkKey(job: InFlightJob): string {
  return parkedKey(job.action.rule.id, job.key)
}
