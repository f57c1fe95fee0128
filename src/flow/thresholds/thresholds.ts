import type { Change } from '../../model/event/change.ts'
import { withFacts } from '../../model/event/change.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Rule } from '../../model/rule/rule.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { Threshold } from '../../model/rule/threshold.ts'
import type { Ticket, Watermark } from '../checkpoint/watermark.ts'
import { keepOnly, parseCounts, printCounts, type Counts, type RuleCount } from './counters.ts'
import { countIn, isOver, NEW_GROUP, type GroupCount } from './sliding-count.ts'

/** What a group was before an event of the transaction that is being read. */
interface Step {
  readonly seq: number
  readonly rule: string
  readonly counts: RuleCount
  readonly by: string
  readonly before: GroupCount | undefined
}

/** What groups are after the transactions up to some place; undefined: forgotten. */
type Segment = Map<RuleCount, { readonly rule: string; readonly groups: Map<string, GroupCount | undefined> }>

/**
 * The counters of one source's rules with `threshold:`. They follow the events as they are read; beside them stands what
 * they were at the checkpoint (invariant 4), which is what is stored: a restart reads on from there and counts the same
 * events again to the same end, so that nothing is lost, nothing counts twice, and a rule fires for the same events.
 */
export class Thresholds {
  private readonly watermark: Pick<Watermark<unknown>, 'newestTicket'>
  private readonly log: Log
  private readonly live: Counts = new Map()
  private readonly atCheckpoint: Counts = new Map()
  private steps: Step[] = []
  private segment: Segment = new Map()
  /** Whose end `segment` waits for. */
  private segmentOf: Ticket<unknown> | null = null
  private changed = false
  private readonly told = new Set<string>()

  constructor(watermark: Pick<Watermark<unknown>, 'newestTicket'>, log: Log) {
    this.watermark = watermark
    this.log = log
  }

  useRules(ruleSet: RuleSet): void {
    keepOnly(this.live, ruleSet)
    keepOnly(this.atCheckpoint, ruleSet)
  }

  /** Goes on from what was stored. */
  restore(text: string, ruleSet: RuleSet): void {
    for (const [id, { version, groups }] of parseCounts(text)) {
      this.live.set(id, { version, groups })
      this.atCheckpoint.set(id, { version, groups: new Map(groups) })
    }
    this.useRules(ruleSet)
  }

  /** As of the checkpoint, where that has changed since the last call; else null. */
  take(): string | null {
    if (!this.changed) return null
    this.changed = false
    return printCounts(this.atCheckpoint)
  }

  /** Counts an event that the rule matched; the event with what was counted when the rule fires, else null. */
  count(rule: Rule, threshold: Threshold, change: Change): Change | null {
    const counted = threshold.bind(change.table)(change)
    const counts = this.of(rule.id, threshold)
    const before = counts.groups.get(counted.by)
    const at = change.transaction.timestampUs / 1_000
    if (before === undefined && counts.groups.size >= threshold.mostGroups)
      this.forgetOne(rule.id, counts, change, at, threshold)
    const { group, count, sum, fires } = countIn(before ?? NEW_GROUP, at, counted, threshold)
    this.step(rule.id, counts, counted.by, change.seq)
    counts.groups.delete(counted.by)
    counts.groups.set(counted.by, group)
    if (!fires) return null
    return withFacts(change, { threshold: { count, sum: sum?.toString() ?? null, by: counted.by } })
  }

  /** Rows with an ordinal of at least `seq` of the transaction that is being read were rolled back, or come again. */
  discard(seq: number): void {
    for (let last = this.steps.at(-1); last !== undefined && last.seq >= seq; last = this.steps.at(-1)) {
      this.steps.pop()
      if (last.before === undefined) last.counts.groups.delete(last.by)
      else last.counts.groups.set(last.by, last.before)
    }
  }

  /** The transaction is committed, and the watermark knows it. */
  committed(): void {
    const { steps } = this
    if (steps.length === 0) return
    this.steps = []
    const ticket = this.watermark.newestTicket
    const segment = ticket === null ? new Map() : this.segmentFor(ticket)
    for (const { rule, counts, by } of steps) {
      let of = segment.get(counts)
      if (of === undefined) segment.set(counts, (of = { rule, groups: new Map() }))
      of.groups.set(by, counts.groups.get(by))
    }
    if (ticket === null) this.apply(segment)
  }

  private segmentFor(ticket: Ticket<unknown>): Segment {
    if (ticket !== this.segmentOf) {
      const segment: Segment = new Map()
      this.segment = segment
      this.segmentOf = ticket
      // V8 puts a function that is written behind `x.y =` into the old generation: with all that it holds, for each ticket.
      const passed = (): void => {
        if (this.segmentOf === ticket) this.segmentOf = null
        this.apply(segment)
      }
      ticket.passed = passed
    }
    return this.segment
  }

  private apply(segment: Segment): void {
    for (const [{ version }, { rule, groups }] of segment) {
      // The rule was changed or removed while the transaction waited.
      if (this.live.get(rule)?.version !== version) continue
      let counts = this.atCheckpoint.get(rule)
      if (counts?.version !== version) this.atCheckpoint.set(rule, (counts = { version, groups: new Map() }))
      for (const [by, group] of groups) {
        counts.groups.delete(by)
        if (group !== undefined) counts.groups.set(by, group)
      }
      this.changed = true
    }
  }

  private of(id: string, { version }: Threshold): RuleCount {
    let counts = this.live.get(id)
    if (counts?.version !== version) this.live.set(id, (counts = { version, groups: new Map() }))
    return counts
  }

  private step(rule: string, counts: RuleCount, by: string, seq: number): void {
    this.steps.push({ seq, rule, counts, by, before: counts.groups.get(by) })
  }

  /** The group that was counted longest ago makes room. */
  private forgetOne(rule: string, counts: RuleCount, { seq }: Change, at: number, threshold: Threshold): void {
    const [by, group] = counts.groups.entries().next().value!
    this.step(rule, counts, by, seq)
    counts.groups.delete(by)
    if (isOver(group, at, threshold) || this.told.has(rule)) return
    this.told.add(rule)
    this.log.warn(
      { code: 'BINGO_THRESHOLD_GROUPS', rule, groups: threshold.mostGroups },
      'threshold counts as many groups as it may; the least recently counted one is forgotten for each new one',
    )
  }
}
