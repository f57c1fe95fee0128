import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createPipeline, loadRules } from '../../../../src/index.ts'
import type { DeadLetter, Pipeline, PipelineOptions } from '../../../../src/index.ts'
import { Collector, Feed, group } from '../../../support/library.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bingo-published-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const CHAIN = `
rules:
  - id: welcome
    on: users.user.create
    actions:
      - {id: make, type: event, event: {type: mail.welcome.requested, key: "{{key}}", payload: {to: "{{payload.email}}"}}}
  - {id: mail, on: "mail.**", actions: [{type: collect, body: {id: "{{event.id}}", cause: "{{event.causationId}}", to: "{{payload.to}}"}}]}`

interface Running extends AsyncDisposable {
  readonly pipeline: Pipeline
}

async function start(options: Omit<PipelineOptions, 'name' | 'state'> & { readonly state?: string }): Promise<Running> {
  const stop = new AbortController()
  const pipeline = await createPipeline({ name: 'app', state: 'memory:', ...options })
  const running = pipeline.run(stop.signal)
  await expect.poll(() => pipeline.stats().sources['events']?.caughtUp).toBe(true)
  return {
    pipeline,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
    },
  }
}

const lettersOf = async (pipeline: Pipeline): Promise<DeadLetter[]> => {
  const letters: DeadLetter[] = []
  for await (const letter of pipeline.deadLetters()) letters.push(letter)
  return letters
}

test('A pipeline without sources takes events that the program publishes, and events that its rules make of them', async () => {
  const collector = new Collector()
  await using running = await start({ events: { store: 'memory:' }, rules: CHAIN, targets: [collector.type()] })
  const { pipeline } = running
  const posted = await pipeline.publish({
    type: 'users.user.create',
    id: 'u1',
    key: 'user-1',
    payload: { email: 'ada@test.example' },
  })
  expect(posted).toMatchObject({ tag: 'stored', record: { id: 'u1', source: 'app', key: 'user-1', status: 'pending' } })
  expect(await pipeline.publish({ type: 'users.user.create', id: 'u1' })).toMatchObject({ tag: 'duplicate' })
  await collector.got(1)
  expect(collector.messages[0]!.body).toMatchObject({ cause: 'u1', to: 'ada@test.example' })
  const batch = await pipeline.publishBatch([
    { type: 'mail.a', payload: { to: 'b' } },
    { type: 'mail.b', payload: { to: 'c' } },
  ])
  expect(batch.map(({ record }) => record.type)).toEqual(['mail.a', 'mail.b'])
  await collector.got(3)
})

test('Rows and published events go through the rules of one pipeline', async () => {
  const collector = new Collector()
  const feed = new Feed()
  const rules = 'rules: [{id: both, on: ["shop.users.create", "users.**"], actions: [{type: collect}]}]'
  await using running = await start({
    sources: [feed.source],
    events: { store: `file:${folder}/events` },
    rules,
    targets: [collector.type()],
  })
  feed.push(group(1))
  await running.pipeline.publish({ type: 'users.user.create', id: 'posted' })
  await collector.got(2)
  expect(collector.ids.toSorted()).toEqual(['g1/0', 'posted'])
})

test('Published events that were not delivered before a stop are delivered by the next run, once', async () => {
  const options = { events: { store: `file:${folder}/events` }, state: `file:${folder}/state` }
  const rules = 'rules: [{id: r, on: "users.**", actions: [{type: collect}]}]'
  const collector = new Collector()
  {
    await using running = await start({ ...options, rules: 'rules: []', targets: [] })
    await running.pipeline.publish({ type: 'users.user.create', id: 'seen' })
    const later = await running.pipeline.publish({ type: 'users.user.create', id: 'later' }, { deliverAfter: 1 })
    expect(later.record.deliverAt).not.toBe(null)
    await expect.poll(() => running.pipeline.stats().transactionsTotal).toBe(1)
  }
  await using _running = await start({ ...options, rules, targets: [collector.type()] })
  await collector.got(1)
  expect(collector.ids).toEqual(['later'])
})

test('Dead letters of `type: event` actions are redelivered while the pipeline runs and after it has stopped', async () => {
  const broken = CHAIN.replace('mail.welcome.requested', '"mail.{{payload.missing}}"')
  const options = { events: { store: `file:${folder}/events` }, state: `file:${folder}/state` }
  const collector = new Collector()
  const targets = [collector.type()]
  let stopped: Pipeline
  {
    await using running = await start({ ...options, rules: broken, targets })
    const { pipeline } = running
    stopped = pipeline
    for (const id of ['u1', 'u2']) await pipeline.publish({ type: 'users.user.create', id, payload: { email: id } })
    await expect.poll(async () => (await lettersOf(pipeline)).length).toBe(2)
    await pipeline.reload(CHAIN)
    const [first] = await lettersOf(pipeline)
    expect(await pipeline.redeliver({ ids: [first!.id] })).toMatchObject({ sent: 1, left: 0, failures: [] })
    await collector.got(1)
  }
  expect(await stopped.redeliver()).toMatchObject({ sent: 1, left: 0, failures: [] })
  await using _running = await start({ ...options, rules: CHAIN, targets })
  await collector.got(2)
  expect(collector.messages.map(({ body }) => (body as { readonly to: string }).to).toSorted()).toEqual(['u1', 'u2'])
})

test.each([
  ['before it runs', 'BINGO_PIPELINE_NOT_RUNNING', { events: { store: 'memory:' } }],
  ['where it takes none', 'BINGO_EVENTS_OFF', { sources: [new Feed().source] }],
])('Publishing %s is an error with a stable code', async (_when, code, options) => {
  const pipeline = await createPipeline({ name: 'app', state: 'memory:', rules: 'rules: []', ...options })
  await expect(pipeline.publish({ type: 'a.b' })).rejects.toMatchObject({ code })
  await expect(pipeline.publishBatch([{ type: 'a.b' }])).rejects.toMatchObject({ code })
})

test('What is wrong with a published event is told with its path, and nothing of its batch is stored', async () => {
  const collector = new Collector()
  const rules = 'rules: [{id: r, on: "*", actions: [{type: collect}]}]'
  await using running = await start({ events: { store: 'memory:' }, rules, targets: [collector.type()] })
  const wrong = running.pipeline.publishBatch([{ type: 'a.b' }, { type: 'a b' }])
  await expect(wrong).rejects.toMatchObject({
    code: 'BINGO_EVENT_REFUSED',
    problems: [{ path: '$.events[1].type' }],
  })
  await running.pipeline.publish({ type: 'a.b', id: 'right' })
  await collector.got(1)
  expect(collector.ids).toEqual(['right'])
})

test('A rule that makes events needs a pipeline that keeps them', async () => {
  const options = { name: 'app', state: 'memory:', sources: [new Feed().source] }
  const rules = 'rules: [{id: r, on: "*", actions: [{type: event, event: {type: a.b}}]}]'
  await expect(createPipeline({ ...options, rules })).rejects.toThrow('BINGO_RULE_EVENT_NO_STORE')
  const { ruleSet } = await loadRules(rules)
  await using _running = await start({ events: { store: 'memory:' }, rules: ruleSet })
})

test.each([
  ['a source that is called as posted events are', { sources: [new Feed('events').source] }, 'BINGO_PIPELINE_SOURCES'],
  ['a store that is none', { events: { store: 'ftp://x' } }, 'BINGO_INVALID_INPUT'],
])('%s is refused', async (_what, options, code) => {
  const made = createPipeline({
    name: 'app',
    state: 'memory:',
    rules: 'rules: []',
    events: { store: 'memory:' },
    ...options,
  })
  await expect(made).rejects.toMatchObject({ code })
})
