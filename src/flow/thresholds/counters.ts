import { type Check, listOf, mapOf, number, text, tupleOf, valuesOf } from '../../model/json/shape.ts'
import { readStored } from '../../model/json/stored.ts'
import { stateCorrupt } from '../../model/state/state-value.ts'
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

const SUM: Check = (value) =>
  value === undefined || (typeof value === 'string' && Decimal.of(value) !== undefined) ? null : ' is not a decimal'
const GROUP = tupleOf(text, number, listOf(tupleOf(number, number, SUM)))
const COUNTS = valuesOf(mapOf({ version: text, groups: listOf(GROUP) }))

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

/** Throws BINGO_STATE_CORRUPT for what was not printed here. */
export function parseCounts(stored: string): Counts {
  const rules = Object.entries(readStored<{ readonly [id: string]: Stored }>(stored, COUNTS, countsCorrupt))
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

function countsCorrupt(fault: string, cause?: unknown): Error {
  return stateCorrupt('the counts of thresholds', fault, cause)
}

/** Counters of rules that are gone, or count otherwise by now, are dropped. */
export function keepOnly(counts: Counts, { rules }: RuleSet): void {
  const versions = new Map(rules.map(({ id, threshold }) => [id, threshold?.version]))
  for (const [id, { version }] of counts) if (versions.get(id) !== version) counts.delete(id)
}
