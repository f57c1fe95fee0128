import { TargetQueue } from './queue/target-queue.ts'
import type { TargetQueueDeps } from './queue/target-queue.ts'
import type { Target, TargetConfig } from '../model/action.ts'
import type { RuleSet } from '../model/rule.ts'
import { targetStatsOf } from '../model/stats.ts'
import type { Stats } from '../model/stats.ts'

export interface TargetQueuesDeps extends Omit<TargetQueueDeps, 'config' | 'open' | 'stats'> {
  readonly open: (target: TargetConfig) => Promise<Target>
  readonly stats: Stats
}

/** One queue per target, made when it is first named. */
export class TargetQueues {
  private readonly deps: TargetQueuesDeps
  private readonly queues = new Map<string, TargetQueue>()

  constructor(deps: TargetQueuesDeps) {
    this.deps = deps
  }

  /** Nothing queued and nothing under way. */
  get drained(): boolean {
    for (const queue of this.queues.values()) if (!queue.idle) return false
    return true
  }

  /** Opens the targets of these rules ahead of their first events. */
  prepare({ rules }: RuleSet): void {
    for (const rule of rules) for (const { target } of rule.actions) this.of(target).prepare()
  }

  of(target: TargetConfig): TargetQueue {
    let queue = this.queues.get(target.id)
    if (queue === undefined) {
      const stats = targetStatsOf(this.deps.stats, target.id, target.type)
      queue = new TargetQueue({ ...this.deps, config: target, open: () => this.deps.open(target), stats })
      this.queues.set(target.id, queue)
    }
    return queue
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.queues.values()].map((queue) => queue.close()))
  }
}
