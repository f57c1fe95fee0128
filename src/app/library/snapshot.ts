import type { RuleStats, Stats } from '../../model/stats.ts'
import type { TargetState } from '../../model/delivery/target-state.ts'
import type { PipelineStats, RuleStatsOfPipeline, SourceStatsOfPipeline, TargetStatsOfPipeline } from './contract.ts'

/** A copy of the counters that stays as it is. */
export function snapshotOf(stats: Stats, sources: { readonly [name: string]: SourceStatsOfPipeline }): PipelineStats {
  return {
    transactionsTotal: stats.transactionsTotal,
    rowsTotal: stats.rowsTotal,
    matchedTotal: stats.matchedTotal,
    inFlight: { jobs: stats.budget.jobs, bytes: stats.budget.bytes },
    sources,
    rules: Object.fromEntries([...stats.rules].map(([id, rule]) => [id, copyOfRule(rule)])),
    targets: Object.fromEntries([...stats.targets].map(([id, target]) => [id, copyOfTarget(target)])),
  }
}

function copyOfRule(rule: RuleStats): RuleStatsOfPipeline {
  const { matchedTotal, actionsTotal, deliveredTotal, coalescedTotal, errorsTotal, deadLettersTotal } = rule
  return { matchedTotal, actionsTotal, deliveredTotal, coalescedTotal, errorsTotal, deadLettersTotal }
}

function copyOfTarget({ type, queued, downSince, lastError, counters }: TargetState): TargetStatsOfPipeline {
  const { sendsTotal, deliveredTotal, failedTotal } = counters
  return { type, sendsTotal, deliveredTotal, failedTotal, queued, downSince, lastError }
}
