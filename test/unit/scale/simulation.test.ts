import { describe, expect, onTestFinished, test } from 'vitest'
import { Meetings } from '../../../src/scale/meetings.ts'
import { Pieces } from '../../../src/scale/pieces.ts'
import { ShareSource } from '../../../src/scale/share-source.ts'
import { BrokenInvariant } from '../../simulation/ledger.ts'
import { simulateShares, type SharesReport } from '../../simulation/shares/simulate-shares.ts'
import { inForm } from '../../support/forms.ts'

/** `npm run simulate -- --shares` runs as many as one likes. */
const SEEDS = inForm({ short: 8, long: 60 })
const HANG_MS = 900_000

async function firstBroken(seeds: number): Promise<string | null> {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await simulateShares(seed)
    } catch (error) {
      if (error instanceof BrokenInvariant) return error.message
      throw error
    }
  }
  return null
}

test(
  'all invariants hold while shares of a log move between workers that stop, die, and wake up behind their successors',
  async () => {
    const reports: SharesReport[] = []
    for (let seed = 1; seed <= SEEDS; seed++) reports.push(await simulateShares(seed))
    const sum = (of: 'effects' | 'moves' | 'crashes'): number => reports.reduce((total, each) => total + each[of], 0)
    expect(sum('effects')).toBeGreaterThan(SEEDS * 50)
    expect(sum('moves')).toBeGreaterThan(SEEDS)
    expect(sum('crashes')).toBeGreaterThan(SEEDS)
  },
  HANG_MS,
)

type Loose = Record<string, (...args: unknown[]) => unknown>

/** Replaces a method until the test is over. */
function put(prototype: object, name: string, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(prototype, name)!
  Object.defineProperty(prototype, name, { ...before, value })
  onTestFinished(() => void Object.defineProperty(prototype, name, before))
}

describe('A bug that is put in on purpose is found', () => {
  test.each<readonly [string, RegExp, () => void]>([
    [
      'shares do not wait for each other where a key changes',
      /invariant 2/,
      () => put(Meetings.prototype, 'untilAll', () => Promise.resolve()),
    ],
    [
      'a share says that it has come to a meeting before it is done with what came before',
      /invariant 2/,
      () => put(Meetings.prototype, 'finished', () => Promise.resolve()),
    ],
    [
      'what a reader has appended that was replaced counts',
      /invariant [25]/,
      () => {
        const change = (ShareSource.prototype as unknown as Loose)['take']!
        put(ShareSource.prototype, 'take', function (this: Loose, ...args: unknown[]) {
          Object.assign(this, { ordinal: null })
          return change.apply(this, args)
        })
      },
    ],
    [
      'records are lost between two reads',
      /invariant [147]/,
      () => {
        const add = (Pieces.prototype as unknown as Loose)['add']!
        let count = 0
        put(Pieces.prototype, 'add', function (this: Loose, body: unknown) {
          const text = add.call(this, body)
          return typeof text === 'string' && text.startsWith('["c"') && ++count % 37 === 0 ? null : text
        })
      },
    ],
  ])(
    '%s',
    async (_bug, expected, install) => {
      install()
      expect(await firstBroken(40)).toMatch(expected)
    },
    HANG_MS,
  )
})
