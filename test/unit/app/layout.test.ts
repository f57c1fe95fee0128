import { expect, test } from 'vitest'
import {
  checkLayout,
  followLayout,
  forgetLayout,
  keepLayout,
  layoutOf,
  storedLayout,
} from '../../../src/app/scale/layout.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'

const of = (through: string, shares = 16) => layoutOf({ through, shares })
const KAFKA = of('kafka://k1:9092/changes')

test('workers take part where the reader appends as they read, whatever the servers are called', async () => {
  const state = new MemoryStateStore()
  // A worker may be there first.
  await checkLayout(state, of('kafka://k1:9092/other'))
  await keepLayout(state, KAFKA)
  await keepLayout(state, KAFKA)
  await checkLayout(state, of('kafka://10.0.0.2:9092,k3:9092/changes'))
})

test.each([
  ['another number of shares', of('kafka://k1:9092/changes', 8)],
  ['another topic', of('kafka://k1:9092/other')],
  ['another engine', of('nats://k1:4222/changes')],
])('%s is refused to readers and workers, and nothing is changed', async (_, other) => {
  const state = new MemoryStateStore()
  await keepLayout(state, KAFKA)
  for (const join of [keepLayout, checkLayout]) {
    await expect(join(state, other)).rejects.toMatchObject({
      code: 'BINGO_SCALE_MISMATCH',
      retryable: false,
      message: expect.stringContaining('the reader appends 16 shares through Kafka topic changes'),
    })
  }
  await checkLayout(state, KAFKA)
})

test('databases and prefixes of one Redis are logs of their own', async () => {
  const state = new MemoryStateStore()
  await keepLayout(state, of('redis://r:6379/1'))
  for (const other of ['redis://r:6379/2', 'redis://r:6379/1?prefix=x']) {
    await expect(checkLayout(state, of(other))).rejects.toMatchObject({ code: 'BINGO_SCALE_MISMATCH' })
  }
})

test('a worker that was there first stops when a reader comes that appends in another way', async () => {
  const state = new MemoryStateStore()
  const clock = { ...systemClock, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) }
  const following = followLayout(
    state,
    { ...of('kafka://k1:9092/changes', 8), generation: 0 },
    clock,
    new AbortController().signal,
  )
  await keepLayout(state, KAFKA)
  await expect(following).rejects.toMatchObject({ code: 'BINGO_SCALE_MISMATCH' })
})

test('after one process did everything, the next reader may divide changes in another way', async () => {
  const state = new MemoryStateStore()
  await forgetLayout(state)
  await keepLayout(state, KAFKA)
  await forgetLayout(state)
  await keepLayout(state, of('kafka://k1:9092/changes', 8))
  await expect(checkLayout(state, KAFKA)).rejects.toMatchObject({ code: 'BINGO_SCALE_MISMATCH' })
})

test('each layout after one process did everything is another generation, which a worker knows before its reader comes', async () => {
  const state = new MemoryStateStore()
  expect(await checkLayout(state, KAFKA)).toBe(0)
  await keepLayout(state, KAFKA)
  expect(await checkLayout(state, KAFKA)).toBe(0)
  await forgetLayout(state)
  await forgetLayout(state)
  expect(await checkLayout(state, KAFKA)).toBe(1)
  await keepLayout(state, KAFKA)
  expect(await storedLayout(state)).toEqual({ ...KAFKA, generation: 1 })
  const signal = new AbortController().signal
  const clock = { ...systemClock, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) }
  await expect(followLayout(state, { ...KAFKA, generation: 0 }, clock, signal)).rejects.toThrow('one process')
})

test('what was stored before layouts had generations is read as the first', async () => {
  const state = new MemoryStateStore()
  await state.save('scale/layout', JSON.stringify(KAFKA), null)
  expect(await storedLayout(state)).toEqual({ ...KAFKA, generation: 0 })
  await state.save('scale/layout', 'null', 1)
  expect(await storedLayout(state)).toBeNull()
  expect(await checkLayout(state, KAFKA)).toBe(1)
})

test('a layout that somebody has edited is refused, naming its key and the fault', async () => {
  const state = new MemoryStateStore()
  await state.save('scale/layout', '{"log":"Kafka topic a","shares":"16"}', null)
  await expect(checkLayout(state, KAFKA)).rejects.toMatchObject({
    code: 'BINGO_STATE_CORRUPT',
    message: 'The state in memory: scale/layout is corrupt: shares is not a number',
  })
})
