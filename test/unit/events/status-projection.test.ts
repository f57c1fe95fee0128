import { expect, test } from 'vitest'
import { StatusProjection } from '../../../src/events/status-projection.ts'
import { systemClock, type Clock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import { EventCounters } from '../../../src/model/event/posted/event-counters.ts'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import { PostedEvent } from '../../../src/model/event/posted/posted-event.ts'
import { silentLog } from '../../../src/model/silent-log.ts'
import type { ProgressUpdate } from '../../../src/model/state/event-provider.ts'
import { newEvent } from '../../support/events/new-event.ts'
import { heldBytes, keptBytes } from '../../support/heap.ts'
import { action, transaction } from '../../support/jobs.ts'

function setup() {
  const updates: ProgressUpdate[] = []
  const fail: BingoError[] = []
  const provider = {
    progress: async (more: readonly ProgressUpdate[]) => {
      const error = fail.shift()
      if (error !== undefined) throw error
      updates.push(...more)
    },
  }
  const counters = new EventCounters()
  const skipped = new WeakSet<object>()
  const waits: number[] = []
  let passedMs = 0
  const clock: Clock = Object.create(systemClock, {
    monotonicMs: { value: () => passedMs },
    afterIdle: {
      value: (ms: number, fn: () => void) => {
        waits.push(ms)
        return systemClock.afterIdle(ms, fn)
      },
    },
  }) as Clock
  const status = new StatusProjection({ provider, counters, clock, log: silentLog, skipped })
  const read = (id: string, actions: number) => {
    const { event } = newEvent(id)
    const posted = new PostedEvent(event, transaction(), 0)
    status.reads(posted)
    const jobs = Array.from({ length: actions }, (_, index) => {
      const plan = action({ index })
      if (index === 0) status.matched(plan.rule, posted)
      return new InFlightJob(plan, posted, null, 0, 0, { release: () => undefined }, null)
    })
    for (const job of jobs) status.began(job)
    status.hasRead(posted)
    return jobs
  }
  const hasPassed = (ms: number): void => void (passedMs += ms)
  return { updates, fail, counters, skipped, status, read, waits, hasPassed }
}

test('an event that no rule matches is completed, with no rules', async () => {
  const { status, read, updates, counters } = setup()
  read('none', 0)
  await status.flush()
  expect(updates).toMatchObject([{ id: 'none', status: 'completed', matched: 0, outcomes: [] }])
  expect(counters.processing.counts.reduce((a, b) => a + b)).toBe(1)
})

test('an event is processing until its last action has ended, and says what each of them did', async () => {
  const { status, read, updates, skipped } = setup()
  const [first, second] = read('two', 2)
  status.ended(first!, 'delivered')
  await status.flush()
  expect(updates.at(-1)).toMatchObject({ status: 'processing', matched: 1, outcomes: [{ action: 0, status: 'done' }] })
  skipped.add(second!)
  status.ended(second!, 'delivered')
  await status.flush()
  expect(updates.at(-1)).toMatchObject({
    status: 'completed',
    outcomes: [{ status: 'done' }, { action: 1, status: 'skipped' }],
  })
})

test('an event fails with what its dead letter says, and names it', async () => {
  const { status, read, updates } = setup()
  const [job] = read('bad', 1)
  job!.attempts = [{ at: 1, code: 'BINGO_HTTP_REJECTED', message: 'no' }]
  status.ended(job!, 'dead letter')
  await status.flush()
  expect(updates.at(-1)).toMatchObject({
    status: 'failed',
    error: 'BINGO_HTTP_REJECTED: no',
    outcomes: [{ status: 'failed', deadLetter: `bad#${job!.action.rule.id}#0` }],
  })
})

test('an event whose action is superseded by a newer one is done', async () => {
  const { status, read, updates } = setup()
  const [job] = read('old', 1)
  status.ended(job!, 'superseded')
  await status.flush()
  expect(updates.at(-1)).toMatchObject({ status: 'completed', outcomes: [{ status: 'done' }] })
})

test('an event of which something waits in a store is processing until the job that is made of it has ended', async () => {
  const { status, read, updates } = setup()
  const [job] = read('waits', 1)
  status.ended(job!, 'waiting')
  await status.flush()
  expect(updates.at(-1)).toMatchObject({ id: 'waits', status: 'processing', matched: 1 })
  const { event } = newEvent('waits')
  const again = new PostedEvent(event, transaction(), 0)
  const made = new InFlightJob(job!.action, again, null, 0, 0, { release: () => undefined }, null)
  status.ended(made, 'delivered')
  await status.flush()
  expect(updates.at(-1)).toMatchObject({ id: 'waits', status: 'completed', outcomes: [{ status: 'done' }] })
})

test('what could not be written is written later; what is refused for good is not tried again', async () => {
  const { status, read, updates, fail } = setup()
  fail.push(new BingoError('BINGO_LOG_UNREACHABLE', 'gone', { retryable: true }))
  read('later', 0)
  await status.flush()
  expect(updates.map(({ id }) => id)).toEqual(['later'])
  fail.push(new BingoError('BINGO_LOG_CORRUPT', 'broken'))
  read('never', 0)
  await status.flush()
  read('next', 0)
  await status.flush()
  expect(updates.map(({ id }) => id)).toEqual(['later', 'next'])
})

test('a status that comes after there was nothing to write is written', async () => {
  const { status, read, updates } = setup()
  read('first', 0)
  await status.flush()
  // The timer finds nothing to write.
  await new Promise((resolve) => setTimeout(resolve, 150))
  read('second', 0)
  await status.flush()
  expect(updates.map(({ id }) => id)).toEqual(['first', 'second'])
})

test('reading pauses while too many statuses wait, and goes on when they are written', async () => {
  const { status, read, fail } = setup()
  const reasons = new Set<object>()
  status.follows({ pause: (reason) => reasons.add(reason), resume: (reason) => reasons.delete(reason) })
  fail.push(new BingoError('BINGO_LOG_UNREACHABLE', 'gone', { retryable: true }))
  for (let i = 0; i < 10_001; i++) read(`e${i}`, 0)
  expect(reasons.size).toBe(1)
  await status.flush()
  expect(reasons.size).toBe(0)
})

test('more statuses than one write takes are written one write after the other, without a pause', async () => {
  const { read, updates, waits } = setup()
  for (let i = 0; i < 3_500; i++) read(String(i), 0)
  await expect.poll(() => updates.length, { timeout: 30_000 }).toBe(3_500)
  expect(waits).toEqual([100, 0, 0, 100])
})

test('an event that ends soon is written once, and one that runs for long is written as processing meanwhile', async () => {
  const { status, read, updates, hasPassed } = setup()
  const [soon] = read('soon', 1)
  const [long] = read('long', 1)
  await status.flushEnded()
  status.ended(soon!, 'delivered')
  await status.flushEnded()
  expect(updates.map(({ id, status: said }) => [id, said])).toEqual([['soon', 'completed']])
  hasPassed(1_000)
  await expect.poll(() => updates.at(-1), { timeout: 10_000 }).toMatchObject({ id: 'long', status: 'processing' })
  status.ended(long!, 'delivered')
  await status.flushEnded()
  expect(updates.at(-1)).toMatchObject({ id: 'long', status: 'completed' })
  expect(updates).toHaveLength(3)
})

test('a stop writes what still runs as well', async () => {
  const { status, read, updates } = setup()
  read('runs', 1)
  await status.close()
  expect(updates).toMatchObject([{ id: 'runs', status: 'processing' }])
})

test('events of an outbox are in no store, and have no status there', async () => {
  const { status, updates } = setup()
  const { event } = newEvent('of a row')
  const made = new PostedEvent({ ...event, context: { outbox: 'shop.outbox' } }, transaction(), 0)
  status.ended(new InFlightJob(action({}), made, null, 0, 0, { release: () => undefined }, null), 'delivered')
  await status.flush()
  expect(updates).toEqual([])
})

test('events that have ended are garbage while they are young: none of them is kept by another one that grew old', async () => {
  const { status, read, updates } = setup()
  const some = async (rounds: number, actions: number) => {
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 10; i++) for (const job of read(`${round}-${i}`, actions)) status.ended(job, 'delivered')
      await status.flushEnded()
      updates.length = 0
    }
  }
  for (const actions of [0, 1]) {
    await some(100, actions)
    // Whatever there is now is old.
    const before = heldBytes()
    let kept = 0
    for (let part = 0; part < 5; part++) {
      await some(200, actions)
      kept = keptBytes() - before
    }
    // 10,000 events of 1 kB and more each; what lives longer anyway takes 300 bytes.
    expect(kept).toBeLessThan(6_000_000)
  }
})
