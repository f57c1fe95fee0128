import { describe, expect, test } from 'vitest'
import { Redelivery } from '../../../../src/deliver/dead-letters/redelivery.ts'
import type { DeliveryFailure, Sendable, SendResult, Target } from '../../../../src/model/rule/action.ts'
import type { ActionPlan } from '../../../../src/model/rule/rule.ts'
import { systemClock } from '../../../../src/model/clock.ts'
import type { DeadLetter } from '../../../../src/model/delivery/dead-letter.ts'
import { BingoError } from '../../../../src/model/errors.ts'
import { toChangeEvent } from '../../../../src/model/event/forms/event-json.ts'
import { action, change } from '../../../support/jobs.ts'
import { rulesFrom } from '../../../support/rules-from-text.ts'

const plan = (overrides: Partial<ActionPlan> = {}): ActionPlan => {
  const own = action({ bind: () => (row) => row.new?.['id'], ...overrides })
  Object.assign(own.rule, { actions: [own] })
  return own
}

function failure(kind: DeliveryFailure['kind']): DeliveryFailure {
  return { kind, error: new BingoError('BINGO_TEST', `made ${kind}`) }
}

function letter({ rule, identity, parts, type, target }: ActionPlan, id = 1): DeadLetter {
  const event = toChangeEvent(change('update', { id, status: 0 }, { id, status: 1 }, id))
  return {
    id: `${event.id}#${rule.id}#${identity}`,
    event,
    ruleId: rule.id,
    ruleVersion: rule.version,
    actionIndex: 0,
    action: { identity, parts, ofRule: [identity] },
    actionType: type,
    target: target.id,
    rowKey: String(id),
    state: 'park',
    attempts: [],
    createdAt: 0,
  }
}

interface Options extends Partial<Target> {
  readonly plan?: ActionPlan
  readonly signal?: AbortSignal
  readonly open?: () => Promise<Target>
}

function redelivery(send: (jobs: readonly Sendable[]) => SendResult | Promise<SendResult>, options: Options = {}) {
  const { plan: own = plan(), signal = new AbortController().signal, open, ...overrides } = options
  const sizes: number[] = []
  const target: Target = {
    gather: 'all',
    maxBatch: 100,
    maxConcurrency: 1,
    send: async (jobs) => {
      sizes.push(jobs.length)
      await systemClock.sleep(1)
      return send(jobs)
    },
    close: () => Promise.resolve(),
    ...overrides,
  }
  const readAgain = () => Promise.reject(new Error('nothing is read again'))
  const deps = { ruleSet: { rules: [own.rule], files: [] }, clock: systemClock, readAgain, signal }
  const sender = new Redelivery({ ...deps, openTarget: open ?? (() => Promise.resolve(target)) })
  const sendAll = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, i) => sender.send(letter(own, i + 1))))
  return { sender, sizes, sendAll, own }
}

const codes = (results: readonly (DeliveryFailure | null)[]) => results.map((each) => each && each.error.message)

describe('A target that breaks its promise does not end a redelivery', () => {
  test('when its send rejects', async () => {
    const { sendAll } = redelivery(() => Promise.reject(new Error('a bug in the client')))
    expect(codes(await sendAll(2))).toEqual(['a bug in the client', 'a bug in the client'])
  })

  test('when its send throws at once', async () => {
    const { sendAll } = redelivery(() => undefined, {
      send: () => {
        throw new TypeError('x is not a function')
      },
    })
    expect(codes(await sendAll(2))).toEqual(['x is not a function', 'x is not a function'])
  })

  test('when it cannot be opened', async () => {
    const open = () => Promise.reject(new BingoError('BINGO_TEST', 'no way in'))
    const results = await redelivery(() => undefined, { open }).sendAll(2)
    expect(results.map((each) => each?.kind)).toEqual(['down', 'down'])
  })

  test('when opening it throws at once', async () => {
    const open = () => {
      throw new Error('no such type')
    }
    expect(codes(await redelivery(() => undefined, { open }).sendAll(1))).toEqual(['no such type'])
  })

  test('when it never answers and the redelivery is stopped', async () => {
    const stop = new AbortController()
    const { sendAll } = redelivery(() => new Promise<never>(() => undefined), { signal: stop.signal })
    const sent = sendAll(2)
    setImmediate(() => stop.abort())
    expect((await sent).map((each) => each?.error.code)).toEqual([
      'BINGO_REDELIVERY_STOPPED',
      'BINGO_REDELIVERY_STOPPED',
    ])
    expect((await sendAll(1))[0]?.error.code).toBe('BINGO_REDELIVERY_STOPPED')
  })
})

test('dead letters are sent in batches if the target supports that', async () => {
  const { sendAll, sizes } = redelivery(() => undefined)
  expect(new Set(await sendAll(250))).toEqual(new Set([null]))
  expect(sizes.reduce((a, b) => a + b)).toBe(250)
  expect(sizes.length).toBeLessThan(10)
})

test('each dead letter reports its own failure', async () => {
  const { sendAll } = redelivery((jobs) => jobs.map(({ payload }) => (payload === 2 ? failure('poison') : null)))
  expect(codes(await sendAll(3))).toEqual([null, 'made poison', null])
})

test('nothing more is sent once the target is down', async () => {
  const { sendAll, sizes } = redelivery((jobs) => jobs.map(() => failure('down')), { maxBatch: 2 })
  expect(new Set((await sendAll(5)).map((each) => each?.kind))).toEqual(new Set(['down']))
  const sends = sizes.length
  expect((await sendAll(1))[0]?.kind).toBe('down')
  expect(sizes.length).toBe(sends)
})

test('the rate limit of an action applies to a redelivery too', async () => {
  const { sendAll, sizes } = redelivery(() => undefined, { plan: plan({ ratePerSecond: 100 }) })
  await sendAll(20)
  // A tenth of a second's worth at once, the rest as the rate allows.
  expect(sizes[0]).toBeLessThanOrEqual(11)
  expect(sizes.reduce((a, b) => a + b)).toBe(20)
})

test('a dead letter whose action was removed is refused without being sent', async () => {
  const { sender, own, sizes } = redelivery(() => undefined)
  const other = { ...letter(own), action: { identity: 'gone', parts: { key: 'x' }, ofRule: ['gone'] } }
  expect((await sender.send(other))?.error.code).toBe('BINGO_ACTION_CHANGED')
  expect(sizes).toEqual([])
})

test('a target that asks for it learns what was removed from the store', async () => {
  const told: unknown[] = []
  const { sender, own } = redelivery(() => undefined, {
    afterRedelivery: async (jobs) => void told.push(...jobs.map(({ payload }) => payload)),
  })
  await sender.send(letter(own, 1))
  await sender.send(letter(own, 2))
  await sender.removed([letter(own, 2).id])
  expect(told).toEqual([2])
})

test('An action that had failed acts on both keys when the event gave the row another one by `key` of its rule', async () => {
  const [rule] = rulesFrom(
    'rules:\n  - {id: r, table: users, key: "{{status}}", actions: [{type: redis, cmd: DEL, key: "s:{{status}}"}]}',
  )
  const own = rule!.actions[0]!
  const sent: unknown[] = []
  const { sender } = redelivery(
    (jobs) => {
      sent.push(...jobs.map((job) => job.payload))
      return undefined
    },
    { plan: own },
  )
  expect(await sender.send({ ...letter(own), stage: 'payload' })).toBeNull()
  expect(sent).toEqual(['s:0', 's:1'])
})
