import { expect, test } from 'vitest'
import { createPipeline, groupSource } from '../../../../src/index.ts'
import type { ChangeGroup } from '../../../../src/index.ts'
import { Collector, group, type Place } from '../../../support/library.ts'

async function run(groups: readonly object[]) {
  const collector = new Collector()
  const source = groupSource<Place>({ name: 'own', read: () => groups as readonly ChangeGroup<Place>[] })
  const rules = 'rules: [{id: all, table: users, actions: [{type: collect}]}]'
  const options = { name: 'app', sources: [source], rules, targets: [collector.type()], state: 'memory:' }
  const pipeline = await createPipeline(options)
  const error: unknown = await pipeline.run().catch((thrown: unknown) => thrown)
  return { error, ids: collector.ids, position: pipeline.stats().sources['own']!.position }
}

const first = group(1)

test.each<[string, object, RegExp]>([
  ['no id', { ...group(2), id: '' }, /`id` is not a text/],
  ['the id of the group before it', { ...group(2), id: 'g1' }, /the same `id`/],
  ['a time that is none', { ...group(2), at: Number.NaN }, /`at` is not a time/],
  ['a time in microseconds', { ...group(2), at: 1.7e15 }, /`at` is not a time/],
  ['no position', { ...group(2), end: undefined }, /`end` is not an object/],
  ['a number for a position', { ...group(2), end: 2 }, /`end` is not an object/],
  ['the position object of the group before it', { ...group(2), end: first.end }, /the object of the group before/],
  ['plain objects for changes', { ...group(2), changes: [{ id: 1 }] }, /not a list of row changes/],
  ['no changes', { id: 'g2', end: { n: 2 } }, /not a list of row changes/],
])('A group is refused that has %s, and what came before it is delivered', async (_, bad, message) => {
  const { error, ids, position } = await run([first, bad, group(3)])
  expect(error).toMatchObject({ code: 'BINGO_GROUP_INVALID', message: expect.stringMatching(message) })
  expect(ids).toEqual(['g1/0'])
  expect(position).toBe('{"n":1}')
})

test('A group without changes moves the position', async () => {
  expect(await run([first, { id: 'g2', changes: [], end: { n: 2 } }])).toEqual({
    error: undefined,
    ids: ['g1/0'],
    position: '{"n":2}',
  })
})
