import { expect, test } from 'vitest'
import { NO_GAPS } from '../../../../src/model/event/gap.ts'
import { SourceRecords } from '../../../../src/state/checkpoint/source-record.ts'
import { MemoryStateStore } from '../../../../src/state/memory/state-store.ts'

const record = (position: string, epoch = 1) => ({ position, savedAt: 5, epoch, gaps: NO_GAPS })

test('Each source of each instance has a position of its own', async () => {
  const state = new MemoryStateStore()
  const records = [
    ['a', 'one'],
    ['a', 'other'],
    ['b', 'one'],
  ].map(([name, source]) => new SourceRecords(state, name!, source!))
  for (const [i, each] of records.entries()) await each.save(record(`p${i}`))
  for (const [i, each] of records.entries()) expect(await each.load()).toEqual(record(`p${i}`))
  expect((await state.load('checkpoint/a/other'))?.value).toContain('"p1"')
})

test('Whoever began later keeps the position: a save of an earlier run is refused', async () => {
  const state = new MemoryStateStore()
  const [earlier, later] = [new SourceRecords(state, 'a', 's'), new SourceRecords(state, 'a', 's')]
  await earlier.save(record('1', 1))
  await later.save(record('2', 2))
  await expect(earlier.save(record('3', 1))).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_FENCED' })
  expect(await later.load()).toEqual(record('2', 2))
})

test.each([
  ['cut short', (text: string) => text.slice(0, -5)],
  ['changed', (text: string) => text.replace('"p"', '"q"')],
  ['of a newer version', (text: string) => text.replace('"version":1', '"version":2')],
  ['nothing like it', () => '[]'],
])('A record that is %s is refused, and names its place', async (_, spoil) => {
  const state = new MemoryStateStore()
  const records = new SourceRecords(state, 'a', 's')
  await records.save(record('p'))
  const { value, version } = (await state.load('checkpoint/a/s'))!
  await state.save('checkpoint/a/s', spoil(value), version)
  const error = { code: 'BINGO_CHECKPOINT_CORRUPT', message: expect.stringContaining('memory: checkpoint/a/s') }
  await expect(new SourceRecords(state, 'a', 's').load()).rejects.toMatchObject(error)
})
