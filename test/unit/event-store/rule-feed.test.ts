import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createEventStore } from '../../../src/event-store/create.ts'
import {
  requireRead,
  STREAMS_POSITIONS,
  streamsFeed,
  type StreamsPosition,
} from '../../../src/event-store/rule-feed.ts'
import { event } from '../../support/event-store/contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-rule-feed-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

/** A store of its own with so many events. */
async function storeWith(count: number) {
  const store = createEventStore(`file:${join(folder, `${++files}.db`)}`)
  for (let i = 1; i <= count; i++) await store.appendToStream(`s-${i}`, [event(i)])
  return store
}

async function readToEnd(store: Awaited<ReturnType<typeof storeWith>>): Promise<StreamsPosition> {
  const feed = streamsFeed({ store, start: 'earliest', instanceId: 'one' })
  const stop = new AbortController()
  let position = await feed.begin()
  for await (const group of feed.read(position, stop.signal, () => stop.abort())) position = group.end
  return position
}

test('reading resumes in the store that was read, from what a checkpoint holds', async () => {
  await using store = await storeWith(3)
  const position = STREAMS_POSITIONS.parse(STREAMS_POSITIONS.print(await readToEnd(store)))
  expect(position).toMatchObject({ after: 3n, id: expect.any(String) })
  await requireRead(store, position)
  await store.appendToStream('s-1', [event(4)])
  await requireRead(store, position)
  expect((await readToEnd(store)).after).toBe(4n)
})

test.each([
  [
    'another store that has more events',
    9,
    /is not the one that was read up to position 3: the event at that position/,
  ],
  ['one that has fewer', 2, /ends at position 2/],
  ['one that is empty', 0, /ends at position 0/],
])('in %s it does not', async (_, count, message) => {
  await using read = await storeWith(3)
  await using other = await storeWith(count)
  const position = await readToEnd(read)
  const feed = streamsFeed({ store: other, start: 'earliest', instanceId: 'one' })
  const reading = feed
    .read(position, new AbortController().signal, () => undefined)
    [Symbol.asyncIterator]()
    .next()
  const expected = { code: 'BINGO_STORE_REPLACED', retryable: false, message: expect.stringMatching(message) }
  await expect(reading).rejects.toMatchObject(expected)
})

test('positions that were stored without an event are read, and only what is certain is said', async () => {
  expect(STREAMS_POSITIONS.parse('604')).toEqual({ after: 604n })
  expect(STREAMS_POSITIONS.parse('604 binlog')).toEqual({ after: 604n, inBinlog: true })
  const strange = { after: 7n, id: 'a binlog id=\n1', inBinlog: true } as const
  expect(STREAMS_POSITIONS.parse(STREAMS_POSITIONS.print(strange))).toEqual(strange)
  expect(() => STREAMS_POSITIONS.parse('604 id=')).toThrow(/is not a global position/)
  await using store = await storeWith(2)
  await requireRead(store, { after: 0n, id: undefined })
  await requireRead(store, { after: 1n })
  await expect(requireRead(store, { after: 3n })).rejects.toThrow('ends at position 2')
})
