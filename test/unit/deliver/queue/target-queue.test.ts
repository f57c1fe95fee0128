import { expect, test } from 'vitest'
import { FailureHandler } from '../../../../src/deliver/failure-handler.ts'
import { TargetQueue } from '../../../../src/deliver/queue/target-queue.ts'
import type { DeliveryFailure, Log, SendResult, Target } from '../../../../src/model/rule/action.ts'
import type { ActionPlan } from '../../../../src/model/rule/rule.ts'
import { systemClock } from '../../../../src/model/clock.ts'
import { SampledLog } from '../../../../src/model/sampled-log.ts'
import type { DeadLetter, DeadLetterStore } from '../../../../src/model/delivery/dead-letter.ts'
import { BingoError, EvaluationError } from '../../../../src/model/errors.ts'
import type { WriteLine } from '../../../../src/deliver/queue/send-log.ts'
import { TargetState } from '../../../../src/model/delivery/target-state.ts'
import { InFlightJob } from '../../../../src/model/delivery/in-flight-job.ts'
import { action, change, CountingHold, job, silentLog, target as targetConfig } from '../../../support/jobs.ts'
import { fc } from '../../../support/properties.ts'

const LANES = 4

function failure(kind: DeliveryFailure['kind']): DeliveryFailure {
  return { kind, error: new BingoError('BINGO_TEST', `made ${kind}`) }
}

/** Keeps letters in an array; enough of a store to see what was buried and when. */
class ArrayStore implements DeadLetterStore {
  readonly description = 'array'
  readonly letters: DeadLetter[] = []
  add(letters: readonly DeadLetter[]): Promise<readonly string[]> {
    this.letters.push(...letters)
    return Promise.resolve([])
  }
  parkedKeys(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set())
  }
  async *list(): AsyncIterable<DeadLetter> {
    yield* this.letters
  }
  remove(): Promise<number> {
    return Promise.resolve(0)
  }
  count(): Promise<number> {
    return Promise.resolve(this.letters.length)
  }
  lease(): Promise<AsyncDisposable> {
    return Promise.reject(new Error('nobody retries here'))
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}

type Send = (jobs: readonly InFlightJob[]) => Promise<SendResult> | SendResult

async function openQueue(
  send: Send,
  options: Partial<Target> = {},
  logSends: WriteLine | null = null,
  log = silentLog,
) {
  const store = new ArrayStore()
  const ended: { job: InFlightJob; delivered: boolean }[] = []
  const abort = new AbortController()
  const deps = {
    store,
    clock: systemClock,
    log: silentLog,
    repeats: new SampledLog(silentLog, systemClock),
    signal: abort.signal,
    ruleStats: () => ({
      matchedTotal: 0,
      actionsTotal: 0,
      deliveredTotal: 0,
      coalescedTotal: 0,
      errorsTotal: 0,
      deadLettersTotal: 0,
    }),
    stats: { blockedSince: 0, blockedBy: null },
  }
  const failures = await FailureHandler.open(deps, abort.signal)
  const target: Target = {
    gather: 'all',
    maxBatch: 1000,
    maxConcurrency: 4,
    send: async (jobs) => send(jobs as readonly InFlightJob[]),
    close: () => Promise.resolve(),
    ...options,
  }
  const state = new TargetState(targetConfig)
  const queue = new TargetQueue({
    config: targetConfig,
    lanes: LANES,
    open: () => Promise.resolve(target),
    undelivered: failures,
    clock: systemClock,
    log,
    repeats: new SampledLog(log, systemClock),
    logSends,
    state,
    signal: abort.signal,
    onEnd: (each, delivered) => ended.push({ job: each, delivered }),
  })
  const drained = async () => {
    while (!queue.idle) await systemClock.sleep(1)
  }
  return { queue, store, ended, state, drained, abort }
}

test('jobs that queue up while a send is in flight go out together', async () => {
  const sizes: number[] = []
  const { queue, drained } = await openQueue(async (jobs) => {
    sizes.push(jobs.length)
    await systemClock.sleep(5)
    return undefined
  })
  queue.push(job({ id: 1 }))
  await systemClock.sleep(1)
  for (let id = 2; id <= 100; id++) queue.push(job({ id, lane: id % LANES }))
  await drained()
  expect(sizes[0]).toBe(1)
  expect(sizes.length).toBeLessThan(5)
  expect(sizes.reduce((a, b) => a + b)).toBe(100)
})

test('a lane target receives consecutive jobs of one action and one lane', async () => {
  const sends: { actions: number; lanes: number }[] = []
  const { queue, drained } = await openQueue(
    (jobs) => {
      sends.push({ actions: new Set(jobs.map((j) => j.action)).size, lanes: new Set(jobs.map((j) => j.lane)).size })
      return undefined
    },
    { gather: 'lane' },
  )
  const actions = [action(), action()]
  for (let i = 0; i < 40; i++) queue.push(job({ id: i, lane: i % LANES, action: actions[i % 3 === 0 ? 0 : 1]! }))
  await drained()
  expect(sends.every((each) => each.actions === 1 && each.lanes === 1)).toBe(true)
})

test('a hold is released only when the target has acknowledged', async () => {
  let acknowledge: () => void = () => undefined
  const { queue, drained } = await openQueue(async () => {
    await new Promise<void>((resolve) => (acknowledge = resolve))
    return undefined
  })
  const hold = new CountingHold()
  queue.push(job({ hold }))
  await systemClock.sleep(5)
  expect(hold.released).toBe(0)
  acknowledge()
  await drained()
  expect(hold.released).toBe(1)
})

test('a target that is down gets everything in order once it is up, and nothing goes to the dead letters', async () => {
  let sends = 0
  const seen: unknown[] = []
  const { queue, store, state, drained } = await openQueue((jobs) => {
    sends += 1
    if (sends <= 2) return jobs.map(() => failure('down'))
    seen.push(...jobs.map((each) => each.change.seq))
    return undefined
  })
  for (let seq = 0; seq < 10; seq++) queue.push(job({ id: 1, seq }))
  await drained()
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(store.letters).toEqual([])
  expect(state.downSince).toBe(0)
})

test('a poison message parks its key: later events of the key join it, others are delivered', async () => {
  const seen: string[] = []
  const { queue, store, drained } = await openQueue((jobs) =>
    jobs.map((each) => {
      if (each.change.seq === 0) return failure('poison')
      seen.push(each.key.split('\0').at(-1)!)
      return null
    }),
  )
  const park = action({ onFailure: 'park' })
  queue.push(job({ id: 1, seq: 0, action: park }))
  await drained()
  queue.push(job({ id: 1, seq: 1, action: park }))
  queue.push(job({ id: 2, seq: 2, action: park }))
  await drained()
  expect(seen).toEqual(['2'])
  expect(store.letters.map((letter) => [letter.event.seq, letter.state])).toEqual([
    [0, 'park'],
    [1, 'parked'],
  ])
})

test('with skip a poison message goes to the dead letters and later events of its key are delivered', async () => {
  const seen: number[] = []
  const { queue, store, drained } = await openQueue((jobs) =>
    jobs.map((each) => {
      if (each.change.seq === 0) return failure('poison')
      seen.push(each.change.seq)
      return null
    }),
  )
  const skip = action({ onFailure: 'skip' })
  for (let seq = 0; seq < 3; seq++) queue.push(job({ id: 1, seq, action: skip }))
  await drained()
  expect([...new Set(seen)]).toEqual([1, 2])
  expect(store.letters.map((letter) => letter.state)).toEqual(['skip'])
})

test('with block a failing message holds its lane until it is accepted', async () => {
  let failures = 0
  const seen: number[] = []
  const { queue, store, drained } = await openQueue((jobs) =>
    jobs.map((each) => {
      if (each.change.seq === 0 && failures < 5) {
        failures += 1
        return failure('poison')
      }
      seen.push(each.change.seq)
      return null
    }),
  )
  const block = action({ onFailure: 'block' })
  for (let seq = 0; seq < 3; seq++) queue.push(job({ id: 1, seq, action: block }))
  await drained()
  // What had gone out with the failing one is sent again once, behind it.
  expect(seen).toEqual([1, 2, 0, 1, 2])
  expect(store.letters).toEqual([])
})

test('a change that could not be rendered goes to the dead letters in its turn', async () => {
  const { queue, store, ended, drained } = await openQueue(() => undefined)
  queue.push(job({ id: 1, failure: new EvaluationError('BINGO_TEMPLATE_NULL', 'email is NULL') }))
  queue.push(job({ id: 2 }))
  await drained()
  expect(store.letters.map((letter) => letter.attempts[0]!.code)).toEqual(['BINGO_TEMPLATE_NULL'])
  expect(ended.filter((each) => each.delivered)).toHaveLength(1)
})

test('the second action of a rule starts when the first has ended', async () => {
  const log: string[] = []
  const sender = (name: string) => async () => {
    log.push(`${name} starts`)
    await systemClock.sleep(5)
    log.push(`${name} ends`)
    return undefined
  }
  const first = await openQueue(sender('first'))
  const second = await openQueue(sender('second'))
  const a = job({ id: 1 })
  const b = job({ id: 1 })
  b.follow(a)
  second.queue.push(b)
  first.queue.push(a)
  await first.drained()
  await second.drained()
  expect(log).toEqual(['first starts', 'first ends', 'second starts', 'second ends'])
})

test('a changed primary key waits for its previous lane, and that lane waits for it', async () => {
  const seen: string[] = []
  const { queue, drained } = await openQueue(async (jobs) => {
    await systemClock.sleep(2)
    for (const each of jobs) seen.push(String(each.payload))
    return undefined
  })
  queue.push(job({ id: 1, lane: 0, payload: 'previous before' }))
  const moved = job({ id: 2, lane: 1, payload: 'moved' })
  const placeholder = new InFlightJob(moved.action, moved.change, undefined, 0, 0, new CountingHold(), null)
  moved.holdPlaceBy(placeholder)
  queue.push(placeholder)
  queue.push(moved)
  queue.push(job({ id: 1, lane: 0, payload: 'previous after' }))
  await drained()
  expect(seen).toEqual(['previous before', 'moved', 'previous after'])
})

test('what concerns two keys is sent apart: the failure of what comes before it on the lane holds it back', async () => {
  const seen: string[] = []
  let fails = true
  const { queue, drained } = await openQueue((jobs) => {
    for (const each of jobs) seen.push(String(each.payload))
    if (!fails) return undefined
    fails = false
    return jobs.map(() => ({ kind: 'unknown', error: new BingoError('BINGO_TEST', 'made unknown') }) as const)
  })
  const moved = job({ id: 2, payload: 'moved' })
  moved.apart = true
  queue.push(job({ id: 1, payload: 'inserted' }))
  queue.push(moved)
  queue.push(job({ id: 1, payload: 'inserted again' }))
  await drained()
  expect(seen).toEqual(['inserted', 'inserted', 'moved', 'inserted again'])
})

test('a rate limit holds jobs back and loses none', async () => {
  const { queue, ended, drained } = await openQueue(() => undefined)
  const slow = action({ ratePerSecond: 200 })
  for (let id = 0; id < 60; id++) queue.push(job({ id, lane: id % LANES, action: slow }))
  await systemClock.sleep(20)
  expect(ended.length).toBeLessThan(60)
  await drained()
  expect(ended).toHaveLength(60)
})

/** One random history: jobs over few keys, a target that fails and dawdles at random. */
interface History {
  readonly jobs: readonly { readonly key: number; readonly onFailure: ActionPlan['onFailure'] }[]
  readonly answers: readonly ('ok' | 'down' | 'unknown' | 'poison')[]
  readonly gather: Target['gather']
}

const histories: fc.Arbitrary<History> = fc.record({
  jobs: fc.array(
    fc.record({ key: fc.nat(5), onFailure: fc.constantFrom('park' as const, 'skip' as const, 'block' as const) }),
    { maxLength: 60 },
  ),
  answers: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant('ok' as const) },
      { weight: 1, arbitrary: fc.constantFrom('down' as const, 'unknown' as const, 'poison' as const) },
    ),
    { minLength: 1, maxLength: 40 },
  ),
  gather: fc.constantFrom('all' as const, 'lane' as const),
})

/** Retries at once: the property is about order, not about waiting. */
const quick = { attempts: 3, maxAgeMs: 60_000, minMs: 0, maxMs: 1 }

test('whatever fails, nothing is lost and the last delivery of each event keeps the order of its key', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async ({ jobs, answers, gather }) => {
      let calls = 0
      const delivered = new Map<string, number[]>()
      const { queue, store, ended, drained } = await openQueue(
        async (batch) => {
          if (calls % 3 === 0) await systemClock.sleep(0)
          const results = batch.map((each) => {
            const answer = calls < 200 ? answers[calls++ % answers.length]! : 'ok'
            if (answer !== 'ok') return failure(answer === 'down' ? 'unknown' : answer)
            const key = each.key
            const before = (delivered.get(key) ?? []).filter((seq) => seq !== each.change.seq)
            delivered.set(key, [...before, each.change.seq])
            return null
          })
          return results.every((result) => result === null) ? undefined : results
        },
        { gather },
      )
      const plans = new Map(
        (['park', 'skip', 'block'] as const).map((onFailure) => [
          onFailure,
          action({ onFailure, retry: quick }, { id: onFailure }),
        ]),
      )
      const holds = jobs.map(() => new CountingHold())
      jobs.forEach(({ key, onFailure }, seq) => {
        const plan = plans.get(onFailure)!
        const at = change('update', { id: key, status: 0 }, { id: key, status: 1 }, seq)
        queue.push(new InFlightJob(plan, at, `key:${key}`, key % LANES, 1, holds[seq]!, null))
      })
      await drained()
      const buried = store.letters.map((letter) => letter.event.seq)
      const arrived = [...delivered.values()].flat()
      expect(new Set([...buried, ...arrived])).toEqual(new Set(jobs.keys()))
      expect(ended).toHaveLength(jobs.length)
      expect(holds.every((hold) => hold.released === 1)).toBe(true)
      // What went out once behind a failed event, and was given up when its turn came again, waits in the dead letters.
      for (const seqs of delivered.values()) {
        const last = seqs.filter((seq) => !buried.includes(seq))
        expect(last).toEqual(last.toSorted((a, b) => a - b))
      }
    }),
    { numRuns: 60 },
  )
})

test('each failed attempt counts, and an event that is given up counts once', async () => {
  let sends = 0
  const { queue, drained, state } = await openQueue((jobs) => {
    sends += 1
    return jobs.map(({ change: { new: row } }) => (row!['id'] === 2 ? null : failure(sends < 3 ? 'unknown' : 'poison')))
  })
  for (const id of [1, 2]) queue.push(job({ id, lane: 0 }))
  await drained()
  expect(state.counters).toMatchObject({
    sendsTotal: 3,
    failedTotal: 3,
    retriedTotal: 2,
    givenUpTotal: 1,
    deliveredTotal: 1,
  })
})

test('attempts at a target that is down count as failed ones, and nothing is given up', async () => {
  let sends = 0
  const { queue, drained, state } = await openQueue((jobs) => {
    sends += 1
    return sends < 3 ? jobs.map(() => failure('down')) : undefined
  })
  for (const id of [1, 2]) queue.push(job({ id, lane: 0 }))
  await drained()
  expect(state.counters).toMatchObject({ failedTotal: 4, givenUpTotal: 0, deliveredTotal: 2 })
})

test('each send gives a line per action and status, which names its events', async () => {
  const lines: object[] = []
  const { queue, drained, state } = await openQueue(
    (jobs) => jobs.map((each) => (each.change.seq === 2 ? failure('poison') : null)),
    {},
    (fields) => lines.push(fields),
  )
  for (const seq of [1, 2])
    queue.push(job({ id: seq, seq, action: action({ onFailure: 'skip' }, { id: `rule${seq}` }) }))
  await drained()
  expect(lines).toMatchObject([
    { rule: 'rule1', action: 'fake', target: 'fake', status: 'delivered', events: [expect.stringMatching(/\/1$/)] },
    { rule: 'rule2', action: 'fake', target: 'fake', status: 'BINGO_TEST', events: [expect.stringMatching(/\/2$/)] },
  ])
  expect([...state.counters.failures]).toEqual([['BINGO_TEST', 1]])
  expect(state.counters.sendTimes.counts.reduce((a, b) => a + b)).toBe(1)
})

test('The end of retrying is told once, with the attempts that it took, and nothing is told where none failed', async () => {
  const lines: string[] = []
  const log: Log = { ...silentLog, info: (_fields, message) => void lines.push(message.replace(/\d+ m?s$/, '…')) }
  let left = 2
  const { queue, drained } = await openQueue(
    () => (left-- > 0 ? [failure('unknown')] : undefined),
    { maxBatch: 1 },
    null,
    log,
  )
  const plan = action({ retry: { attempts: Infinity, maxAgeMs: Infinity, minMs: 1, maxMs: 2 } })
  for (let i = 0; i < 3; i++) queue.push(job({ id: i, lane: 0, action: plan }))
  await drained()
  expect(lines).toEqual(['retrying', 'retrying', 'recovered after 3 attempts / …'])
})
