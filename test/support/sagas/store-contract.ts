import { describe, expect, test } from 'vitest'
import type { SagaInstance } from '../../../src/model/saga/instance.ts'
import type { SagaStore } from '../../../src/model/saga/store.ts'
import { PENDING } from '../../../src/sagas/machine/draft.ts'
import { sagaEvent } from './plans.ts'

export function sagaInstance(key: string, given: Partial<SagaInstance> = {}): SagaInstance {
  return {
    saga: 'order',
    key,
    version: 'v1',
    status: 'running',
    startedAt: 1_000,
    updatedAt: 1_000,
    endedAt: null,
    deadlineAt: null,
    failure: null,
    event: sagaEvent(),
    steps: { reserve: PENDING },
    dueAt: null,
    epoch: 1,
    revision: 1,
    ...given,
  }
}

export function sagaSource(id: string, version: string) {
  return { id, version, file: 'rules/sagas.yaml', line: 3, text: `- id: ${id}` }
}

export async function add(store: SagaStore, ...instances: readonly SagaInstance[]): Promise<readonly boolean[]> {
  const transitions = instances.map((instance) => ({ instance, from: 0 }))
  return store.save(transitions, [sagaSource('order', 'v1')], null)
}

/** `place()` gives a new, empty place; what it gives opens a store there, as often as it is called. */
export function describeSagaStore(place: () => Promise<() => Promise<SagaStore>>): void {
  const opened = async (): Promise<SagaStore> => (await place())()

  test('gives back what was saved, in the order asked for', async () => {
    const store = await opened()
    const big = sagaInstance('b', {
      event: sagaEvent({ amount: 12_345_678_901_234_567_890n, name: 'Zoë "☃" \\ 😀', list: [1, null, { a: true }] }),
    })
    await add(store, sagaInstance('a'), big)
    const found = await store.load([
      { saga: 'order', key: 'b' },
      { saga: 'order', key: 'none' },
      { saga: 'other', key: 'a' },
      { saga: 'order', key: 'a' },
    ])
    expect(found).toEqual([big, null, null, sagaInstance('a')])
  })

  test('keeps keys apart that differ in letter case, accents or trailing blanks', async () => {
    const store = await opened()
    const keys = ['k', 'K', 'é', 'e', 'e ', 'x'.repeat(512), '%', '_']
    expect(await add(store, ...keys.map((key) => sagaInstance(key)))).toEqual(keys.map(() => true))
    const found = await store.load(keys.map((key) => ({ saga: 'order', key })))
    expect(found.map((each) => each?.key)).toEqual(keys)
  })

  test('takes the first of two starts with one key', async () => {
    const store = await opened()
    expect(await add(store, sagaInstance('a', { startedAt: 1 }))).toEqual([true])
    expect(await add(store, sagaInstance('a', { startedAt: 2 }), sagaInstance('b'))).toEqual([false, true])
    expect((await store.load([{ saga: 'order', key: 'a' }]))[0]!.startedAt).toBe(1)
  })

  test('refuses a change of what somebody else has changed, and saves the others', async () => {
    const store = await opened()
    await add(store, sagaInstance('a'), sagaInstance('b'))
    const next = (key: string, revision: number) => ({ instance: sagaInstance(key, { revision }), from: revision - 1 })
    expect(await store.save([next('a', 2)], [], 1)).toEqual([true])
    expect(await store.save([next('a', 2), next('b', 2), next('none', 2)], [], 1)).toEqual([false, true, false])
  })

  test('finds what is due, the longest overdue first, by pages', async () => {
    const store = await opened()
    await add(store, ...[30, 10, 20, 40].map((dueAt) => sagaInstance(`at ${dueAt}`, { dueAt })), sagaInstance('never'))
    expect((await store.due(30, 2)).map(({ key }) => key)).toEqual(['at 10', 'at 20'])
    expect((await store.due(9, 2)).length).toBe(0)
    expect(await store.nextDue()).toBe(10)
    await store.save([{ instance: sagaInstance('at 10', { revision: 2 }), from: 1 }], [], 1)
    expect((await store.due(30, 9)).map(({ key }) => key)).toEqual(['at 20', 'at 30'])
  })

  test('has nothing due when nothing waits for a time', async () => {
    const store = await opened()
    expect(await store.nextDue()).toBeNull()
    await add(store, sagaInstance('a'))
    expect(await store.nextDue()).toBeNull()
  })

  test('makes everything due whose commands were on their way when another one takes over', async () => {
    const store = await opened()
    const sent = { reserve: { ...PENDING, status: 'sending', sentAt: 5, attempts: 1 } } as const
    await add(store, sagaInstance('sent', { steps: sent }), sagaInstance('waiting'))
    await store.claim()
    expect((await store.due(0, 9)).map(({ key }) => key)).toEqual(['sent'])
  })

  test('refuses a leader that another one has replaced', async () => {
    const open = await place()
    const [store, other] = [await open(), await open()]
    const first = await store.claim()
    await add(store, sagaInstance('a'))
    const change = [{ instance: sagaInstance('a', { revision: 2 }), from: 1 }]
    const second = await other.claim()
    expect(second).toBeGreaterThan(first)
    await expect(store.save(change, [], first)).rejects.toMatchObject({ code: 'BINGO_SAGA_FENCED', retryable: false })
    expect((await other.load([{ saga: 'order', key: 'a' }]))[0]!.revision).toBe(1)
    expect(await other.save(change, [], second)).toEqual([true])
    expect(await other.save([{ instance: sagaInstance('a', { revision: 3 }), from: 2 }], [], null)).toEqual([true])
  })

  test('lists the newest first, by pages, and by what is asked for', async () => {
    const store = await opened()
    const instances = Array.from({ length: 7 }, (_, i) =>
      sagaInstance(`k${i}`, { startedAt: 1_000 + Math.floor(i / 2), status: i % 3 === 0 ? 'stuck' : 'running' }),
    )
    await add(store, ...instances, sagaInstance('k9', { saga: 'other' }))
    const keys: string[] = []
    for (let after: string | null = null; ;) {
      const { instances: page, next } = await store.list({ saga: 'order' }, { limit: 3, after })
      keys.push(...page.map(({ key }) => key))
      if (next === null) break
      after = next
    }
    expect(keys).toEqual(['k6', 'k5', 'k4', 'k3', 'k2', 'k1', 'k0'])
    const stuck = await store.list({ status: ['stuck'] }, { limit: 9, after: null })
    expect(stuck.instances.map(({ key }) => key)).toEqual(['k6', 'k3', 'k0'])
    const prefixed = await store.list({ keyPrefix: 'k9' }, { limit: 9, after: null })
    expect(prefixed.instances.map(({ saga }) => saga)).toEqual(['other'])
    await expect(store.list({}, { limit: 1, after: 'x' })).rejects.toMatchObject({ code: 'BINGO_SAGA_PAGE' })
  })

  test('counts by saga and status, with the oldest', async () => {
    const store = await opened()
    await add(
      store,
      sagaInstance('a', { startedAt: 5 }),
      sagaInstance('b', { startedAt: 3 }),
      sagaInstance('c', { status: 'stuck', startedAt: 9 }),
    )
    await store.save(
      [{ instance: sagaInstance('a', { startedAt: 5, revision: 2, status: 'completed' }), from: 1 }],
      [],
      1,
    )
    const counts = (await store.counts()).toSorted((a, b) => (a.status < b.status ? -1 : 1))
    expect(counts).toEqual([
      { saga: 'order', status: 'completed', count: 1, oldestMs: 5 },
      { saga: 'order', status: 'running', count: 1, oldestMs: 3 },
      { saga: 'order', status: 'stuck', count: 1, oldestMs: 9 },
    ])
  })

  describe('definitions', () => {
    test('are kept for as long as instances of them are', async () => {
      const store = await opened()
      await add(store, sagaInstance('a', { status: 'completed', endedAt: 50 }))
      const second = sagaInstance('b', { version: 'v2' })
      await store.save([{ instance: second, from: 0 }], [sagaSource('order', 'v2')], 1)
      const known = await store.definitions()
      expect(known.map(({ version }) => version).toSorted()).toEqual(['v1', 'v2'])
      expect(known.find(({ version }) => version === 'v1')).toEqual(sagaSource('order', 'v1'))
      expect(await store.removeEnded(50, 10)).toBe(0)
      expect(await store.removeEnded(51, 10)).toBe(1)
      expect((await store.definitions()).map(({ version }) => version)).toEqual(['v2'])
      expect(await store.load([{ saga: 'order', key: 'a' }])).toEqual([null])
      expect((await store.counts()).map(({ count }) => count)).toEqual([1])
    })
  })
}
