import { expect, test } from 'vitest'
import type { Sendable, SendResult, Target } from '../../../../src/model/rule/action.ts'
import { BingoError } from '../../../../src/model/errors.ts'
import type { Permit } from '../../../../src/model/state/lease.ts'
import { GuardedDeadLetters, GuardedPositions, GuardedTarget } from '../../../../src/app/standby/guarded.ts'
import { NO_GAPS } from '../../../../src/model/event/gap.ts'
import { SourceRecords } from '../../../../src/state/checkpoint/source-record.ts'
import { MemoryStateStore } from '../../../../src/state/memory/state-store.ts'
import { MemoryDeadLetterStore } from '../../../../src/state/dead-letters/memory-store.ts'
import { job } from '../../../support/jobs.ts'

const { signal } = new AbortController()
const LOST = new BingoError('BINGO_LEASE_LOST', 'another leads')

/** A permit that is asked for, and given or refused when the test says so. */
class ManualPermit implements Permit {
  valid = false
  asked = 0
  private readonly answer = Promise.withResolvers<void>()

  granted(): Promise<void> {
    this.asked += 1
    return this.answer.promise
  }

  give(): void {
    this.valid = true
    this.answer.resolve()
  }

  refuse(): void {
    this.answer.reject(LOST)
  }
}

class CountingTarget implements Target {
  readonly gather = 'lane'
  readonly maxBatch = 10
  readonly maxConcurrency = 1
  sent = 0

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    this.sent += jobs.length
    return undefined
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

test('a target with a permit sends at once, without asking the store', async () => {
  const permit = new ManualPermit()
  permit.give()
  const target = new CountingTarget()
  expect(await new GuardedTarget(target, permit).send([job()], signal)).toBeUndefined()
  expect([target.sent, permit.asked]).toEqual([1, 0])
})

test('a target whose permit has expired waits for a new one with its batch', async () => {
  const permit = new ManualPermit()
  const target = new CountingTarget()
  const sending = new GuardedTarget(target, permit).send([job(), job()], signal)
  await Promise.resolve()
  expect([target.sent, permit.asked]).toEqual([0, 1])
  permit.give()
  expect(await sending).toBeUndefined()
  expect(target.sent).toBe(2)
})

test('a target of an instance that was replaced sends nothing, and blames no event', async () => {
  const permit = new ManualPermit()
  const target = new CountingTarget()
  const sending = new GuardedTarget(target, permit).send([job()], signal)
  permit.refuse()
  expect(await sending).toEqual([{ kind: 'down', error: LOST }])
  expect(target.sent).toBe(0)
})

test('who asks a target for its answer waits for the permit as well', async () => {
  const asking = (): CountingTarget & Required<Pick<Target, 'ask'>> =>
    Object.assign(new CountingTarget(), { ask: () => Promise.resolve({ tag: 'done', value: 7 } as const) })
  const [given, refused] = [new ManualPermit(), new ManualPermit()]
  const answer = new GuardedTarget(asking(), given).ask!(job(), signal)
  expect(given.asked).toBe(1)
  given.give()
  expect(await answer).toEqual({ tag: 'done', value: 7 })
  refused.refuse()
  expect(await new GuardedTarget(asking(), refused).ask!(job(), signal)).toEqual({ kind: 'down', error: LOST })
})

test('an instance that was replaced writes neither dead letters nor checkpoints', async () => {
  const permit = new ManualPermit()
  permit.refuse()
  const letters = new MemoryDeadLetterStore({ maxCount: 10, maxBytes: 1_000, maxAgeMs: Infinity })
  await expect(new GuardedDeadLetters(letters, permit).add([])).rejects.toBe(LOST)
  const records = new SourceRecords(new MemoryStateStore(), 'bingo', 'shop')
  const positions = new GuardedPositions(records, permit)
  await expect(positions.save({ position: '{}', savedAt: 0, epoch: 1, gaps: NO_GAPS })).rejects.toBe(LOST)
  expect(await records.load()).toBeNull()
})

test('what is wrapped is left as it was, and what it cannot do is not offered', async () => {
  const permit = new ManualPermit()
  const target = new CountingTarget()
  const guarded = new GuardedTarget(target, permit)
  await target.send([job()])
  expect(permit.asked).toBe(0)
  expect(guarded).toMatchObject({ gather: 'lane', maxBatch: 10, maxConcurrency: 1 })
  expect([guarded.beforeDeadLetter, guarded.afterRedelivery, guarded.ask]).toEqual([undefined, undefined, undefined])
  const told: number[] = []
  const remembering = Object.assign(new CountingTarget(), {
    afterRedelivery: async (jobs: readonly Sendable[]) => void told.push(jobs.length),
  })
  await new GuardedTarget(remembering, permit).afterRedelivery!([job(), job()])
  expect(told).toEqual([2])
})
