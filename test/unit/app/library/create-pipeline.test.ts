import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BingoError, createPipeline, loadRules, ProblemsError, rowChange } from '../../../../src/index.ts'
import type { DeadLetter, PipelineOptions, TargetMessage } from '../../../../src/index.ts'
import { actionTypes } from '../../../../src/targets/registry.ts'
import { Collector, counting, Feed, group, users } from '../../../support/library.ts'

const RULES = 'rules: [{id: all, table: users, actions: [{type: collect}]}]'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bingo-library-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function options(target: Collector, more: Partial<PipelineOptions> = {}): PipelineOptions {
  return { name: 'app', sources: [counting(3)], rules: RULES, targets: [target.type()], state: 'memory:', ...more }
}

test('Changes of an own source reach an own target, as whole events unless the rule has a body', async () => {
  const collector = new Collector()
  const rules = `
rules:
  - {id: all, table: shop.users, filter: "new.id == 2", actions: [{type: collect}]}
  - {id: two, table: users, filter: "new.id == 2", actions: [{type: collect, body: {who: "{{name}}", n: "{{id}}"}}]}`
  const pipeline = await createPipeline(options(collector, { rules }))
  await pipeline.run()
  expect(collector.messages).toEqual([
    {
      id: 'g2/0',
      rule: 'all',
      key: expect.any(String),
      at: 2,
      fields: {},
      body: expect.objectContaining({
        id: 'g2/0',
        op: 'insert',
        table: 'users',
        key: { id: 2 },
        old: null,
        new: { id: 2, name: 'user 2' },
        ts: '1970-01-01T00:00:00.002000Z',
      }),
    },
    expect.objectContaining({ rule: 'two', body: { who: 'user 2', n: 2 } }),
  ])
  expect(collector.closed).toBe(1)
  expect(pipeline.stats()).toMatchObject({
    transactionsTotal: 3,
    rowsTotal: 3,
    matchedTotal: 1,
    inFlight: { jobs: 0, bytes: 0 },
    sources: { numbers: { position: '{"n":3}', caughtUp: true, gaps: 0 } },
    rules: { two: { matchedTotal: 1, deliveredTotal: 1 } },
    targets: { collect: { type: 'collect', deliveredTotal: 2, queued: 0, downSince: 0 } },
  })
})

test('Two pipelines side by side have rules, targets and states of their own, and one goes on when the other stops', async () => {
  const [one, other] = [new Collector(), new Collector()]
  const [feedOne, feedOther] = [new Feed(), new Feed()]
  const stop = [new AbortController(), new AbortController()] as const
  const rulesOf = (id: string): string => `rules: [{id: ${id}, table: users, actions: [{type: collect}]}]`
  const first = await createPipeline(
    options(one, { sources: [feedOne.source], rules: rulesOf('one'), state: `file:${folder}/one` }),
  )
  const second = await createPipeline(options(other, { sources: [feedOther.source], rules: rulesOf('other') }))
  const running = [first.run(stop[0].signal), second.run(stop[1].signal)] as const
  feedOne.push(group(1))
  feedOther.push(group(1, 'Ann'))
  await Promise.all([one.got(1), other.got(1)])
  stop[0].abort()
  await running[0]
  feedOther.push(group(2))
  await other.got(2)
  stop[1].abort()
  await running[1]
  expect(one.messages.map(({ id, rule }) => `${id} ${rule}`)).toEqual(['g1/0 one'])
  expect(other.messages.map(({ id, rule }) => `${id} ${rule}`)).toEqual(['g1/0 other', 'g2/0 other'])
  expect([one.closed, other.closed]).toEqual([1, 1])
  expect(Object.keys(first.stats().rules)).toEqual(['one'])
  expect(second.stats()).toMatchObject({ rowsTotal: 2, rules: { other: { deliveredTotal: 2 } } })
  expect([...actionTypes().keys()]).not.toContain('collect')
})

test('A pipeline resumes each source where it was, from a state file', async () => {
  const collector = new Collector()
  const state = `file:${folder}/state`
  const sources = (one: number, other: number) => [counting(one, { name: 'one' }), counting(other, { name: 'other' })]
  await (await createPipeline(options(collector, { state, sources: sources(1, 2) }))).run()
  await (await createPipeline(options(collector, { state, sources: sources(2, 2) }))).run()
  await (await createPipeline(options(collector, { state, sources: sources(2, 3) }))).run()
  expect(collector.ids.toSorted()).toEqual(['g1/0', 'g1/0', 'g2/0', 'g2/0', 'g3/0'])
})

test('A source hears what is finished, after it is stored', async () => {
  const collector = new Collector()
  const feed = new Feed()
  const stop = new AbortController()
  const pipeline = await createPipeline(options(collector, { sources: [feed.source] }))
  const running = pipeline.run(stop.signal)
  feed.push(group(1), group(2))
  await collector.got(2)
  stop.abort()
  await running
  expect(feed.finished.at(-1)).toEqual({ n: 2 })
})

test('Messages that a target refuses are retried in order, and poison becomes a dead letter', async () => {
  const collector = new Collector()
  let refusals = 2
  const type = collector.type({
    open: () => ({
      send: async (messages) => {
        if (refusals-- > 0) throw new Error('not now')
        const failure = { kind: 'poison', error: new BingoError('APP_BAD_NAME', 'never') } as const
        collector.take(messages.filter(({ id }) => id !== 'g2/0'))
        return messages.map(({ id }) => (id === 'g2/0' ? failure : null))
      },
    }),
  })
  const pipeline = await createPipeline(options(collector, { targets: [type], settings: { lanes: 1 } }))
  await pipeline.run()
  expect(collector.ids).toEqual(['g1/0', 'g3/0'])
  expect(pipeline.stats().rules['all']).toMatchObject({ deliveredTotal: 2, deadLettersTotal: 1 })
})

test.each(['memory:', 'file'])(
  'Dead letters are sent again in the order of their row, and what waits behind them goes along (state %s)',
  async (kind) => {
    const collector = new Collector()
    const feed = new Feed()
    const stop = new AbortController()
    const failure = { kind: 'poison', error: new BingoError('APP_FULL', 'no room') } as const
    let refuses = true
    const send = (messages: readonly TargetMessage[]) =>
      refuses ? messages.map(() => failure) : collector.take(messages)
    const state = kind === 'file' ? `file:${folder}/state` : kind
    const given = options(collector, {
      sources: [feed.source],
      state,
      targets: [collector.type({ open: () => ({ send }) })],
    })
    const pipeline = await createPipeline(given)
    const running = pipeline.run(stop.signal)
    const renamed = (n: number) => ({
      id: `r${n}`,
      changes: [rowChange({ table: users, op: 'update', old: { id: 1, name: 'a' }, new: { id: 1, name: `b${n}` } })],
      end: { n },
    })
    feed.push(group(1), renamed(2), group(3))
    await expect.poll(() => pipeline.stats().rules['all']?.deadLettersTotal).toBe(3)
    expect(await pipeline.redeliver()).toMatchObject({
      sent: 0,
      left: 3,
      failures: [{ code: 'APP_FULL' }, { code: 'APP_FULL' }],
    })
    const letters: DeadLetter[] = []
    for await (const letter of pipeline.deadLetters()) letters.push(letter)
    expect(letters.map(({ event, state }) => `${event.id} ${state}`).toSorted()).toEqual([
      'g1/0 park',
      'g3/0 park',
      'r2/0 parked',
    ])
    refuses = false
    expect(await pipeline.redeliver({ ids: [letters.find(({ event }) => event.id === 'g1/0')!.id] })).toEqual({
      sent: 2,
      unmatched: 0,
      left: 0,
      failures: [],
    })
    expect(collector.ids).toEqual(['g1/0', 'r2/0'])
    feed.push(renamed(4))
    await collector.got(3)
    stop.abort()
    await running
    expect(collector.ids).toEqual(['g1/0', 'r2/0', 'r4/0'])
    if (kind === 'memory:') return
    const later = await createPipeline(given)
    expect(await later.redeliver()).toMatchObject({ sent: 1, left: 0 })
    expect(collector.ids.at(-1)).toBe('g3/0')
  },
)

test('A send that never ends is given up after the timeout of the action, and its signal is aborted', async () => {
  const collector = new Collector()
  const reasons: unknown[] = []
  const type = collector.type({
    open: () => ({
      send: (messages, signal) => {
        if (reasons.length > 0) return collector.take(messages)
        return new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason)))
      },
    }),
  })
  const rules = 'rules: [{id: all, table: users, timeout: 20ms, actions: [{type: collect}]}]'
  const pipeline = await createPipeline(options(collector, { targets: [type], sources: [counting(1)], rules }))
  await pipeline.run()
  expect(reasons).toEqual([expect.objectContaining({ message: 'no answer within 20 ms' })])
  expect(collector.ids).toEqual(['g1/0'])
  expect(pipeline.stats().targets['collect']!.failedTotal).toBe(1)
})

test('A stop gives up on a send that hangs, and what it carried comes again', async () => {
  const collector = new Collector()
  const stop = new AbortController()
  const sending = Promise.withResolvers<AbortSignal>()
  const state = `file:${folder}/state`
  const hanging = collector.type({
    open: () => ({
      send: (_, signal) => {
        sending.resolve(signal)
        return new Promise(() => undefined)
      },
    }),
  })
  const settings = { shutdown: { deadline: '20ms' }, delivery: { timeout: '1h' } }
  const pipeline = await createPipeline(options(collector, { targets: [hanging], state, settings }))
  const running = pipeline.run(stop.signal)
  const signal = await sending.promise
  stop.abort()
  await running
  expect(signal.aborted).toBe(true)
  await (await createPipeline(options(collector, { state }))).run()
  expect(collector.ids.toSorted()).toEqual(['g1/0', 'g2/0', 'g3/0'])
})

test('Sends side by side keep the order of each row', async () => {
  const collector = new Collector()
  const feed = new Feed()
  const stop = new AbortController()
  let most = 0
  let now = 0
  const send = async (messages: readonly TargetMessage[]): Promise<undefined> => {
    most = Math.max(most, (now += 1))
    for (let turns = 0; turns < 5; turns += 1) await new Promise((resolve) => setImmediate(resolve))
    now -= 1
    return collector.take(messages)
  }
  const type = collector.type({ open: () => ({ send, maxConcurrency: 4, maxBatch: 1 }) })
  const pipeline = await createPipeline(options(collector, { targets: [type], sources: [feed.source] }))
  const running = pipeline.run(stop.signal)
  for (let n = 1; n <= 60; n += 1) {
    const row = { id: n % 6, name: `${n}` }
    feed.push({ id: `${n}`, changes: [rowChange({ table: users, op: 'insert', new: row })], end: { n } })
  }
  await collector.got(60)
  stop.abort()
  await running
  expect(most).toBeGreaterThan(1)
  expect(most).toBeLessThanOrEqual(4)
  for (const sent of Map.groupBy(collector.messages, ({ key }) => key).values()) {
    const order = sent.map(({ id }) => Number.parseInt(id, 10))
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  }
})

test('Rules that are given last hold, however long others take to read', async () => {
  const collector = new Collector()
  const feed = new Feed()
  const stop = new AbortController()
  writeFileSync(join(folder, 'a.yaml'), RULES.replace('all', 'file'))
  const pipeline = await createPipeline(options(collector, { sources: [feed.source] }))
  const running = pipeline.run(stop.signal)
  const reloads = [pipeline.reload({ files: join(folder, 'a.yaml') }), pipeline.reload(RULES.replace('all', 'text'))]
  await Promise.all(reloads)
  feed.push(group(1))
  await collector.got(1)
  stop.abort()
  await running
  expect(collector.messages[0]!.rule).toBe('text')
})

test('Results that do not fit the messages are a failure of all of them: nothing counts as taken', async () => {
  const collector = new Collector()
  let answered = false
  const type = collector.type({
    open: () => ({
      send: (messages) => {
        if (answered) return collector.take(messages)
        answered = true
        return []
      },
    }),
  })
  const pipeline = await createPipeline(options(collector, { targets: [type], sources: [counting(1)] }))
  await pipeline.run()
  expect(collector.ids).toEqual(['g1/0'])
  expect(pipeline.stats().rules['all']!.deliveredTotal).toBe(1)
})

test('A target that cannot be opened is tried again', async () => {
  const collector = new Collector()
  let tries = 0
  const type = collector.type({
    open: () => {
      tries += 1
      if (tries < 3) throw new BingoError('APP_CLOSED', 'not open yet')
      return { send: (messages) => collector.take(messages) }
    },
  })
  await (await createPipeline(options(collector, { targets: [type] }))).run()
  expect([tries, collector.ids.length]).toEqual([3, 3])
})

test('A source is not asked for more while too much is in flight', async () => {
  const collector = new Collector()
  const open = Promise.withResolvers<void>()
  let asked = 0
  const source = counting(2_000)
  const inner = source.run.bind(source)
  const counted = Object.assign(source, {
    run: (...[into, from, signal]: Parameters<typeof source.run>) => {
      const commit = into.commit.bind(into)
      into.commit = (end) => {
        asked += 1
        commit(end)
      }
      return inner(into, from, signal)
    },
  })
  const type = collector.type({
    open: () => ({ send: (messages) => open.promise.then(() => collector.take(messages)), maxBatch: 10 }),
  })
  const pipeline = await createPipeline(
    options(collector, { targets: [type], sources: [counted], settings: { budget: '64KiB' } }),
  )
  const running = pipeline.run()
  await expect.poll(() => pipeline.stats().inFlight.bytes).toBeGreaterThan(40_000)
  const before = await settled(() => asked)
  expect(before).toBeLessThan(200)
  open.resolve()
  await running
  expect(collector.ids).toHaveLength(2_000)
})

/** The value once it has stopped moving over many turns of the event loop. */
async function settled(value: () => number): Promise<number> {
  for (let last = -1, turns = 0; ; turns += 1) {
    if (value() === last && turns > 50) return last
    if (value() !== last) turns = 0
    last = value()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('What a source throws ends the run, and what it handed in before is delivered and stored', async () => {
  const collector = new Collector()
  const failing = { ...options(collector), state: `file:${folder}/state` }
  const broken = counting(2)
  const inner = broken.run.bind(broken)
  broken.run = async (...args) => {
    await inner(...args)
    throw new TypeError('the line is cut')
  }
  const pipeline = await createPipeline({ ...failing, sources: [broken] })
  await expect(pipeline.run()).rejects.toThrow(new TypeError('the line is cut'))
  expect(pipeline.stats().sources['numbers']!.position).toBe('{"n":2}')
  await (await createPipeline(failing)).run()
  expect(collector.ids).toEqual(['g1/0', 'g2/0', 'g3/0'])
})

test('New rules hold from the next change on; wrong ones leave the present ones in force', async () => {
  const collector = new Collector()
  const feed = new Feed()
  const stop = new AbortController()
  const pipeline = await createPipeline(options(collector, { sources: [feed.source] }))
  const running = pipeline.run(stop.signal)
  feed.push(group(1))
  await collector.got(1)
  await expect(pipeline.reload('rules: [{id: x}]')).rejects.toThrow(ProblemsError)
  feed.push(group(2))
  await collector.got(2)
  await pipeline.reload(RULES.replace('all', 'new'))
  feed.push(group(3))
  await collector.got(3)
  stop.abort()
  await running
  expect(collector.messages.map(({ rule }) => rule)).toEqual(['all', 'all', 'new'])
})

test('Rules can be loaded ahead, and from files', async () => {
  const collector = new Collector()
  const targets = [collector.type()]
  const { ruleSet, warnings } = await loadRules(RULES, { targets })
  expect(warnings).toEqual([])
  await (await createPipeline(options(collector, { rules: ruleSet }))).run()
  writeFileSync(join(folder, 'a.yaml'), RULES)
  await (await createPipeline(options(collector, { rules: { files: join(folder, '*.yaml') } }))).run()
  expect(collector.ids).toHaveLength(6)
  const other = createPipeline(options(collector, { rules: ruleSet, targets: [] }))
  await expect(other).rejects.toMatchObject({ code: 'BINGO_TARGET_UNKNOWN' })
})

test('Deletes and key changes of own sources are ordered by key as those of a binlog', async () => {
  const collector = new Collector()
  const feed = new Feed()
  const stop = new AbortController()
  const pipeline = await createPipeline(options(collector, { sources: [feed.source] }))
  const running = pipeline.run(stop.signal)
  const [before, after] = [
    { id: 1, name: 'a' },
    { id: 2, name: 'a' },
  ]
  const changes = [
    rowChange({ table: users, op: 'insert', new: before }),
    rowChange({ table: users, op: 'update', old: before, new: after }),
    rowChange({ table: users, op: 'delete', old: after }),
  ]
  feed.push({ id: 't', changes, end: { n: 1 } })
  await collector.got(3)
  stop.abort()
  await running
  expect(collector.ids).toEqual(['t/0', 't/1', 't/2'])
})

test('A running pipeline keeps its state file to itself, and can be run once', async () => {
  const collector = new Collector()
  const feed = new Feed()
  const stop = new AbortController()
  const given = options(collector, { sources: [feed.source], state: `file:${folder}/state` })
  const pipeline = await createPipeline(given)
  const running = pipeline.run(stop.signal)
  feed.push(group(1))
  await collector.got(1)
  const second = await createPipeline({ ...given, sources: [counting(1)] })
  await expect(second.run()).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_LOCKED' })
  await expect(pipeline.run()).rejects.toMatchObject({ code: 'BINGO_PIPELINE_STARTED' })
  stop.abort()
  await running
})

test('A pipeline that is stopped before it starts resolves and reads nothing', async () => {
  const collector = new Collector()
  await (await createPipeline(options(collector))).run(AbortSignal.abort())
  expect(collector.ids).toEqual([])
})

describe('Options that cannot be used', () => {
  const collector = new Collector()
  const custom = (type: object): Partial<PipelineOptions> => ({ targets: [collector.type(type)] })
  const path = { kind: 'string', doc: 'a path' } as const

  test.each<[string, Partial<PipelineOptions>, string, RegExp]>([
    ['no source', { sources: [] }, 'BINGO_PIPELINE_SOURCES', /there is none/],
    ['two sources of one name', { sources: [counting(1), counting(1)] }, 'BINGO_PIPELINE_SOURCES', /two .* "numbers"/],
    ['a source without a name', { sources: [counting(1, { name: '' })] }, 'BINGO_PIPELINE_SOURCES', /"" is not/],
    [
      'a server without an address',
      { sources: [{ type: 'mysql' }] },
      'BINGO_INVALID_INPUT',
      /no database to read from/,
    ],
    [
      'a server with a wrong setting',
      { sources: [{ type: 'mysql', url: 'mysql://a:secret@b', onGap: 'perhaps' }] },
      'BINGO_INVALID_INPUT',
      /sources: binlog:\d+:\d+ .*onGap/,
    ],
    ['a name that is none', { name: 'a b' }, 'BINGO_INVALID_INPUT', /createPipeline:\d+:\d+ BINGO_CONFIG_VALUE name/],
    ['a state that is none', { state: 'postgres://x' }, 'BINGO_INVALID_INPUT', /checkpoint\.store/],
    ['a setting out of bounds', { settings: { lanes: 0 } }, 'BINGO_INVALID_INPUT', /lanes/],
    ['wrong rules', { rules: RULES.replace('collect', 'colect') }, 'BINGO_INVALID_INPUT', /^rules:1:\d+ .*colect/],
    ['files that are not there', { rules: { files: 'no/*.yaml' } }, 'BINGO_INVALID_INPUT', /no rules file matches/],
    ['a built-in target type', custom({ type: 'redis' }), 'BINGO_TARGET_TYPE_INVALID', /exists already/],
    ['a type that YAML could not name', custom({ type: 'a b' }), 'BINGO_TARGET_TYPE_INVALID', /not a valid name/],
    [
      'a field that all actions have',
      custom({ fields: { retry: path } }),
      'BINGO_TARGET_TYPE_INVALID',
      /"retry" already/,
    ],
    ['an address that is no field', custom({ targetFields: ['path'] }), 'BINGO_TARGET_TYPE_INVALID', /not a field/],
    [
      'an address that changes with the event',
      custom({ fields: { path: { kind: 'template', doc: '' } }, targetFields: ['path'] }),
      'BINGO_TARGET_TYPE_INVALID',
      /a template/,
    ],
  ])('%s', async (_, more, code, message) => {
    const error: unknown = await createPipeline(options(collector, more)).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(JSON.stringify(error)).not.toContain('secret')
  })
})
