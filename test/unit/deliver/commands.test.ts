import { afterEach, describe, expect, test } from 'vitest'
import type { CommandAnswer } from '../../../src/model/delivery/commands.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { DeliveryFailure, Outcome, Sendable, Target } from '../../../src/model/rule/action.ts'
import type { ActionPlan } from '../../../src/model/rule/rule.ts'
import { createStats } from '../../../src/model/stats.ts'
import { Life, SimClock } from '../../simulation/sim-clock.ts'
import { heldBytes } from '../../support/heap.ts'
import { action, job } from '../../support/jobs.ts'
import { openQueues } from '../../support/target-queues.ts'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

const CONFIG = { id: 'crm', type: 'fake', options: {} }
const TIMED_OUT: DeliveryFailure = { kind: 'down', timedOut: true, error: new BingoError('BINGO_TEST', 'made none') }
const DOWN: DeliveryFailure = { kind: 'down', error: new BingoError('BINGO_TEST', 'made down') }

interface Options {
  readonly rate?: number
  readonly concurrency?: number
  /** Acknowledges only, and takes several in one send. */
  readonly isPipe?: boolean
  readonly answer?: (id: string) => Outcome
  /** Milliseconds until one is answered. */
  readonly takesMs?: (id: string) => number
}

/** What was sent, and when. */
interface Sent {
  readonly id: string
  readonly atMs: number
}

async function open(options: Options = {}) {
  const { rate, concurrency = 4, isPipe = false, answer = DONE, takesMs = () => 2 } = options
  const sim = new SimClock()
  const clock = sim.of(new Life())
  const target = { ...CONFIG, ...(rate !== undefined && { ratePerSecond: rate }) }
  const plan = action({ target })
  const rules = { rules: [plan.rule], files: [] }
  const stats = createStats(1_000_000)
  const sent: Sent[] = []
  const batches: number[] = []
  const answers = new Map<string, CommandAnswer>()
  let sending = 0
  let mostSending = 0
  const take = async (jobs: readonly Sendable[]): Promise<Outcome[]> => {
    sending += 1
    mostSending = Math.max(mostSending, sending)
    batches.push(jobs.length)
    sent.push(...jobs.map(({ id }) => ({ id, atMs: sim.monotonicMs })))
    await clock.sleep(Math.max(...jobs.map(({ id }) => takesMs(id))))
    sending -= 1
    return jobs.map(({ id }) => answer(id))
  }
  const pipe: Target = {
    gather: isPipe ? 'all' : 'lane',
    maxBatch: isPipe ? 10 : 1,
    maxConcurrency: concurrency,
    send: async (jobs) => (await take(jobs)).map((each) => ('kind' in each ? each : null)),
    close: () => Promise.resolve(),
  }
  const opened = isPipe ? pipe : { ...pipe, ask: async (one: Sendable) => (await take([one]))[0]! }
  const { queues, close } = await openQueues({
    rules,
    stats,
    lanes: 8,
    openTarget: async () => opened,
    spool: { afterMs: 3_600_000, maxBytes: 1_000_000 },
    clock,
  })
  cleanUps.push(close)
  const ask = (id: string, of: ActionPlan = plan) =>
    queues.ask({
      action: of,
      prepare: async () => ({ id, key: id, at: 0, payload: null, action: of }),
      answer: (given) => {
        if (answers.has(id)) throw new Error(`${id} is answered twice`)
        answers.set(id, given)
      },
    })
  const push = (from: number, to: number): void => {
    for (let seq = from; seq <= to; seq++) queues.push(target, job({ id: seq, seq, action: plan, lane: seq % 8 }))
  }
  const isCommand = ({ id }: Sent): boolean => id.startsWith('c')
  const run = (done: () => boolean, limitMs: number): Promise<boolean> => sim.run(done, sim.monotonicMs + limitMs)
  const state = () => stats.targets.get('crm')!
  return { queues, plan, ask, push, run, sent, batches, answers, isCommand, state, most: () => mostSending }
}

const DONE = (id: string): Outcome => ({ tag: 'done', value: id })
const names = (count: number, from = 1): string[] => Array.from({ length: count }, (_, i) => `c${from + i}`)

describe('commands at a target that rules send to', () => {
  test('keep its rate together with the rules, and neither waits for the other to have nothing left', async () => {
    const { ask, push, run, sent, isCommand, answers } = await open({ rate: 50 })
    for (const id of names(200)) ask(id)
    push(1, 200)
    await run(() => false, 4_000)
    // A burst of a tenth of a second, then 50/s.
    expect(sent.length).toBeLessThanOrEqual(5 + 4 * 50)
    expect(sent.length).toBeGreaterThan(190)
    const commands = sent.filter(isCommand).length
    expect(commands).toBeGreaterThan(sent.length / 4)
    expect(commands).toBeLessThan((sent.length * 3) / 4)
    await run(() => sent.length === 400, 5_000)
    expect(sent).toHaveLength(400)
    expect(answers.get('c7')).toEqual({ tag: 'done', value: 'c7' })
  })

  test('go on at the whole rate when nothing of rules is left, and the other way round', async () => {
    const { ask, push, run, sent } = await open({ rate: 100 })
    for (const id of names(20)) ask(id)
    push(1, 100)
    await run(() => sent.length === 120, 3_000)
    expect(sent).toHaveLength(120)
    for (const id of names(100, 100)) ask(id)
    push(101, 120)
    await run(() => sent.length === 240, 3_000)
    expect(sent).toHaveLength(240)
  })

  test('share its concurrency, and count in what it has queued and sent', async () => {
    const { ask, push, run, sent, most, state, queues } = await open({ concurrency: 3 })
    for (const id of names(40)) ask(id)
    push(1, 40)
    expect(state().queued).toBe(80)
    expect(queues.drained).toBe(false)
    await run(() => queues.drained, 1_000)
    expect([sent.length, most(), state().queued]).toEqual([80, 3, 0])
    expect(state().counters.deliveredTotal).toBe(80)
  })

  test('go several in one send where the target only acknowledges', async () => {
    const { ask, run, sent, batches, answers } = await open({ isPipe: true, concurrency: 1 })
    for (const id of names(95)) ask(id)
    await run(() => answers.size === 95, 1_000)
    expect(sent).toHaveLength(95)
    expect(Math.max(...batches)).toBe(10)
    expect(batches.length).toBeLessThan(20)
  })

  test('that nobody wants any more are not sent, and one that is being sent is answered', async () => {
    const { ask, run, sent, answers, queues } = await open({ concurrency: 1 })
    const withdraw = new Map(names(5).map((id) => [id, ask(id)]))
    await run(() => sent.length === 1, 100)
    expect(names(5).map((id) => withdraw.get(id)!())).toEqual([false, true, true, true, true])
    await run(() => queues.drained, 100)
    expect(sent.map(({ id }) => id)).toEqual(['c1'])
    expect([...answers.keys()]).toEqual(['c1'])
    expect(withdraw.get('c2')!()).toBe(false)
  })
})

describe('a send without an answer', () => {
  const HANG_MS = 1_000

  /** Of the first attempt of each that hangs there is no answer. */
  function hanging(hangs: (id: string) => boolean): Pick<Options, 'answer' | 'takesMs'> {
    const tried = new Set<string>()
    return {
      takesMs: (id) => (hangs(id) && !tried.has(id) ? HANG_MS : 2),
      answer: (id) => (hangs(id) && !tried.has(id) ? (tried.add(id), TIMED_OUT) : DONE(id)),
    }
  }

  test('stops its own lane alone where others are answered meanwhile, and is sent again', async () => {
    let first = ''
    const { push, run, sent, state, queues } = await open(hanging((id) => id === (first ||= id)))
    push(1, 400)
    await run(() => false, HANG_MS - 1)
    expect(sent.length).toBe(400 - 400 / 8 + 1)
    await run(() => state().counters.failedTotal > 0, 10)
    expect([state().counters.failedTotal, state().downSince]).toEqual([1, 0])
    await run(() => queues.drained, 5_000)
    expect(sent.filter(({ id }) => id === first)).toHaveLength(2)
    expect(state().counters).toMatchObject({ deliveredTotal: 400, givenUpTotal: 0 })
    expect(state().downSince).toBe(0)
  })

  test('stops nothing where it is a command', async () => {
    const { ask, run, sent, state, answers } = await open(hanging((id) => id === 'c1'))
    for (const id of names(300)) ask(id)
    await run(() => answers.size === 300, HANG_MS + 10)
    expect(answers.get('c1')).toBe(TIMED_OUT)
    expect([sent.length, state().downSince]).toEqual([300, 0])
  })

  test('is an outage where none was answered since it began', async () => {
    const { push, run, state, queues } = await open(hanging(() => true))
    push(1, 8)
    await run(() => false, HANG_MS + 1)
    expect(state().downSince).toBeGreaterThan(0)
    await run(() => queues.drained, 200_000)
    expect(state().counters).toMatchObject({ deliveredTotal: 8, givenUpTotal: 0 })
  })
})

describe('a target that is down', () => {
  test('is probed by one command at a time where no rule sends, each is answered once, and the others wait', async () => {
    let isDown = true
    const { ask, run, sent, answers, state, queues } = await open({ answer: (id) => (isDown ? DOWN : DONE(id)) })
    for (const id of names(100)) ask(id)
    await run(() => false, 20_000)
    // The sends that were on their way when it went down, then probes that grow to 3 s.
    expect(sent.length).toBeLessThan(50)
    expect(sent.length).toBeGreaterThan(6)
    expect(answers.size).toBe(sent.length)
    expect(state().downSince).toBeGreaterThan(0)
    expect(queues.onlyDownLeft).toBe(true)
    isDown = false
    await run(() => answers.size === 100, 5_000)
    expect(answers.size).toBe(100)
    expect(state().downSince).toBe(0)
  })

  test('is up for commands when an event of a rule got through, and for rules when a command did', async () => {
    let isDown = true
    const { ask, push, run, sent, state } = await open({ answer: (id) => (isDown ? DOWN : DONE(id)) })
    push(1, 1)
    await run(() => state().downSince > 0, 1_000)
    ask('c1')
    ask('c2')
    await run(() => false, 10_000)
    isDown = false
    await run(() => state().downSince === 0 && sent.some(({ id }) => id === 'c2'), 10_000)
    expect(state().downSince).toBe(0)
    expect(state().queued).toBe(0)
  })
})

describe('commands for a target', () => {
  test('that is paused wait until it is resumed, and say when they are too many', async () => {
    const { ask, run, sent, answers, queues } = await open()
    queues.setPaused('crm', 1)
    for (const id of names(4_999)) ask(id)
    await run(() => false, 60_000)
    expect([sent.length, answers.size]).toEqual([0, 0])
    expect(queues.isCrowded(CONFIG)).toBe(false)
    ask('c5000')
    expect(queues.isCrowded(CONFIG)).toBe(true)
    queues.setPaused('crm', 0)
    expect(queues.isCrowded(CONFIG)).toBe(false)
    await run(() => answers.size === 5_000, 60_000)
    expect(answers.size).toBe(5_000)
  })

  test('that are taken back while it is down leave nothing in memory', async () => {
    const { queues, plan } = await open()
    queues.setPaused('crm', 1)
    const commands = names(1_000).map(() => {
      const command = { action: plan, prepare: () => Promise.resolve(null), answer: () => undefined }
      expect(queues.ask(command)()).toBe(true)
      return new WeakRef(command)
    })
    await new Promise(setImmediate)
    heldBytes()
    await new Promise(setImmediate)
    expect(commands.filter((each) => each.deref() !== undefined).length).toBeLessThan(10)
  })

  test('that was dropped, or of a daemon that stops, are answered without being sent', async () => {
    const { ask, run, sent, answers, queues } = await open()
    queues.setPaused('crm', 1)
    ask('c1')
    queues.prepare({ rules: [], files: [] })
    expect(queues.drop('crm')).toEqual({ dropped: 0 })
    expect(answers.get('c1')).toMatchObject({ tag: 'not sent', error: { code: 'BINGO_TARGET_DROPPED' } })
    await run(() => false, 10)
    queues.stopLoading()
    ask('c2')
    await run(() => false, 10)
    expect(answers.get('c2')).toEqual({ tag: 'stopping' })
    expect(sent).toEqual([])
    expect(queues.drained).toBe(true)
  })

  test('which are held by the rate of their own action wait alone', async () => {
    const { ask, run, sent, plan } = await open()
    const slow = action({ target: plan.target, ratePerSecond: 1 })
    for (const id of names(5)) ask(id, slow)
    for (const id of names(5, 10)) ask(id)
    await run(() => false, 500)
    expect(sent.map(({ id }) => id).toSorted()).toEqual(['c1', 'c10', 'c11', 'c12', 'c13', 'c14'])
    await run(() => sent.length === 10, 5_000)
    expect(sent).toHaveLength(10)
  })
})

test('the lowest rate holds where one address is named with several', async () => {
  const { namedTargets } = await import('../../../src/deliver/named-targets.ts')
  const of = (ratePerSecond?: number) => action({ target: { ...CONFIG, ...(ratePerSecond && { ratePerSecond }) } }).rule
  const { ratePerSecond } = namedTargets({ rules: [of(), of(7), of(3), of(9)], files: [] }).get('crm')!
  expect(ratePerSecond).toBe(3)
})
