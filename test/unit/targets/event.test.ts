import { describe, expect, test } from 'vitest'
import { Matcher } from '../../../src/match/matcher.ts'
import type { Change } from '../../../src/model/event/change.ts'
import type { EventSink, MadeEvent } from '../../../src/model/event/posted/event-sink.ts'
import { PostedEvent } from '../../../src/model/event/posted/posted-event.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { Sendable, Target } from '../../../src/model/rule/action.ts'
import type { ActionPlan, Payload, Rule } from '../../../src/model/rule/rule.ts'
import { silentLog } from '../../../src/model/silent-log.ts'
import { actionTypes } from '../../../src/targets/registry.ts'
import { ADA, changeOf } from '../../support/match-tables.ts'
import { posted } from '../../support/posted-events.ts'
import { summary } from '../../support/redelivery.ts'
import { problemsIn, rulesFrom } from '../../support/rules-from-text.ts'

const NOW = Date.parse('2026-11-28T12:00:00Z')
const { signal } = new AbortController()

class FakeSink implements EventSink {
  readonly published: MadeEvent[] = []
  readonly batches: number[] = []
  refuse: (event: MadeEvent) => BingoError | null = () => null

  publish(events: readonly MadeEvent[]): Promise<void> {
    this.batches.push(events.length)
    for (const event of events) {
      const error = this.refuse(event)
      if (error !== null) return Promise.reject(error)
    }
    this.published.push(...events)
    return Promise.resolve()
  }
}

const open = (sink: EventSink | undefined): Promise<Target> =>
  actionTypes()
    .get('event')!
    .open({ id: 'event', type: 'event', options: null }, { log: silentLog, now: () => NOW, events: sink })

const ruleOf = (action: string, on = 'on: "*", source: [api, internal]'): Rule =>
  rulesFrom(`rules:\n  - {id: r, ${on}, actions: [{type: event, ${action}}]}`)[0]!

function jobOf(action: ActionPlan, change: Change): Sendable {
  const payload: Payload = action.bind(change.table)(change)
  return { id: change.id, key: change.key ?? change.id, at: 0, payload, action }
}

async function made(action: string, change: Change, on?: string): Promise<MadeEvent> {
  const sink = new FakeSink()
  const target = await open(sink)
  expect(await target.send([jobOf(ruleOf(action, on).actions[0]!, change)], signal)).toBeUndefined()
  return sink.published[0]!
}

const PARENT = posted({
  key: 'order-17',
  payload: { id: 17, email: 'ada@example.com' },
  context: { region: 'eu' },
  metadata: { internal: true },
  userId: '7',
  accountId: 'acme',
  environment: 'test',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  isTest: true,
  hops: 2,
})

describe('An event that a rule makes', () => {
  test('says what the rule says, and takes the rest from its cause', async () => {
    const { event, sent } = await made(
      'event: {type: "mail.{{payload.id}}.requested", key: "{{key}}", payload: {id: "{{payload.id}}"}}',
      PARENT,
    )
    expect(event).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      type: 'mail.17.requested',
      source: 'internal',
      key: 'order-17',
      payload: { id: 17 },
      context: { region: 'eu' },
      metadata: {},
      userId: '7',
      sessionId: null,
      accountId: 'acme',
      environment: 'test',
      correlationId: 'e1',
      causationId: 'e1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      hops: 3,
      timestamp: Date.parse('2026-11-28T10:00:00Z'),
      deliverAt: null,
      isTest: true,
    })
    expect([...sent].toSorted()).toEqual(['key', 'payload', 'type'])
  })

  test('keeps the correlation of its chain, unless the rule gives it another', async () => {
    const parent = posted({ correlationId: 'chain', payload: { chain: 'mine' } })
    expect((await made('event: {type: a.b}', parent)).event).toMatchObject({
      correlationId: 'chain',
      causationId: 'e1',
    })
    const { event, sent } = await made(
      'event: {type: a.b, correlationId: "{{payload.chain}}", userId: "{{userId}}"}',
      parent,
    )
    expect(event).toMatchObject({ correlationId: 'mine', userId: null })
    expect(sent).toContain('correlationId')
  })

  test('has the payload of its cause where the rule gives none', async () => {
    const { event } = await made('event: {type: a.b}', PARENT)
    expect(event.payload).toEqual({ id: 17, email: 'ada@example.com' })
    expect(event.key).toBeNull()
  })

  test('can be made of a row', async () => {
    const row = changeOf({ ...ADA, status: 0 }, ADA)
    const { event } = await made(
      'event: {type: users.activated, key: "user-{{id}}", payload: {id: "{{id}}"}}',
      row,
      'table: users',
    )
    expect(event).toMatchObject({
      type: 'users.activated',
      key: 'user-101',
      payload: { id: 101 },
      causationId: row.id,
      correlationId: row.id,
      environment: 'default',
      hops: 1,
      isTest: false,
    })
    const whole = await made('event: {type: users.activated}', row, 'table: users')
    expect(whole.event.payload).toMatchObject({
      new: { status: 1 },
      old: { status: 0 },
      key: { id: 101 },
      changed: ['status'],
    })
  })

  test('has the same id and content when it is made again, and another one by another action, rule, cause or environment', async () => {
    const idOf = async (action: string, change: Change): Promise<string> => (await made(action, change)).event.id
    const action = 'event: {type: a.b}'
    expect(await made(action, PARENT)).toEqual(await made(action, PARENT))
    const ids = [
      await idOf(action, PARENT),
      await idOf('id: other, event: {type: a.b}', PARENT),
      await idOf(action, posted({ id: 'e2' })),
      await idOf(action, posted({ id: 'e1' })),
    ]
    expect(new Set(ids).size).toBe(4)
  })

  test.each([
    ['deliverAfter: 90s', NOW + 90_000],
    ['deliverAt: "2026-12-01T00:00:00Z"', Date.parse('2026-12-01')],
    ['deliverAt: "{{payload.at}}", deliverAfter: 5s', 1_800_000_000_000],
    ['deliverAt: "{{payload.nothing}}", deliverAfter: 5s', NOW + 5_000],
    ['deliverAt: "{{payload.nothing}}"', null],
  ])('waits: %s', async (delay, at) => {
    const { event, sent } = await made(`event: {type: a.b}, ${delay}`, posted({ payload: { at: 1_800_000_000_000 } }))
    expect(event.deliverAt).toBe(at)
    expect(sent.has('deliverAt')).toBe(at !== null)
  })

  test.each([
    ['event: {type: "{{payload.type}}"}', { type: 'a b' }, 'BINGO_EVENT_CONTENT'],
    ['event: {type: "a.{{payload.type}}"}', { type: 'b.c' }, 'BINGO_TEMPLATE_SEPARATOR'],
    ['event: {type: a.b, key: "{{payload.key}}"}', { key: 'x'.repeat(600) }, 'BINGO_EVENT_CONTENT'],
    ['event: {type: a.b, context: "{{payload.list}}"}', { list: [1] }, 'BINGO_EVENT_CONTENT'],
    ['event: {type: a.b}, deliverAt: "{{payload.at}}"', { at: 'tomorrow' }, 'BINGO_EVENT_CONTENT'],
  ])('that cannot be is an error: %s', (action, payload, code) => {
    const change = posted({ payload })
    expect(() => jobOf(ruleOf(action).actions[0]!, change)).toThrow(expect.objectContaining({ code }))
  })
})

describe('Hops', () => {
  test('end a chain of rules that make each other’s events, with an error that says so', async () => {
    const rules = rulesFrom(`rules:
  - {id: ping, on: game.ping, actions: [{type: event, event: {type: game.pong}}]}
  - {id: pong, on: game.pong, actions: [{type: event, event: {type: game.ping}}]}`)
    const matcher = new Matcher({ rules, files: [] }, () => {
      throw new Error('no rows here')
    })
    const sink = new FakeSink()
    const target = await open(sink)
    const codes: string[] = []
    let next: PostedEvent | null = posted({ type: 'game.ping' })
    for (let turns = 0; next !== null && turns < 50; turns++) {
      const jobs: Sendable[] = []
      matcher.eventProgram(next)!.run(next, 0, {
        ruleMatched: () => undefined,
        deferred: () => undefined,
        cancelled: () => undefined,
        newer: () => undefined,
        exceeded: () => null,
        matched: (action, change, payload) => void jobs.push({ id: change.id, key: '', at: 0, payload, action }),
        failed: (_action, _change, { error }) => void codes.push(error.code),
      })
      await target.send(jobs, signal)
      const last: MadeEvent | undefined = jobs.length === 0 ? undefined : sink.published.at(-1)
      next = last === undefined ? null : new PostedEvent({ ...last.event, instanceId: 'b' }, next.transaction, 0)
    }
    expect(sink.published).toHaveLength(16)
    expect(codes).toEqual(['BINGO_EVENT_HOPS'])
    expect(new Set(sink.published.map(({ event }) => event.correlationId))).toEqual(new Set(['e1']))
    expect(new Set(sink.published.map(({ event }) => event.id)).size).toBe(16)
  })
})

describe('What cannot be published', () => {
  const jobs = (...ids: readonly string[]): readonly Sendable[] => {
    const action = ruleOf('event: {type: a.b, payload: {id: "{{event.id}}"}}').actions[0]!
    return ids.map((id) => jobOf(action, posted({ id, key: id.slice(0, 1) })))
  }
  const isOf = (id: string, { event }: MadeEvent): boolean => (event.payload as { readonly id: string }).id === id

  test('is tried by itself when the batch is refused, and holds back what follows it on its key', async () => {
    const sink = new FakeSink()
    sink.refuse = (event) => (isOf('b1', event) ? new BingoError('BINGO_EVENT_SCHEMA', 'it does not fit') : null)
    const target = await open(sink)
    expect(summary(await target.send(jobs('a1', 'b1', 'a2', 'b2'), signal))).toEqual([
      null,
      'poison BINGO_EVENT_SCHEMA',
      null,
      'unknown BINGO_BEHIND_FAILURE',
    ])
    expect(sink.batches).toEqual([4, 1, 1, 1])
  })

  test('waits while the store is away', async () => {
    const sink = new FakeSink()
    sink.refuse = () => new BingoError('BINGO_LOG_UNREACHABLE', 'away', { retryable: true })
    const target = await open(sink)
    const result = await target.send(jobs('a1', 'b1'), signal)
    expect(summary(result)).toEqual(['down BINGO_LOG_UNREACHABLE', 'down BINGO_LOG_UNREACHABLE'])
    expect(sink.batches).toEqual([2])
  })

  test('has nowhere to go when nothing keeps events', async () => {
    await expect(open(undefined)).rejects.toThrow(expect.objectContaining({ code: 'BINGO_EVENT_NO_STORE' }))
  })
})

test.each([
  ['event: {key: a}', '2:66 BINGO_RULE_MISSING event needs "type" → type: The type: mail.welcome.requested.'],
  [
    'event: {type: "a b"}',
    '2:73 BINGO_RULE_EVENT_TYPE not a valid type of events → write words joined by dots, without spaces and wildcards: mail.welcome.requested',
  ],
  [
    'event: {type: "a.*"}',
    '2:73 BINGO_RULE_EVENT_TYPE not a valid type of events → write words joined by dots, without spaces and wildcards: mail.welcome.requested',
  ],
  [
    'event: {type: a.b, context: [1]}',
    '2:87 BINGO_RULE_TYPE context must be a map → write for example context: {region: eu}',
  ],
  [
    'event: {type: a.b, paylod: 1}',
    '2:78 BINGO_RULE_UNKNOWN_KEY unknown key "paylod" in event → did you mean "payload"?',
  ],
])('Wrong in a rule: %s', (action, problem) => {
  expect(problemsIn(`rules:\n  - {id: r, on: "*", source: api, actions: [{type: event, ${action}}]}`)).toEqual([
    problem,
  ])
})
