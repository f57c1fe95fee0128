import { Budget } from '../../model/delivery/budget.ts'
import { TargetState } from '../../model/delivery/target-state.ts'
import { createStats, type Stats, type StoreState, type WaitingLineState } from '../../model/stats.ts'

/** Counters that all shares have in common; a share that goes leaves what it has counted. */
const COUNTERS = [
  'eventsTotal',
  'bytesTotal',
  'rowsTotal',
  'matchedTotal',
  'transactionsTotal',
  'reconnectsTotal',
  'checksumErrorsTotal',
  'skippedStatementsTotal',
  'gapsTotal',
  'checkpointFailuresTotal',
] as const satisfies readonly (keyof Stats)[]

/**
 * What the shares of a worker tell, as one: each has a budget, targets and waiting events of its own, because back-pressure
 * of one must not pause another; counters, rules and sources are common to all.
 */
export class WorkerStats {
  /** As health, metrics and status read it. */
  readonly total: Stats
  private readonly shares = new Set<Stats>()
  private readonly targetBudgetShare: number | undefined
  /** What targets of shares that have gone have counted. */
  private readonly gone = new Map<string, TargetState>()

  constructor(total: Stats, targetBudgetShare: number | undefined) {
    this.total = total
    this.targetBudgetShare = targetBudgetShare
    const getters: { [name in keyof Stats]?: () => unknown } = {
      budget: () => this.budget(),
      targets: () => this.targets(),
    }
    for (const [name, get] of Object.entries(getters)) Object.defineProperty(total, name, { get, enumerable: true })
    const deadLetters = this.stored((stats) => stats.deadLetters)
    Object.defineProperties(total, { deadLetters: { value: deadLetters }, waiting: { value: this.waiting() } })
    let ownWait = total.startWaitsFor
    Object.defineProperty(total, 'startWaitsFor', {
      get: () => ownWait ?? [...this.shares].find((each) => each.startWaitsFor !== null)?.startWaitsFor ?? null,
      set: (wait: typeof ownWait) => {
        ownWait = wait
      },
      enumerable: true,
    })
  }

  open(budgetBytes: number): Stats {
    const { total } = this
    const own = createStats(budgetBytes, this.targetBudgetShare && budgetBytes * this.targetBudgetShare)
    const share: Stats = { ...own, rules: total.rules, sources: total.sources, reload: total.reload }
    for (const name of COUNTERS) {
      Object.defineProperty(share, name, {
        get: () => total[name],
        set: (value: number) => {
          total[name] = value
        },
        enumerable: true,
      })
    }
    this.shares.add(share)
    return share
  }

  close(share: Stats): void {
    if (!this.shares.delete(share)) return
    for (const target of share.targets.values()) addCounters(this.gone, target)
  }

  private budget(): Budget {
    const all = [...this.shares].map(({ budget }) => budget)
    const sum = (read: (budget: Budget) => number): number => all.reduce((total, each) => total + read(each), 0)
    const budget = new Budget(sum(({ limitBytes }) => limitBytes))
    budget.jobs = sum(({ jobs }) => jobs)
    budget.bytes = sum(({ bytes }) => bytes)
    budget.paused = all.some(({ paused }) => paused)
    return budget
  }

  private targets(): ReadonlyMap<string, TargetState> {
    const targets = new Map<string, TargetState>()
    for (const target of this.gone.values()) addCounters(targets, target)
    for (const share of this.shares) for (const target of share.targets.values()) addState(targets, target)
    return targets
  }

  private lines(): ReadonlyMap<string, WaitingLineState> {
    const lines = new Map<string, WaitingLineState>()
    for (const [name, line] of [...this.shares].flatMap(({ waiting }) => [...waiting.lines])) {
      const { count, bytes, oldestMs } = lines.get(name) ?? { count: 0, bytes: 0, oldestMs: Infinity }
      const oldest = Math.min(oldestMs, line.oldestMs)
      lines.set(name, { count: count + line.count, bytes: bytes + line.bytes, oldestMs: oldest })
    }
    return lines
  }

  /** The states of all shares, read when they are asked for: whoever asks keeps the object. */
  private stored<T extends StoreState>(of: (stats: Stats) => T): StoreState {
    const first = (): StoreState => {
      const { blockedSince, blockedBy } = [...this.shares].map(of).find((each) => each.blockedSince > 0) ?? NOT_BLOCKED
      return { blockedSince, blockedBy }
    }
    return {
      get blockedSince() {
        return first().blockedSince
      },
      get blockedBy() {
        return first().blockedBy
      },
    }
  }

  private waiting(): Stats['waiting'] {
    const lines = (): ReadonlyMap<string, WaitingLineState> => this.lines()
    const suspended = (): Stats['waiting']['suspendedRules'] =>
      new Map([...this.shares].flatMap(({ waiting }) => [...waiting.suspendedRules]))
    return Object.defineProperties(this.stored(({ waiting }) => waiting) as Stats['waiting'], {
      lines: { get: lines },
      suspendedRules: { get: suspended },
    })
  }
}

const NOT_BLOCKED: StoreState = { blockedSince: 0, blockedBy: null }

function addState(into: Map<string, TargetState>, from: TargetState): void {
  const sum = addCounters(into, from)
  sum.queued += from.queued
  sum.inFlightBytes += from.inFlightBytes
  sum.unnamedSince ||= from.unnamedSince
  sum.downSince ||= from.downSince
  sum.pausedSince ||= from.pausedSince
  sum.lastError ??= from.lastError
}

function addCounters(into: Map<string, TargetState>, from: TargetState): TargetState {
  let sum = into.get(from.id)
  if (sum === undefined) into.set(from.id, (sum = new TargetState(from)))
  sum.ended += from.ended
  const [to, of] = [sum.counters, from.counters]
  to.sendsTotal += of.sendsTotal
  to.deliveredTotal += of.deliveredTotal
  to.failedTotal += of.failedTotal
  to.retriedTotal += of.retriedTotal
  to.givenUpTotal += of.givenUpTotal
  of.sendTimes.counts.forEach((count, i) => (to.sendTimes.counts[i]! += count))
  to.sendTimes.sumSeconds += of.sendTimes.sumSeconds
  for (const [code, count] of of.failures) to.failures.set(code, (to.failures.get(code) ?? 0) + count)
  return sum
}
