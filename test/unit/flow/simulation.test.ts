import { describe, expect, onTestFinished, test } from 'vitest'
import { TargetQueue } from '../../../src/deliver/queue/target-queue.ts'
import { FailureHandler } from '../../../src/deliver/failure-handler.ts'
import { Ticket, Watermark } from '../../../src/flow/checkpoint/watermark.ts'
import { CommitBuffer } from '../../../src/flow/reading/commit-buffer.ts'
import { GroupIntake } from '../../../src/flow/reading/intake.ts'
import { Router } from '../../../src/flow/router.ts'
import { Thresholds } from '../../../src/flow/thresholds/thresholds.ts'
import { DelayLine } from '../../../src/flow/windows/delay-line.ts'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import type { Prepared } from '../../../src/model/delivery/preparation.ts'
import { RevisedRecords } from '../../../src/waiting/newest.ts'
import { ReplayMark } from '../../../src/waiting/replay-mark.ts'
import { BrokenInvariant } from '../../simulation/ledger.ts'
import { simulate } from '../../simulation/simulate.ts'
import { inForm } from '../../support/forms.ts'

/** `npm run simulate` runs as many as one likes. */
const SEEDS = inForm({ short: 20, long: 200 })
const HANG_MS = 900_000

/** What the first broken promise was, of so many seeds; null when none was. */
async function firstBroken(seeds: number): Promise<string | null> {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await simulate(seed, { groups: 40, rows: 6 })
    } catch (error) {
      if (error instanceof BrokenInvariant) return error.message
      throw error
    }
  }
  return null
}

test(
  'all invariants hold over crashes, takeovers, reloads, outages and clock jumps',
  async () => {
    let effects = 0
    for (let seed = 1; seed <= SEEDS; seed++) effects += (await simulate(seed)).effects
    expect(effects).toBeGreaterThan(SEEDS * 100)
  },
  HANG_MS,
)

/** Replaces a method until the test is over. */
function put<T extends object>(prototype: T, name: keyof T & string, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(prototype, name)!
  Object.defineProperty(
    prototype,
    name,
    before.get === undefined ? { ...before, value } : { ...before, get: value as () => unknown },
  )
  onTestFinished(() => void Object.defineProperty(prototype, name, before))
}

type Loose = Record<string, (...args: unknown[]) => unknown> & Record<string, unknown>

function settledAtOnce(this: Loose & { next: { readUpToMs: number } | null }): void {
  if (this.next !== null) Object.assign(this, { settledMs: this.next.readUpToMs, next: null })
}

describe('A bug that is put in on purpose is found', () => {
  test.each<readonly [string, RegExp, () => void]>([
    [
      'jobs leave before the commit was read',
      /invariant 3/,
      () =>
        put(CommitBuffer.prototype, 'add', function (this: { router: Router }, job: InFlightJob) {
          this.router.route(job)
        }),
    ],
    [
      'the watermark passes transactions whose jobs are in flight',
      /invariant 4/,
      () =>
        put(Watermark.prototype, 'seal', function (this: Loose, ticket: Ticket<object>, end: object) {
          ticket.holds = 0
          Object.assign(ticket, { sealed: true, end, release: () => undefined })
          this['sweep']!()
        }),
    ],
    [
      'a job that is superseded takes its hold with it',
      /invariant (4|7)/,
      () => put(InFlightJob.prototype, 'absorb', () => undefined),
    ],
    [
      'jobs do not wait for what is ahead of them on other lanes',
      /invariant 2/,
      () => put(InFlightJob.prototype, 'isFirstEverywhere', () => true),
    ],
    [
      'rows that were handled before a connection broke are handled again',
      /invariant [25]/,
      () =>
        put(GroupIntake.prototype, 'begin', function (this: Loose, group: unknown) {
          Object.assign(this, { group, lastSeq: -1, skipUpTo: -1 })
        }),
    ],
    [
      'later events of a parked row overtake it',
      /invariant 2/,
      () => put(FailureHandler.prototype, 'endsUnsent', ({ failure }: InFlightJob) => failure !== null),
    ],
    [
      'a reload forgets what waits in windows',
      /invariant [127]/,
      () => put(Router.prototype, 'flushWindows', () => undefined),
    ],
    [
      'what is due leaves before everything was read that may cancel it',
      /invariant 3: (cancelled|rechecked)/,
      () => put(DelayLine.prototype as object as Loose, 'mayBeRevised', () => false),
    ],
    [
      'a change of a row does not come to what waits for it',
      /invariant [13]: rechecked/,
      () => put(RevisedRecords.prototype, 'changed', () => []),
    ],
    [
      'an action is sent although its `when`, which reads a lookup, does not hold',
      /invariant 3: looked-up/,
      () => {
        const { prepared } = InFlightJob.prototype
        put(InFlightJob.prototype, 'prepared', function (this: InFlightJob, found: Prepared) {
          prepared.call(
            this,
            found.tag === 'skip' ? { tag: 'ready', payload: this.action.bind(this.change.table)(this.change) } : found,
          )
        })
      },
    ],
    [
      'what was rolled back, or comes again, is counted all the same',
      /invariant [135]: counted/,
      () => put(Thresholds.prototype, 'discard', () => undefined),
    ],
    [
      'what a replay has not brought again yet leaves ahead of what it has',
      /invariant 2/,
      () => put(ReplayMark.prototype, 'mayMove', () => () => false),
    ],
    [
      'what was read again counts as stored while it waits in memory',
      /invariant 2/,
      () => put(ReplayMark.prototype as object as Loose, 'settle', settledAtOnce),
    ],
    ['a paused target is sent to', /paused/, () => put(TargetQueue.prototype, 'isPaused', () => false)],
  ])(
    '%s',
    async (_bug, expected, install) => {
      install()
      expect(await firstBroken(40)).toMatch(expected)
    },
    HANG_MS,
  )
})
