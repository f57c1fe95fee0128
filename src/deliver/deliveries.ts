import type { Log, Target, TargetConfig } from '../model/action.ts'
import type { Clock } from '../model/clock.ts'
import type { DeadLetterStore } from '../model/dead-letter.ts'
import type { Deliveries, DeliveryHooks } from '../model/deliveries.ts'
import type { InFlightJob } from '../model/in-flight-job.ts'
import type { RuleSet } from '../model/rule.ts'
import { targetStatsOf } from '../model/stats.ts'
import type { Stats } from '../model/stats.ts'
import { FailureHandler } from './failure-handler.ts'
import { TargetQueue } from './queue/target-queue.ts'

export interface TargetQueuesDeps {
  readonly lanes: number
  readonly openTarget: (target: TargetConfig) => Promise<Target>
  readonly deadLetters: DeadLetterStore
  readonly clock: Clock
  readonly log: Log
  readonly stats: Stats
}

/** One queue per target, made when it is first named. */
export class TargetQueues implements Deliveries {
  private readonly deps: TargetQueuesDeps
  private readonly hooks: DeliveryHooks
  private readonly queues = new Map<string, TargetQueue>()
  private failures: FailureHandler | null = null

  constructor(deps: TargetQueuesDeps, hooks: DeliveryHooks) {
    this.deps = deps
    this.hooks = hooks
  }

  async open(signal: AbortSignal): Promise<boolean> {
    const { deadLetters: store, clock, log, stats } = this.deps
    const { signal: giveUp, ruleStats } = this.hooks
    try {
      this.failures = await FailureHandler.open(
        { store, clock, log, signal: giveUp, ruleStats, stats: stats.deadLetters },
        signal,
      )
      return true
    } catch (error) {
      if (signal.aborted) return false
      throw error
    }
  }

  get drained(): boolean {
    for (const queue of this.queues.values()) if (!queue.idle) return false
    return true
  }

  prepare({ rules }: RuleSet): void {
    for (const rule of rules) for (const { target } of rule.actions) this.of(target).prepare()
  }

  push(target: TargetConfig, job: InFlightJob): void {
    this.of(target).push(job)
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.queues.values()].map((queue) => queue.close()))
  }

  private of(config: TargetConfig): TargetQueue {
    let queue = this.queues.get(config.id)
    if (queue === undefined) {
      const { lanes, openTarget, clock, log, stats } = this.deps
      queue = new TargetQueue({
        config,
        lanes,
        open: () => openTarget(config),
        undelivered: this.failures!,
        clock,
        log,
        stats: targetStatsOf(stats, config.id, config.type),
        signal: this.hooks.signal,
        onEnd: this.hooks.ended,
      })
      this.queues.set(config.id, queue)
    }
    return queue
  }
}
