import { Redelivery } from '../../deliver/dead-letters/redelivery.ts'
import type { Lookups } from '../../deliver/lookups/lookups.ts'
import { countOf, planRetry } from '../../deliver/dead-letters/retry-plan.ts'
import { RetryRun } from '../../deliver/dead-letters/retry-run.ts'
import type { Target } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import type { EventSink } from '../../model/event/posted/event-sink.ts'
import type { DeliveryRun } from '../../model/delivery/delivery-run.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import { openDeadLetterStore } from '../../state/open.ts'
import { eventsAgain, type ServerSource } from '../event-again.ts'
import { stateSettings } from '../state-settings.ts'
import { createStats } from '../../model/stats.ts'
import { InFlight } from '../../model/in-flight.ts'
import { lookupsOf, lookupSource } from '../lookups.ts'
import type { RedeliveryResult } from './contract.ts'
import type { LibraryParts } from './parts.ts'
import type { PipelineEvents } from './posted-events.ts'

type OpenTarget = (target: TargetConfig, run: DeliveryRun, events: EventSink | undefined) => Promise<Target>

/** The dead letters of a pipeline, while it runs and when it does not. */
export class PipelineDeadLetters {
  private readonly parts: LibraryParts
  private readonly events: PipelineEvents
  private readonly openTarget: OpenTarget
  /** That of the run. */
  private live: DeadLetterStore | null = null
  private stop = new AbortController()
  private readonly running = new InFlight()

  constructor(parts: LibraryParts, events: PipelineEvents, openTarget: OpenTarget) {
    this.parts = parts
    this.events = events
    this.openTarget = openTarget
  }

  /** Opens the store for a run. */
  async open(): Promise<DeadLetterStore> {
    this.live = await this.openStore()
    return this.live
  }

  /** Ends what uses the store, and closes it. */
  async close(): Promise<void> {
    const store = this.live
    this.live = null
    this.stop.abort()
    await this.running.ended()
    this.stop = new AbortController()
    await store?.close()
  }

  async *list(filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    await using borrowed = await this.borrow()
    yield* borrowed.store.list(filter)
  }

  redeliver(ruleSet: RuleSet, filter: DeadLetterFilter, signal: AbortSignal): Promise<RedeliveryResult> {
    return this.running.add(this.redeliverAll(ruleSet, filter, AbortSignal.any([signal, this.stop.signal])))
  }

  private async redeliverAll(
    ruleSet: RuleSet,
    filter: DeadLetterFilter,
    signal: AbortSignal,
  ): Promise<RedeliveryResult> {
    const { config, clock } = this.parts
    await using borrowed = await this.borrow()
    const { store } = borrowed
    // Two at a time could send an older event of a row after a newer one.
    await using _lease = await store.lease()
    const run = { name: config.name, epoch: null, window: null }
    await using events = await this.events.borrow()
    const openTarget = (target: TargetConfig): Promise<Target> => this.openTarget(target, run, events.sink)
    const servers = (): readonly ServerSource[] => this.parts.sources.filter((each) => 'mysql' in each)
    const readAgain = eventsAgain({ instance: config.name, servers, clock, signal })
    await using redelivery = new Redelivery({ ruleSet, openTarget, lookups: this.lookups(), clock, readAgain, signal })
    const failures: { id: string; code: string; message: string }[] = []
    const delivered = new Map<string, DeadLetter>()
    const plan = await planRetry(store, filter)
    let total = countOf(plan)
    let taken = 0
    const retry = new RetryRun({
      store,
      signal,
      send: (letter) => redelivery.send(letter),
      onRemoved: async (ids) => {
        await redelivery.removed(ids)
        const letters = ids.flatMap((id) => delivered.get(id) ?? [])
        for (const id of ids) delivered.delete(id)
        // Their effects are there: a status that cannot be written takes nothing back.
        for (const letter of letters) await events.redelivered(letter, clock.now()).catch(() => undefined)
      },
      onResult: (letter, failure) => {
        const { id } = letter
        if (failure === null) {
          taken += 1
          if (letter.event.op === 'event') delivered.set(id, letter)
        } else failures.push({ id, code: failure.error.code, message: failure.error.message })
      },
      onMore: (count) => {
        total += count
      },
    })
    await retry.run(plan)
    return { sent: taken - redelivery.unmatched, unmatched: redelivery.unmatched, left: total - taken, failures }
  }

  private lookups(): Lookups {
    const { sources, clock, log, config } = this.parts
    return lookupsOf(lookupSource(sources), 'fail', { clock, log, stats: createStats(config.budgetBytes) })
  }

  /** The store of the run, else one of its own. */
  private async borrow(): Promise<Borrowed> {
    const { live } = this
    if (live !== null) return { store: live, [Symbol.asyncDispose]: () => Promise.resolve() }
    const store = await this.openStore()
    return { store, [Symbol.asyncDispose]: () => store.close() }
  }

  private openStore(): Promise<DeadLetterStore> {
    const { config, log } = this.parts
    const { maxCount, maxBytes, maxAgeMs } = config.deadLetters
    return openDeadLetterStore(stateSettings(config, log), { maxCount, maxBytes, maxAgeMs })
  }
}

interface Borrowed extends AsyncDisposable {
  readonly store: DeadLetterStore
}
