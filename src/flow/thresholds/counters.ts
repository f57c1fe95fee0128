import type { RuleSet } from '../../model/rule/rule-set.ts'
import { Decimal } from '../../rules/language/decimal.ts'
import type { GroupCount } from './sliding-count.ts'

/** The groups of one rule, least recently counted first. */
export interface RuleCount {
  /** Of the threshold that they were counted by. */
  readonly version: string
  readonly groups: Map<string, GroupCount>
}

/** By rule id. */
export type Counts = Map<string, RuleCount>

type StoredBucket = readonly [at: number, count: number, sum?: string]
type StoredGroup = readonly [by: string, firedAt: number, buckets: readonly StoredBucket[]]

interface Stored {
  readonly version: string
  readonly groups: readonly StoredGroup[]
}

export function printCounts(counts: Counts): string {
  const rules = [...counts].map(([id, { version, groups }]): [string, Stored] => [
    id,
    {
      version,
      groups: [...groups].map(([by, { firedAt, buckets }]) => [
        by,
        firedAt,
        buckets.map(({ at, count, sum }) => (sum === null ? [at, count] : [at, count, sum.toString()])),
      ]),
    },
  ])
  return JSON.stringify(Object.fromEntries(rules))
}

export function parseCounts(text: string): Counts {
  const rules = Object.entries(JSON.parse(text) as { readonly [id: string]: Stored })
  return new Map(
    rules.map(([id, { version, groups }]) => [
      id,
      { version, groups: new Map(groups.map(([by, firedAt, buckets]) => [by, groupOf(firedAt, buckets)])) },
    ]),
  )
}

function groupOf(firedAt: number, buckets: readonly StoredBucket[]): GroupCount {
  return {
    firedAt,
    buckets: buckets.map(([at, count, sum]) => ({ at, count, sum: sum === undefined ? null : Decimal.of(sum)! })),
  }
}

/** Counters of rules that are gone, or count otherwise by now, are dropped. */
export function keepOnly(counts: Counts, { rules }: RuleSet): void {
  const versions = new Map(rules.map(({ id, threshold }) => [id, threshold?.version]))
  for (const [id, { version }] of counts) if (versions.get(id) !== version) counts.delete(id)
}
