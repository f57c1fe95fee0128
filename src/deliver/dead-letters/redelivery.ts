import { thrownFailure } from '../../targets/failure/failure.ts'
import type { DeliveryFailure, Log, Target } from '../../model/rule/action.ts'
import type { ActionPlan, Payload } from '../../model/rule/rule.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import type { Change } from '../../model/event/change.ts'
import type { EventEnvelope } from '../../model/event/posted/event-record.ts'
import { PostedEvent } from '../../model/event/posted/posted-event.ts'
import type { Clock } from '../../model/clock.ts'
import type { DeadLetter } from '../../model/delivery/dead-letter.ts'
import { BingoError, EvaluationError } from '../../model/errors.ts'
import { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { Preparation, Prepared } from '../../model/delivery/preparation.ts'
import { OUTBOX_ACTION } from '../../model/rule/outbox-rule.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import { TargetState } from '../../model/delivery/target-state.ts'
import type { Lookups } from '../lookups/lookups.ts'
import { TargetQueue } from '../queue/target-queue.ts'
import { evaluate } from '../../waiting/evaluate.ts'
import { letterChange } from '../../waiting/letter-change.ts'
import { namedAction, ownAction } from '../../waiting/own-action.ts'
import { RowEvents } from './row-events.ts'
import { RedeliveryResults } from './redelivery-results.ts'

/** Whoever sends two entries of a row awaits the first: lanes only let the others go side by side. */
const LANES = 64

export interface RedeliveryDeps {
  readonly ruleSet: RuleSet
  /** RULE#ACTION to send by, instead of the entries' own actions. */
  readonly by?: string | undefined
  readonly openTarget: (target: TargetConfig) => Promise<Target>
  /** Rows that actions read before they are rendered. Absent where no rule has any. */
  readonly lookups?: Pick<Lookups, 'rows' | 'close'> | undefined
  readonly clock: Clock
  /** Reads the change of an entry again, with all its columns; rejects where it cannot be had any more. */
  readonly readAgain: (letter: DeadLetter) => Promise<Change>
  /** Ends it: what waits is reported as not sent. */
  readonly signal: AbortSignal
}

interface OpenQueue {
  readonly target: Target
  readonly queue: TargetQueue
  readonly results: RedeliveryResults
}

/** What a target took that wants to know when it has left the store of dead letters. */
interface Taken {
  readonly target: Target
  readonly job: InFlightJob
}

/**
 * Sends dead letters by their own actions, through the queues that the daemon sends by. Targets are opened when first
 * needed; once one is down nothing more is sent to it.
 */
export class Redelivery implements AsyncDisposable {
  private readonly deps: RedeliveryDeps
  private readonly by: ActionPlan | null
  private readonly targets = new Map<string, Promise<OpenQueue>>()
  /** By entry, until it is removed. */
  private readonly taken = new Map<string, readonly Taken[]>()
  private rowEvents: RowEvents | null = null
  private sent = 0
  /** Events that were not sent because their rule, as it is now, does not match them. */
  unmatched = 0

  /** Throws BINGO_RULE_UNKNOWN when there is no action `by`. */
  constructor(deps: RedeliveryDeps) {
    this.deps = deps
    this.by = deps.by === undefined ? null : namedAction(deps.by, deps.ruleSet)
  }

  /** Resolves to why the target did not take it, or null when it did, or when the rule does not match it any more. */
  async send(letter: DeadLetter): Promise<DeliveryFailure | null> {
    let jobs: readonly InFlightJob[]
    try {
      jobs = await this.jobsFor(letter)
    } catch (error) {
      if (error instanceof BingoError) return thrownFailure(error.retryable ? 'down' : 'poison', error)
      throw error
    }
    if (jobs.length === 0) this.unmatched += 1
    const taken: Taken[] = []
    for (const job of jobs) {
      const failure = await this.deliver(job, taken)
      if (failure !== null) return failure
    }
    if (taken.length > 0) this.taken.set(letter.id, taken)
    return null
  }

  /** Entries that were sent have left their store. */
  async removed(ids: readonly string[]): Promise<void> {
    const removed = ids.flatMap((id) => this.taken.get(id) ?? [])
    for (const id of ids) this.taken.delete(id)
    // A target that is not told only remembers them for longer.
    for (const [target, taken] of Map.groupBy(removed, (each) => each.target)) {
      await target.afterRedelivery!(taken.map(({ job }) => job)).catch(() => undefined)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.deps.lookups?.close()
    for (const opened of this.targets.values()) {
      await opened.then(({ queue }) => queue.close()).catch(() => undefined)
    }
  }

  /** An entry has the columns that its rule read when it was written; a repaired rule may read others. */
  private async jobsFor(letter: DeadLetter): Promise<readonly InFlightJob[]> {
    try {
      return await this.jobsOf(letter, letterChange(letter))
    } catch (error) {
      if (!(error instanceof BingoError) || !LACKS_COLUMN.has(error.code)) throw error
      return await this.jobsOf(letter, await this.deps.readAgain(letter))
    }
  }

  /** What to send, in this order: mostly one thing. */
  private async jobsOf(letter: DeadLetter, kept: Change): Promise<readonly InFlightJob[]> {
    const action = this.by ?? ownAction(letter, this.deps.ruleSet)
    const evaluated = evaluate(action, letter, kept)
    if (evaluated.failure !== null) throw evaluated.failure.error
    const payloads: Payload[] = []
    for (const { payload, preparation } of evaluated.rendered) {
      const prepared = preparation === null ? { tag: 'ready' as const, payload } : await this.prepare(preparation)
      if (prepared.tag === 'failed') throw new EvaluationError(prepared.failure.code, prepared.failure.message)
      if (prepared.tag === 'ready') payloads.push(prepared.payload)
    }
    if (action.type === OUTBOX_ACTION) return this.jobsOfRow(payloads[0] as EventEnvelope, kept)
    return payloads.map((payload) => {
      const lane = this.sent++ % LANES
      return new InFlightJob(action, kept, payload, lane, 0, NO_HOLD, null)
    })
  }

  /** The row of an outbox, which makes an event now: what its rules do with it. */
  private jobsOfRow(event: EventEnvelope, { transaction, seq }: Change): readonly InFlightJob[] {
    this.rowEvents ??= new RowEvents(this.deps.ruleSet)
    return this.rowEvents.actionsFor(new PostedEvent(event, transaction, seq)).map(({ action, change, payload }) => {
      return new InFlightJob(action, change, payload, this.sent++ % LANES, 0, NO_HOLD, null)
    })
  }

  /** Looked up again: what was found for the first attempt is not kept. */
  private async prepare(preparation: Preparation): Promise<Prepared> {
    const { lookups } = this.deps
    return preparation.finish(
      lookups === undefined ? {} : await lookups.rows(preparation.lookups, preparation.change, 0),
    )
  }

  private async deliver(job: InFlightJob, taken: Taken[]): Promise<DeliveryFailure | null> {
    try {
      const { target, queue, results } = await this.opened(job.action)
      const failure = await results.of(job, () => queue.push(job))
      if (failure === null && target.afterRedelivery !== undefined) taken.push({ target, job })
      return failure
    } catch (error) {
      return thrownFailure('down', error)
    }
  }

  private opened({ target: config }: ActionPlan): Promise<OpenQueue> {
    let opened = this.targets.get(config.id)
    if (opened === undefined) {
      opened = this.deps.openTarget(config).then((target) => this.queueFor(config, target))
      this.targets.set(config.id, opened)
    }
    return opened
  }

  private queueFor(config: TargetConfig, target: Target): OpenQueue {
    const { clock, signal } = this.deps
    const results = new RedeliveryResults(signal)
    const queue = new TargetQueue({
      config,
      lanes: LANES,
      open: () => Promise.resolve(target),
      undelivered: results,
      clock,
      // What happens to each entry is reported to whoever sends it.
      log: NO_LOG,
      repeats: { write: () => undefined },
      logSends: null,
      state: new TargetState(config),
      signal,
      onEnd: (job, delivered) => results.ended(job, delivered),
    })
    return { target, queue, results }
  }
}

const LACKS_COLUMN: ReadonlySet<string> = new Set(['BINGO_COLUMN_ABSENT', 'BINGO_UNKNOWN_COLUMN'])

/** The entry stays in its store until the target has taken it: nothing else holds it. */
const NO_HOLD = { release: () => undefined }

const NO_LOG: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => NO_LOG,
}
