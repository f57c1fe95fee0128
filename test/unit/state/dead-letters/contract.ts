import { expect, test } from 'vitest'
import { systemClock } from '../../../../src/model/clock.ts'
import type { StoreClock } from '../../../../src/state/dead-letters/expiry.ts'
import type { DeadLetterLimits } from '../../../../src/state/dead-letters/letter.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../../../src/model/delivery/dead-letter.ts'
import { toChangeEvent } from '../../../../src/model/event/forms/event-json.ts'
import { change } from '../../../support/jobs.ts'

export const ROOMY: DeadLetterLimits = { maxCount: 10_000, maxBytes: 100_000_000, maxAgeMs: Infinity }

export function letter(number: number, overrides: Partial<DeadLetter> = {}): DeadLetter {
  const event = toChangeEvent(change('update', { id: number, status: 0 }, { id: number, status: 2n ** 60n }, number))
  return {
    id: `${event.id}#rule#0`,
    event,
    ruleId: 'rule',
    ruleVersion: 'v1',
    actionIndex: 0,
    actionType: 'webhook',
    target: 'webhook https://crm.example.com',
    rowKey: `shop\0users\0${number}`,
    state: 'park',
    attempts: [{ at: 1_000, code: 'BINGO_WEBHOOK_STATUS', message: 'answered 400' }],
    createdAt: 1_000 + number,
    ...overrides,
  }
}

export async function listed(store: DeadLetterStore, filter: DeadLetterFilter = {}): Promise<string[]> {
  const rowKeys: string[] = []
  for await (const each of store.list(filter)) rowKeys.push(each.rowKey.split('\0')[2]!)
  return rowKeys
}

export type OpenStore = (limits: DeadLetterLimits, clock?: StoreClock) => Promise<DeadLetterStore>

const range = (from: number, to: number): DeadLetter[] => Array.from({ length: to - from }, (_, i) => letter(from + i))

/** What every dead-letter store does, whatever it is made of. */
export function describeStore(open: OpenStore): void {
  test('lists by the code of the last attempt', async () => {
    const store = await open(ROOMY)
    const attempt = (code: string) => ({ at: 1, code, message: 'x' })
    await store.add([letter(1, { attempts: [attempt('A'), attempt('B')] }), letter(2, { attempts: [attempt('A')] })])
    await store.add([letter(3, { attempts: [] })])
    expect(await listed(store, { code: 'A' })).toEqual(['2'])
    expect(await listed(store, { code: 'B' })).toEqual(['1'])
  })

  test('returns what was added, in the order in which it was added', async () => {
    const store = await open(ROOMY)
    await store.add(range(0, 450))
    expect(await store.count()).toBe(450)
    expect(await listed(store)).toEqual(range(0, 450).map((_, i) => String(i)))
    for await (const each of store.list({ limit: 1 })) {
      expect(each).toEqual({
        ...letter(0),
        event: { ...letter(0).event, new: { id: 0, status: '1152921504606846976' } },
      })
    }
  })

  test('accepts an existing entry as done', async () => {
    const store = await open(ROOMY)
    await store.add([letter(1), letter(1)])
    await store.add([letter(1, { state: 'parked', attempts: [] }), letter(2)])
    expect(await store.count()).toBe(2)
    for await (const each of store.list({ limit: 1 })) expect(each.attempts).toHaveLength(1)
  })

  test('filters by id, rule, table and time', async () => {
    const store = await open(ROOMY)
    await store.add([letter(1), letter(2, { ruleId: 'other' }), letter(3)])
    expect(await listed(store, { ids: [letter(3).id, 'gone'] })).toEqual(['3'])
    expect(await listed(store, { rule: 'other' })).toEqual(['2'])
    expect(await listed(store, { table: 'users', limit: 2 })).toEqual(['1', '2'])
    expect(await listed(store, { table: 'shop.users', since: 1_002, until: 1_002 })).toEqual(['2'])
    expect(await listed(store, { table: 'orders' })).toEqual([])
    expect(await listed(store, { limit: 0 })).toEqual([])
  })

  test('lists what is asked for by id once each, oldest first, in whatever order the ids are given', async () => {
    const store = await open(ROOMY)
    await store.add(range(0, 450))
    const ids = (numbers: readonly number[]) => numbers.map((number) => letter(number).id)
    expect(await listed(store, { ids: ids([7, 3, 7, 440, 3]) })).toEqual(['3', '7', '440'])
    expect(await listed(store, { ids: ids([7, 3]), limit: 1 })).toEqual(['3'])
    const most = Array.from({ length: 430 }, (_, i) => 440 - i)
    expect(await listed(store, { ids: ids(most) })).toEqual(most.toReversed().map(String))
  })

  test('knows which row keys are parked, per rule', async () => {
    const store = await open(ROOMY)
    await store.add([letter(1), letter(2, { state: 'skip' }), letter(3, { state: 'park', ruleId: 'b' })])
    expect(await store.parkedKeys()).toEqual(new Set(['rule\0shop\0users\x001', 'b\0shop\0users\x003']))
    await store.remove([letter(1).id])
    expect(await store.parkedKeys()).toEqual(new Set(['b\0shop\0users\x003']))
  })

  test('accepts what waits behind an entry, and returns what no longer has anything to wait for', async () => {
    const store = await open(ROOMY)
    const of = (number: number, key: string, state: DeadLetter['state']) => letter(number, { rowKey: key, state })
    expect(await store.add([of(1, 'a', 'park'), of(2, 'a', 'parked')])).toEqual([])
    expect(await store.add([of(3, 'a', 'parked'), of(4, 'b', 'parked'), of(5, 'c', 'skip')])).toEqual([letter(4).id])
    await store.remove([letter(1).id, letter(2).id])
    expect(await store.add([of(6, 'a', 'parked')])).toEqual([])
    await store.remove([letter(3).id, letter(6).id])
    expect(await store.parkedKeys()).toEqual(new Set())
    // What follows it on its key is given back, too, even where it failed itself: the order of the key comes first.
    const batch = [of(7, 'a', 'parked'), of(8, 'a', 'park'), of(9, 'b', 'park'), of(10, 'b', 'parked')]
    expect(await store.add(batch)).toEqual([letter(7).id, letter(8).id])
    expect(await store.parkedKeys()).toEqual(new Set(['rule\0b']))
    expect(await store.count()).toBe(3)
  })

  test('separates what it returns over many entries', async () => {
    const store = await open(ROOMY)
    await store.add([letter(0, { rowKey: 'kept', state: 'park' })])
    const batch = Array.from({ length: 450 }, (_, i) =>
      letter(i + 1, { rowKey: i % 3 === 0 ? 'kept' : 'gone', state: i === 400 ? 'park' : 'parked' }),
    )
    const gone = batch.filter((each) => each.rowKey === 'gone').map((each) => each.id)
    expect(await store.add(batch)).toEqual(gone)
    expect(await store.count()).toBe(151)
  })

  test('lets one process retry at a time', async () => {
    const store = await open(ROOMY)
    const lease = await store.lease()
    await expect(store.lease()).rejects.toThrow(expect.objectContaining({ code: 'BINGO_DEAD_LETTERS_BUSY' }))
    await lease[Symbol.asyncDispose]()
    await using again = await store.lease()
    expect(again).toBeDefined()
  })

  test('returns how many entries it removed', async () => {
    const store = await open(ROOMY)
    await store.add(range(0, 5))
    expect(await store.remove([letter(1).id, letter(3).id, 'gone'])).toBe(2)
    expect(await listed(store)).toEqual(['0', '2', '4'])
  })

  test('refuses what exceeds its count, adds none of it, and accepts more once there is room', async () => {
    const store = await open({ ...ROOMY, maxCount: 3 })
    await store.add(range(0, 2))
    const refused = expect.objectContaining({ code: 'BINGO_DEAD_LETTERS_FULL', retryable: true })
    await expect(store.add(range(2, 4))).rejects.toThrow(refused)
    expect(await listed(store)).toEqual(['0', '1'])
    await store.remove([letter(0).id])
    await store.add(range(2, 4))
    expect(await listed(store)).toEqual(['1', '2', '3'])
    await store.add(range(1, 4))
  })

  test('refuses what exceeds its bytes, and counts freed bytes', async () => {
    const bytes = 2 * Buffer.byteLength(JSON.stringify({ ...letter(1), event: { ...letter(1).event, new: {} } })) + 200
    const store = await open({ ...ROOMY, maxBytes: bytes })
    await store.add(range(1, 3))
    await expect(store.add([letter(3)])).rejects.toThrow(expect.objectContaining({ code: 'BINGO_DEAD_LETTERS_FULL' }))
    await store.remove([letter(1).id])
    await store.add([letter(3)])
    expect(await listed(store)).toEqual(['2', '3'])
  })

  test('a wall clock that is set does not remove recent entries', async () => {
    let wallMs = 1_000
    let monotonicMs = 0
    const store = await open(
      { ...ROOMY, maxAgeMs: 3_600_000 },
      { ...systemClock, now: () => wallMs, monotonicMs: () => monotonicMs },
    )
    await store.add([letter(1, { createdAt: wallMs })])
    for (const jumpMs of [31_536_000_000, -31_536_000_000]) {
      wallMs += jumpMs
      monotonicMs += 5_000
      await store.add([letter(monotonicMs, { createdAt: wallMs })])
    }
    expect(await store.count()).toBe(3)
  })

  test('removes entries that exceed their age when new ones come', async () => {
    let now = 1_100
    const store = await open({ ...ROOMY, maxAgeMs: 1_000 }, { ...systemClock, now: () => now, monotonicMs: () => now })
    await store.add([letter(1), letter(2)])
    expect(await store.count()).toBe(2)
    now = 2_200
    await store.add([letter(5, { createdAt: now })])
    expect(await listed(store)).toEqual(['5'])
  })
}

/** What somebody may make of an entry by hand, and what is said of it. */
export const EDITED: readonly (readonly [body: (body: string) => string, fault: string])[] = [
  [(body) => body.slice(0, 60), 'it is not JSON'],
  [() => 'null', 'it is not a map'],
  [(body) => body.replace('"op":"update"', '"op":5'), 'event.op is not a text'],
  [(body) => body.replace('"state":"park"', '"state":"done"'), 'state is not one of skip, park, parked'],
  [(body) => body.replace('"at":1000', '"at":"yesterday"'), 'attempts[0].at is not a time in milliseconds'],
]

/** Entry 2 of three, each of a row of its own, was edited: it is named, can be dropped, and the others are as before. */
export async function expectNamed(store: DeadLetterStore, fault: string): Promise<void> {
  const { id } = letter(2)
  await expect(listed(store)).rejects.toMatchObject({
    code: 'BINGO_DEAD_LETTER_CORRUPT',
    message: expect.stringContaining(`"${id}" in ${store.description} is corrupt: ${fault}`) as string,
    hint: expect.stringContaining(`bingo dead-letters drop '${id}'`) as string,
  })
  expect(await store.add([letter(4)])).toEqual([])
  expect(await store.remove([id])).toBe(1)
  expect(await listed(store)).toEqual(['1', '3', '4'])
  expect((await store.parkedKeys()).size).toBe(3)
  expect(await store.count()).toBe(3)
}
