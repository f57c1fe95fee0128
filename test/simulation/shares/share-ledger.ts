import type { Change } from '../../../src/model/event/change.ts'
import type { Rule } from '../../../src/model/rule/rule.ts'
import { jobKeyText } from '../../../src/model/rule/rule-key.ts'
import { shareOf } from '../../../src/scale/routes.ts'
import { committed, type Group } from '../history.ts'
import { BrokenInvariant } from '../ledger.ts'
import type { SimLog } from './sim-log.ts'

/** One process that has a share: it is given back, or dies with what it had in hand. */
export interface Holder {
  readonly share: number
  /** Grows with each holder of the share. */
  readonly term: number
}

interface Expected {
  readonly id: string
  readonly rule: Rule
  readonly change: Change
  /** Grows with every change of the history. */
  readonly number: number
  readonly share: number
  /** What it is ordered by; null: with everything of its rule. */
  readonly keys: readonly string[] | null
}

/** What rules were to do with a history over shares, and what they did. The invariants are those of flow/pipeline.ts. */
export class ShareLedger {
  violation: BrokenInvariant | null = null
  effects = 0
  private readonly expected = new Map<string, Expected>()
  private readonly perGroup: readonly (readonly Expected[])[]
  private readonly ofChange: ReadonlyMap<string, readonly Expected[]>
  /** In which term it was acknowledged. */
  private readonly done = new Map<string, number>()
  private readonly seen = new Set<string>()
  /** `rule/key` → number of the newest one that was sent. */
  private readonly newest = new Map<string, number>()
  /** `rule/key` → number of the one that was sent last. */
  private readonly last = new Map<string, number>()
  private readonly crashed: Set<number>[]
  private checkedGroups = 0
  private readonly log: SimLog

  constructor(history: readonly Group[], rules: readonly Rule[], log: SimLog) {
    const shares = log.shares.length
    this.log = log
    this.perGroup = history.map((group) =>
      committed(group).flatMap((change) =>
        rules.filter((rule) => wants(rule, change)).map((rule) => of(rule, change, shares)),
      ),
    )
    for (const each of this.perGroup.flat()) this.expected.set(each.id, each)
    this.ofChange = Map.groupBy(this.expected.values(), ({ change }) => change.id)
    this.crashed = Array.from({ length: shares }, () => new Set())
  }

  get count(): number {
    return this.expected.size
  }

  get allDone(): boolean {
    return this.done.size === this.expected.size
  }

  /** What this holder had in hand may come again. */
  died({ share, term }: Holder): void {
    this.crashed[share]!.add(term)
  }

  effect(rule: string, event: string, { share, term }: Holder, acknowledged: boolean): void {
    this.effects += 1
    const id = `${rule}/${event}`
    const expected = this.expected.get(id)
    if (expected === undefined) return this.broken(3, `${id} was never committed, or no rule wants it`)
    if (expected.share !== share) return this.broken(2, `${id} of share ${expected.share} was sent by share ${share}`)
    const before = this.done.get(id)
    if (before !== undefined && !this.mayRepeat(event, before, { share, term }))
      this.broken(5, `${id} came twice without a crash`)
    if (!this.seen.has(id)) this.inOrder(expected)
    this.seen.add(id)
    for (const key of expected.keys ?? []) this.last.set(key, expected.number)
    if (acknowledged) this.done.set(id, term)
  }

  /** The reader has stored its checkpoint: what came before stands in the log. */
  readUpTo(groups: number): void {
    for (; this.checkedGroups < groups; this.checkedGroups++) {
      for (const { id, share, change } of this.perGroup[this.checkedGroups]!) {
        if (this.log.timesOf(share, change.id) === 0)
          this.broken(4, `the reader has passed ${id}, which is not in the log`)
      }
    }
  }

  /** A share has stored its checkpoint behind this change, which is finished. */
  passed(share: number, event: string): void {
    for (const { id, share: own } of this.ofChange.get(event) ?? []) {
      if (own === share && !this.done.has(id)) this.broken(4, `share ${share} has passed ${id}, which is not finished`)
    }
  }

  ended(): void {
    const lost = [...this.expected.keys()].filter((id) => !this.done.has(id))
    if (lost.length > 0) this.broken(1, `${lost.length} lost, first ${lost[0]!}`)
    for (const [key, number] of this.last) {
      const newest = this.newest.get(key)!
      if (number < newest) this.broken(2, `${key} ends with ${number}, which is older than ${newest}`)
    }
  }

  broken(invariant: number, what: string): void {
    this.violation ??= new BrokenInvariant(`invariant ${invariant}: ${what}`)
  }

  /** After a crash of who had the share, or where a reader that came after a crash has appended it once more. */
  private mayRepeat(event: string, before: number, { share, term }: Holder): boolean {
    if (this.log.timesOf(share, event) > 1) return true
    return [...this.crashed[share]!].some((crashed) => crashed >= before && crashed < term)
  }

  private inOrder({ id, rule, number, keys }: Expected): void {
    const any = `${rule.id}/any`
    const statement = `${rule.id}/statement`
    const ahead = keys === null ? [any] : [statement, ...keys]
    for (const key of ahead) {
      const newest = this.newest.get(key) ?? -1
      if (newest > number) this.broken(2, `${id} (${number}) came after ${newest} of ${key}`)
    }
    for (const key of keys === null ? [any, statement] : [any, ...keys]) {
      this.newest.set(key, Math.max(this.newest.get(key) ?? -1, number))
    }
  }
}

function wants(rule: Rule, { op, table }: Change): boolean {
  return rule.listensTo(op, table.schema, table.name)
}

function of(rule: Rule, change: Change, shares: number): Expected {
  const number = change.transaction.offset * 1_000 + change.seq
  const isStatement = change.op === 'truncate'
  const both = change.op === 'update' ? [false, true] : [false]
  return {
    id: `${rule.id}/${change.id}`,
    rule,
    change,
    number,
    share: shareOf(rule, change, shares),
    keys: isStatement ? null : both.map((previous) => `${rule.id}/${jobKeyText(rule.key, change, previous)}`),
  }
}
