import type { RuleStats, Stats } from '../model/stats.ts'

/** The counters of the rules by id. Asked for once per job and once per match, mostly for the same rule. */
export class RuleCounters {
  private readonly rules: Stats['rules']
  private lastId: string | null = null
  private last: RuleStats | null = null

  constructor({ rules }: Pick<Stats, 'rules'>) {
    this.rules = rules
  }

  of(id: string): RuleStats {
    if (id === this.lastId) return this.last!
    let stats = this.rules.get(id)
    if (stats === undefined) {
      stats = {
        matchedTotal: 0,
        actionsTotal: 0,
        deliveredTotal: 0,
        coalescedTotal: 0,
        errorsTotal: 0,
        deadLettersTotal: 0,
      }
      this.rules.set(id, stats)
    }
    this.lastId = id
    this.last = stats
    return stats
  }
}
