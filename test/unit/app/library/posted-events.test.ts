import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BingoError, Change, createPipeline, PauseReasons, SourceState } from '../../../../src/index.ts'
import type { DeadLetter, PipelineOptions, Source } from '../../../../src/index.ts'
import { ADA, changeOf } from '../../../support/match-tables.ts'
import { Collector } from '../../../support/library.ts'
import type { Place } from '../../../support/library.ts'
import { posted } from '../../../support/posted-events.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bingo-posted-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Hands in these events, each as a group of its own, and ends. */
function sourceOf(events: readonly Change[]): Source<Place> {
  const pauses = new PauseReasons(() => undefined)
  return {
    name: 'events',
    positions: { print: ({ n }) => String(n), parse: (text) => ({ n: Number(text) }) },
    state: new SourceState(),
    async run(into) {
      for (const [n, event] of events.entries()) {
        into.begin(event.transaction)
        into.event(event)
        into.commit({ n: n + 1 })
      }
    },
    rulesChanged: () => undefined,
    pause: (reason) => pauses.pause(reason),
    resume: (reason) => pauses.resume(reason),
  }
}

const options = (rules: string, events: readonly Change[], collector: Collector): PipelineOptions => ({
  name: 'app',
  sources: [sourceOf(events)],
  rules,
  targets: [collector.type()],
  state: 'memory:',
})

const row = (id: number): Change => {
  const change = changeOf(null, { ...ADA, id })
  return new Change(change.table, 'insert', { ...change.transaction, id: `tx${id}` }, 0, null, change.new, null)
}

test('Rows and posted events go through one rule, and posted events of one key keep their order', async () => {
  const rules = `
rules:
  - {id: both, on: ["shop.users.create", "orders.**"], actions: [{type: collect, body: {type: "{{event.type}}", id: "{{event.id}}"}}]}
  - {id: posted, on: "orders.**", match: {payload: {n: [{$gte: 5}]}}, actions: [{type: collect, body: "{{payload.n}}"}]}
  - {id: rows, on: "shop.users.*", filter: "new.status == 1", actions: [{type: collect, body: "{{name}}"}]}`
  const events = Array.from({ length: 10 }, (_, n) => posted({ id: `e${n}`, key: 'order-17', payload: { n } }))
  const collector = new Collector()
  const pipeline = await createPipeline(
    options(rules, [row(1), ...events, posted({ id: 'no', type: 'mail.sent' })], collector),
  )
  await pipeline.run()
  const bodies = (rule: string): unknown[] =>
    collector.messages.filter((each) => each.rule === rule).map(({ body }) => body)
  expect(bodies('both')).toEqual([
    { type: 'shop.users.create', id: 'tx1/0' },
    ...events.map(({ id }) => ({ type: 'orders.order.create', id })),
  ])
  expect(bodies('posted')).toEqual([5, 6, 7, 8, 9])
  expect(bodies('rows')).toEqual(['Ada'])
  expect(pipeline.stats()).toMatchObject({ matchedTotal: 11, sources: { events: { position: '12' } } })
})

test('A posted event that its target refuses is kept, parks those of its key behind it, and is redelivered as it was', async () => {
  const rules = `
rules:
  - {id: r, on: "orders.**", onFailure: park, retry: {attempts: 1}, actions: [{type: collect}]}`
  const collector = new Collector()
  let refuses = true
  const type = collector.type(
    {},
    {
      maxBatch: 1,
      send: (messages) => {
        const error = new BingoError('TEST_REFUSED', 'no')
        if (refuses && messages[0]!.id === 'e1') return [{ kind: 'poison', error }]
        return collector.take(messages)
      },
    },
  )
  const events = [
    posted({ id: 'e1', key: 'order-17', payload: { n: 1 }, correlationId: 'c' }),
    posted({ id: 'e2', key: 'order-17', payload: { n: 2 } }),
    posted({ id: 'e3', payload: { n: 3 } }),
  ]
  const state = `file:${folder}/state`
  const pipeline = await createPipeline({ ...options(rules, events, collector), targets: [type], state })
  await pipeline.run()
  expect(collector.ids).toEqual(['e3'])
  const letters: DeadLetter[] = []
  for await (const letter of pipeline.deadLetters()) letters.push(letter)
  expect(letters.map(({ id, state, rowKey }) => [id.split('#')[0], state, rowKey])).toEqual([
    ['e1', 'park', 'event\0default\0order-17'],
    ['e2', 'parked', 'event\0default\0order-17'],
  ])
  refuses = false
  expect(await pipeline.redeliver()).toMatchObject({ sent: 2, left: 0 })
  expect(collector.messages.slice(1).map(({ body }) => body)).toEqual([
    expect.objectContaining({ id: 'e1', type: 'orders.order.create', payload: { n: 1 }, correlationId: 'c' }),
    expect.objectContaining({ id: 'e2', payload: { n: 2 } }),
  ])
})

test('Windows gather posted events, and keep the latest of each key', async () => {
  const rules = `
rules:
  - {id: r, on: "orders.**", debounce: 20ms, coalesce: latest, actions: [{type: collect, body: same}]}`
  const events = [1, 2, 3].flatMap((n) => [
    posted({ id: `a${n}`, key: 'a', payload: { n: `a${n}` } }),
    posted({ id: `b${n}`, payload: { n: `b${n}` } }),
  ])
  const collector = new Collector()
  const pipeline = await createPipeline(options(rules, events, collector))
  await pipeline.run()
  expect(collector.ids.toSorted()).toEqual(['a3', 'b1', 'b2', 'b3'])
})
