import { describe, expect, it } from 'vitest'
import type { SagaPlan } from '../../../src/model/saga/definition.ts'
import type { SagaInstance } from '../../../src/model/saga/instance.ts'
import type { CommandOutcome, OutgoingCommand, SagaInput } from '../../../src/sagas/contract.ts'
import { advance } from '../../../src/sagas/machine/advance.ts'
import { sagaEvent, sagaPlan, stepPlan } from '../../support/sagas/plans.ts'

const DONE: CommandOutcome = { tag: 'done', value: { id: 7 } }
const REFUSED: CommandOutcome = { tag: 'refused', code: 'BINGO_HTTP_STATUS', message: '422' }
const FAILED: CommandOutcome = { tag: 'failed', code: 'BINGO_HTTP_NETWORK', message: 'reset', down: false }
const DOWN: CommandOutcome = { ...FAILED, down: true }
const ONCE = { attempts: 1, minMs: 1_000, maxMs: 8_000 }

/** One instance, with what it has sent. */
class Story {
  instance: SagaInstance | null = null
  sent: string[] = []
  now = 0
  ignored: string | null = null
  private readonly plan: SagaPlan
  private readonly last = new Map<string, OutgoingCommand>()

  constructor(plan: SagaPlan) {
    this.plan = plan
    this.input({ tag: 'start', key: '17', event: sagaEvent() })
  }

  input(input: SagaInput, afterMs = 0): this {
    this.now += afterMs
    const { instance, commands, ignored } = advance(this.plan, this.instance, input, this.now)
    this.instance = instance
    this.ignored = ignored
    for (const command of commands) {
      this.sent.push(`${command.step} ${command.op} ${command.attempt}`)
      this.last.set(`${command.step} ${command.op}`, command)
    }
    return this
  }

  answer(step: string, outcome: CommandOutcome, op: 'do' | 'undo' = 'do'): this {
    const { attempt } = this.last.get(`${step} ${op}`)!
    return this.input({ tag: 'answer', step, op, attempt, outcome })
  }

  /** What is due next happens. */
  due(): this {
    this.now = Math.max(this.now, this.instance!.dueAt!)
    return this.input({ tag: 'tick' })
  }

  /** What was sent since the last time that this was asked. */
  news(): readonly string[] {
    return this.sent.splice(0)
  }

  get states(): string {
    return Object.values(this.instance!.steps)
      .map(({ status }) => status)
      .join(' ')
  }
}

const confirm = (step: string, payload = {}): SagaInput => ({ tag: 'confirm', step, payload })
const two = (first = {}, second = {}): SagaPlan =>
  sagaPlan([[stepPlan('a', first)], [stepPlan('b', second)]], { deadlineMs: 60_000 })

describe('a saga', () => {
  it('goes from step to step by the answers of its actions, and ends', () => {
    const story = new Story(two())
    expect(story.news()).toEqual(['a do 1'])
    expect(story.answer('a', DONE).news()).toEqual(['b do 1'])
    story.answer('b', DONE)
    expect([story.instance!.status, story.states, story.instance!.dueAt]).toEqual(['completed', 'done done', null])
    expect(story.instance!.steps['a']!.output).toEqual({ id: 7 })
  })

  it('waits for the confirmation of a step that has one, and gives the answer and the payload on', () => {
    const story = new Story(two({ confirms: true })).answer('a', DONE)
    expect([story.states, story.instance!.dueAt]).toEqual(['waiting pending', 60_000])
    story.input(confirm('a', { place: 4 }))
    expect(story.instance!.steps['a']!.output).toEqual({ id: 7, place: 4 })
    expect(story.states).toBe('done sending')
  })

  it('takes a confirmation that comes before the acknowledgement, before the step, and twice', () => {
    const early = new Story(two({ confirms: true }, { confirms: true })).input(confirm('a'))
    expect(early.states).toBe('done sending')
    early.answer('a', FAILED)
    expect(early.states).toBe('done sending')
    early.input(confirm('a'))
    expect(early.ignored).toBe('the step is done')
    const before = new Story(two({}, { confirms: true })).input(confirm('b', { x: 1 })).answer('a', DONE)
    expect([before.states, before.news()]).toEqual(['done sending', ['a do 1', 'b do 1']])
    expect(before.answer('b', DONE).instance!.status).toBe('completed')
    expect(before.instance!.steps['b']!.output).toEqual({ id: 7, x: 1 })
  })

  it('still sends the command of a step that was confirmed before it, when that confirmation is read again', () => {
    const story = new Story(two({}, { confirms: true })).input(confirm('b', { x: 1 })).answer('a', DONE)
    story.input(confirm('b', { x: 1 }))
    expect([story.states, story.ignored]).toEqual(['done sending', 'it was confirmed before the step'])
    story.input({ tag: 'lost' }).input(confirm('b', { x: 1 }))
    expect(story.states).toBe('done sending')
    expect(story.answer('b', DONE).instance!.status).toBe('completed')
  })

  it('is started once', () => {
    const story = new Story(two())
    story.input({ tag: 'start', key: '17', event: sagaEvent() })
    expect([story.ignored, story.sent]).toEqual(['the instance exists already', ['a do 1']])
  })

  it('repeats what failed with growing pauses, and does not count a target that is down', () => {
    const story = new Story(two()).answer('a', FAILED)
    expect(story.instance!.dueAt).toBe(1_000)
    story.due().answer('a', DOWN).due().answer('a', DOWN).due().answer('a', FAILED)
    expect([story.states, story.instance!.status]).toEqual(['sending pending', 'running'])
    story.due().answer('a', FAILED)
    expect([story.states, story.instance!.status]).toEqual(['undoing pending', 'compensating'])
    expect(story.news()).toEqual(['a do 1', 'a do 2', 'a do 3', 'a do 4', 'a do 5', 'a undo 1'])
  })

  it('undoes the steps before one that was refused, and not that one', () => {
    const story = new Story(two()).answer('a', DONE).answer('b', REFUSED)
    expect([story.instance!.status, story.states]).toEqual(['compensating', 'undoing refused'])
    story.answer('a', DONE, 'undo')
    expect([story.instance!.status, story.states]).toEqual(['compensated', 'undone refused'])
    expect(story.instance!.failure!.code).toBe('BINGO_HTTP_STATUS')
  })

  it('undoes a step that was refused after a send whose outcome is not known', () => {
    const story = new Story(two()).answer('a', FAILED).due().answer('a', REFUSED)
    expect(story.states).toBe('undoing pending')
  })

  it('undoes parallel steps together, in the reverse order of the groups, and waits for what is on its way', () => {
    const group = [stepPlan('b'), stepPlan('c', { retry: ONCE }), stepPlan('d')]
    const story = new Story(sagaPlan([[stepPlan('a')], group])).answer('a', DONE).answer('b', DONE)
    story.news()
    expect(story.answer('c', FAILED).news()).toEqual(['b undo 1', 'c undo 1'])
    expect(story.states).toBe('done undoing undoing sending')
    story.answer('b', DONE, 'undo').answer('c', DONE, 'undo')
    expect(story.news()).toEqual([])
    expect(story.answer('d', DONE).news()).toEqual(['d undo 1'])
    expect(story.answer('d', DONE, 'undo').news()).toEqual(['a undo 1'])
  })

  it('counts a step that timed out as perhaps done, and a late confirmation changes nothing any more', () => {
    const story = new Story(two({ confirms: true, timeoutMs: 5_000 })).answer('a', DONE).due()
    expect([story.now, story.states, story.instance!.failure!.code]).toEqual([
      5_000,
      'undoing pending',
      'BINGO_SAGA_TIMEOUT',
    ])
    story.input(confirm('a')).answer('a', DONE, 'undo').input(confirm('a'))
    expect([story.instance!.status, story.states]).toEqual(['compensated', 'undone pending'])
  })

  it('undoes a step that was rejected and is confirmed nevertheless, also after the end', () => {
    const story = new Story(two({}, { confirms: true })).answer('a', DONE).answer('b', DONE)
    story.input({ tag: 'reject', step: 'b', payload: null }).answer('a', DONE, 'undo')
    expect(story.instance!.status).toBe('compensated')
    story.news()
    expect(story.input(confirm('b')).news()).toEqual(['b undo 1'])
    story.answer('b', DONE, 'undo')
    expect([story.instance!.status, story.states]).toEqual(['compensated', 'undone undone'])
  })

  it('never gives an undo up: it is stuck meanwhile, and free again when one works', () => {
    const story = new Story(two()).answer('a', DONE).answer('b', REFUSED)
    for (let attempt = 1; attempt <= 3; attempt++) {
      story.answer('a', attempt === 2 ? REFUSED : DOWN, 'undo')
      expect(story.instance!.status).toBe(attempt === 3 ? 'stuck' : 'compensating')
      story.due()
    }
    for (let attempt = 4; attempt < 40; attempt++) story.answer('a', FAILED, 'undo').due()
    expect(story.instance!.status).toBe('stuck')
    story.answer('a', DONE, 'undo')
    expect([story.instance!.status, story.sent.at(-1)]).toEqual(['compensated', 'a undo 40'])
  })

  it('does not count an undo that was not sent as one that failed', () => {
    const story = new Story(two()).answer('a', DONE).answer('b', REFUSED)
    for (let attempt = 1; attempt <= 20; attempt++) story.answer('a', { ...DOWN, untouched: true }, 'undo').due()
    expect([story.instance!.status, story.instance!.steps['a']!.failures]).toEqual(['compensating', 0])
    expect(story.answer('a', DONE, 'undo').instance!.status).toBe('compensated')
  })

  it('holds back the commands that its caller cannot send, and counts no attempt', () => {
    const plan = sagaPlan([[stepPlan('a'), stepPlan('b')]])
    const start = { tag: 'start', key: '17', event: sagaEvent() } as const
    const held = advance(plan, null, start, 0, (step) => (step === 'b' ? 700 : undefined))
    expect(held.commands.map(({ step, attempt }) => `${step} ${attempt}`)).toEqual(['a 1'])
    expect([held.instance!.steps['b']!.attempts, held.instance!.dueAt]).toEqual([0, 700])
    const { commands } = advance(plan, held.instance, { tag: 'tick' }, 700)
    expect(commands.map(({ step, attempt }) => `${step} ${attempt}`)).toEqual(['b 1'])
  })

  it('ends as failed where something is done that nobody said how to undo, and not where there is nothing to undo', () => {
    const failed = new Story(two({ undo: null })).answer('a', DONE).answer('b', REFUSED)
    expect([failed.instance!.status, failed.states]).toEqual(['failed', 'kept refused'])
    const undone = new Story(two({ undo: 'none' })).answer('a', DONE).answer('b', REFUSED)
    expect([undone.instance!.status, undone.states]).toEqual(['compensated', 'undone refused'])
  })

  it('is undone at its deadline, however long a target is down', () => {
    const story = new Story(two())
    for (let i = 0; story.instance!.status === 'running' && i < 100; i++) story.answer('a', DOWN).due()
    expect([story.now, story.instance!.failure!.code]).toEqual([60_000, 'BINGO_SAGA_DEADLINE'])
  })

  it('skips steps whose condition is false, and is undone where a condition cannot be evaluated', () => {
    const skipped = new Story(two({ when: () => false }))
    expect([skipped.states, skipped.news()]).toEqual(['skipped sending', ['b do 1']])
    const failing = two(
      {},
      {
        when: () => {
          throw new Error('no such key')
        },
      },
    )
    const story = new Story(failing).answer('a', DONE)
    expect([story.instance!.failure!.message, story.states]).toEqual(['when of b: no such key', 'undoing refused'])
  })

  it('sends again what nobody answers for, with the same id, and does nothing again once it is being undone', () => {
    const story = new Story(two()).input({ tag: 'lost' })
    expect(story.news()).toEqual(['a do 1', 'a do 2'])
    story.input({ tag: 'answer', step: 'a', op: 'do', attempt: 1, outcome: REFUSED })
    expect([story.ignored, story.states]).toEqual(['nothing of this kind is on its way', 'sending pending'])
    story.input({ tag: 'compensate' }).input({ tag: 'lost' })
    expect(story.news()).toEqual(['a undo 1'])
  })

  it('waits no longer than a pause may last when the clock was set back', () => {
    const story = new Story(two()).answer('a', DONE).answer('b', REFUSED).answer('a', FAILED, 'undo')
    story.input({ tag: 'tick' }, -3_600_000)
    expect(story.instance!.dueAt! - story.now).toBeLessThanOrEqual(60_000)
  })
})

describe('an operator', () => {
  it('cancels a saga, also one that has completed', () => {
    const story = new Story(two()).answer('a', DONE).answer('b', DONE).input({ tag: 'compensate', reason: 'refund' })
    expect([story.states, story.instance!.failure!.message]).toEqual(['done undoing', 'refund'])
    story.answer('b', DONE, 'undo').answer('a', DONE, 'undo').input({ tag: 'compensate' })
    expect([story.instance!.status, story.ignored]).toEqual(['compensated', 'the instance is compensated'])
  })

  it('has what is stuck sent again at once, or counts it as undone', () => {
    const stuck = (): Story => {
      const story = new Story(two()).answer('a', DONE).answer('b', REFUSED)
      for (let i = 0; i < 3; i++) story.answer('a', FAILED, 'undo').due()
      story.answer('a', FAILED, 'undo').news()
      return story
    }
    const retried = stuck().input({ tag: 'retry' })
    expect([retried.news(), retried.instance!.status]).toEqual([['a undo 5'], 'compensating'])
    expect(stuck().input({ tag: 'skip', step: 'a' }).instance!.status).toBe('compensated')
    expect(stuck().input({ tag: 'complete' }).instance!.status).toBe('compensated')
  })

  it('sends a command again whose confirmation does not come, skips steps, and completes', () => {
    const story = new Story(two({ confirms: true })).answer('a', DONE).input({ tag: 'retry' })
    expect([story.news(), story.states]).toEqual([['a do 1', 'a do 2'], 'sending pending'])
    expect(story.input({ tag: 'skip', step: 'b' }).states).toBe('sending skipped')
    expect(story.input({ tag: 'complete' }).instance!.status).toBe('completed')
    expect(story.input({ tag: 'skip', step: 'none' }).ignored).toBe('the instance is completed')
    expect(new Story(two()).input({ tag: 'retry', step: 'none' }).ignored).toBe('the definition has no such step')
  })
})
