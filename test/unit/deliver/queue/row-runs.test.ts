import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../../../src/model/clock.ts'
import type { InFlightJob } from '../../../../src/model/delivery/in-flight-job.ts'
import { BingoError } from '../../../../src/model/errors.ts'
import type { DeliveryFailure, SendResult, Target } from '../../../../src/model/rule/action.ts'
import { createStats } from '../../../../src/model/stats.ts'
import { MemoryDeadLetterStore } from '../../../../src/state/dead-letters/memory-store.ts'
import { action, job } from '../../../support/jobs.ts'
import { fc } from '../../../support/properties.ts'
import { LINES, runOf } from '../../../support/row-runs.ts'
import { openQueues } from '../../../support/target-queues.ts'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

const retry = { attempts: 2, maxAgeMs: Infinity, minMs: 0, maxMs: 1 }
const PARKS = action({ target: LINES, onFailure: 'park', retry }, { id: 'parks' })
const SKIPS = action({ target: LINES, onFailure: 'skip', retry }, { id: 'skips' })

const REFUSED = 'refused'

function failure(kind: DeliveryFailure['kind']): DeliveryFailure {
  return { kind, error: new BingoError('BINGO_TEST', `made ${kind}`) }
}

interface Options {
  readonly ratePerSecond?: number
  readonly afterMs?: number
  readonly sendLog?: (fields: object) => void
  /** What becomes of the lines of one entry of a send; null: they are taken. */
  readonly answer?: (lines: readonly string[]) => DeliveryFailure | null
}

async function open({ ratePerSecond, afterMs = 60_000, sendLog, answer = () => null }: Options = {}) {
  const stats = createStats(1_000_000)
  const lines: string[] = []
  const sizes: number[] = []
  const deadLetters = new MemoryDeadLetterStore({ maxCount: 1_000, maxBytes: 1_000_000, maxAgeMs: Infinity })
  const spooled: InFlightJob[] = []
  let ended = 0
  const target: Target = {
    gather: 'all',
    maxBatch: 6,
    maxConcurrency: 1,
    send: async (sent): Promise<SendResult> => {
      await systemClock.sleep(0)
      sizes.push(sent.length)
      const result = sent.map(({ payload }) => answer(String(payload).split('\n')))
      for (const [i, { payload }] of sent.entries()) if (result[i] === null) lines.push(...String(payload).split('\n'))
      return result.every((each) => each === null) ? undefined : result
    },
    close: () => Promise.resolve(),
  }
  const plans = [PARKS, SKIPS].map(({ rule }) => rule)
  const { queues, close } = await openQueues({
    rules: { rules: plans, files: [] },
    stats,
    deadLetters,
    lanes: 16,
    openTarget: async () => target,
    spool: { afterMs, maxBytes: 1_000_000 },
    stored: (each) => spooled.push(each),
    ended: ({ count }) => void (ended += count),
    ...(sendLog && { logSends: sendLog }),
  })
  cleanUps.push(close)
  const config = { ...LINES, ...(ratePerSecond !== undefined && { ratePerSecond }) }
  const push = (each: InFlightJob): void => queues.push(config, each)
  const letters = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const { ruleId, event, state } of deadLetters.list({})) found.push(`${ruleId} ${event.seq} ${state}`)
    return found.sort()
  }
  const state = stats.budget.target(LINES)
  return { queues, push, lines, sizes, letters, state, spooled, ended: () => ended }
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !holds(); turn++) await systemClock.sleep(1)
  expect(holds()).toBe(true)
}

test('rows that go as one are one entry of a send, count one by one, and leave their buffers once they were taken', async () => {
  const { push, lines, sizes, state, ended } = await open()
  let left = 0
  const letGo = (): void => void (left += 1)
  push(runOf({ ids: [1, 2, 3], action: PARKS, letGo }))
  push(job({ id: 4, seq: 3, action: PARKS, payload: '4' }))
  push(runOf({ ids: [5, 6], firstSeq: 4, action: SKIPS, letGo }))
  expect(state.queued).toBe(6)
  await until(() => ended() === 6)
  expect(lines).toEqual(['1', '2', '3', '4', '5', '6'])
  expect(sizes).toEqual([3])
  expect(left).toBe(2)
  expect(state).toMatchObject({ queued: 0, ended: 6, counters: { sendsTotal: 1, deliveredTotal: 6, failedTotal: 0 } })
})

test('rows that go as one stay one while the target is down', async () => {
  let sends = 0
  const { push, lines, sizes, state, ended } = await open({ answer: () => (++sends < 3 ? failure('down') : null) })
  push(runOf({ ids: [1, 2, 3], action: PARKS }))
  await until(() => ended() === 3)
  expect(lines).toEqual(['1', '2', '3'])
  expect(sizes).toEqual([1, 1, 1])
  expect(state.counters).toMatchObject({ deliveredTotal: 3, failedTotal: 6, retriedTotal: 6, givenUpTotal: 0 })
})

test('the log of sends names each of the rows that went as one', async () => {
  const said: object[] = []
  const { push, ended } = await open({ sendLog: (fields) => said.push(fields) })
  push(runOf({ ids: [1, 2], action: PARKS }))
  await until(() => ended() === 2)
  expect(said).toMatchObject([{ events: [expect.stringMatching(/:1\/0$/), expect.stringMatching(/:1\/1$/)] }])
})

test('rows that go as one wait in the store one by one, and come from there in order', async () => {
  const { queues, push, lines, spooled, ended, state } = await open({ afterMs: 1 })
  queues.setPaused(LINES.id, 1)
  push(runOf({ ids: [1, 2, 3], action: PARKS }))
  await until(() => spooled.length === 3)
  push(runOf({ ids: [4, 5], firstSeq: 3, action: PARKS }))
  await until(() => spooled.length === 5)
  expect(state.queued).toBe(0)
  queues.setPaused(LINES.id, 0)
  await until(() => ended() === 5)
  expect(lines).toHaveLength(5)
})

test('rows that went as one are counted one by one for a limit that came later', async () => {
  const { queues, push, lines, sizes, ended } = await open()
  queues.setPaused(LINES.id, 1)
  push(runOf({ ids: [1, 2, 3], action: PARKS }))
  const limited = { ...PARKS, target: { ...LINES, ratePerSecond: 1_000 } }
  queues.prepare({ rules: [{ ...PARKS.rule, actions: [limited] }], files: [] })
  queues.setPaused(LINES.id, 0)
  await until(() => ended() === 3)
  expect(lines).toEqual(['1', '2', '3'])
  expect(sizes.reduce((all, size) => all + size)).toBe(3)
})

test('rows that go as one to a target that is dropped are dead letters one by one', async () => {
  const { queues, push, letters, ended } = await open()
  queues.setPaused(LINES.id, 1)
  push(runOf({ ids: [1, 2, 3], action: SKIPS }))
  queues.prepare({ rules: [], files: [] })
  expect(queues.drop(LINES.id)).toEqual({ dropped: 3 })
  await until(() => ended() === 3)
  expect(await letters()).toEqual(['skips 0 skip', 'skips 1 skip', 'skips 2 skip'])
})

test('of rows that go as one those of a parked key join it, as each would by itself', async () => {
  const piece = fc.record({
    ids: fc.array(fc.nat(6), { minLength: 1, maxLength: 5 }),
    skips: fc.boolean(),
    // The target refuses single lines only: it takes or leaves what comes as one.
    refused: fc.boolean(),
  })
  const answer = ([line]: readonly string[]): DeliveryFailure | null => (line === REFUSED ? failure('poison') : null)
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 12 }), async (history) => {
      const [runs, singles] = [await open({ answer }), await open({ answer })]
      let seq = 0
      for (const { ids, skips, refused } of history) {
        const plan = skips ? SKIPS : PARKS
        if (ids.length > 1) runs.push(runOf({ ids, firstSeq: seq, action: plan }))
        for (const id of ids) {
          const payload = refused && ids.length === 1 ? REFUSED : `${id}`
          if (ids.length === 1) runs.push(job({ id, seq, action: plan, payload }))
          singles.push(job({ id, seq, action: plan, payload }))
          seq += 1
        }
      }
      await until(() => runs.ended() === seq && singles.ended() === seq)
      expect(await runs.letters()).toEqual(await singles.letters())
      expect(runs.state.counters.deliveredTotal).toBe(singles.state.counters.deliveredTotal)
    }),
    { numRuns: 60 },
  )
})
