import { expect, test } from 'vitest'
import type { StateStore } from '../../../src/model/state/state.ts'

/** A store over the same values each time it is called within one test, as another process would open it. */
export type OpenState = () => Promise<StateStore>

/** What every store of state does, whatever it is made of. `place` gives a new, empty place per test. */
export function describeState(place: () => OpenState): void {
  test('answers null for a key that was never written, and what was written otherwise', async () => {
    const store = await place()()
    expect(await store.load('a')).toBeNull()
    expect(await store.save('a', 'one', null)).toBe(true)
    expect(await store.load('a')).toEqual({ value: 'one', version: 1 })
    expect(await store.save('a', 'two', 1)).toBe(true)
    expect(await store.load('a')).toEqual({ value: 'two', version: 2 })
    expect(await store.load('b')).toBeNull()
  })

  test.each([
    ['nothing', ''],
    ['all of Unicode', '\u0000\u001f"\\\u2028😀é'],
    ['a megabyte', 'x'.repeat(1 << 20)],
  ])('keeps %s as it is', async (_what, value) => {
    const open = place()
    await (await open()).save(`key ${value.slice(1, 10)}`, value, null)
    expect(await (await open()).load(`key ${value.slice(1, 10)}`)).toEqual({ value, version: 1 })
  })

  test('refuses a write that names another version than the stored one, and leaves that as it is', async () => {
    const store = await place()()
    expect(await store.save('a', 'x', 3)).toBe(false)
    await store.save('a', 'one', null)
    await store.save('a', 'two', 1)
    for (const wrong of [null, 1, 3]) expect(await store.save('a', 'other', wrong)).toBe(false)
    expect(await store.load('a')).toEqual({ value: 'two', version: 2 })
  })

  test('fences off a writer that was overtaken', async () => {
    const open = place()
    const [former, latter] = [await open(), await open()]
    await former.save('a', 'epoch 1', null)
    const seen = await latter.load('a')
    expect(await latter.save('a', 'epoch 2', seen!.version)).toBe(true)
    expect(await former.save('a', 'epoch 1 again', 1)).toBe(false)
    expect(await former.load('a')).toEqual({ value: 'epoch 2', version: 2 })
  })

  test('applies a write once that is repeated because its answer was lost', async () => {
    const store = await place()()
    expect(await store.save('a', 'one', null)).toBe(true)
    expect(await store.save('a', 'one', null)).toBe(true)
    expect(await store.save('a', 'two', 1)).toBe(true)
    expect(await store.save('a', 'two', 1)).toBe(true)
    expect(await store.load('a')).toEqual({ value: 'two', version: 2 })
  })

  test('of many writers at once exactly one replaces each version', async () => {
    const open = place()
    const stores = await Promise.all(Array.from({ length: 4 }, () => open()))
    await stores[0]!.save('a', 'begin', null)
    for (let version = 1; version <= 10; version++) {
      const won = await Promise.all(stores.map((store, i) => store.save('a', `writer ${i} of ${version}`, version)))
      expect(won.filter(Boolean)).toHaveLength(1)
    }
    expect(await stores[3]!.load('a')).toMatchObject({ version: 11 })
  })

  test('has leases next to the values', async () => {
    const open = place()
    const [one, two] = [(await open()).lease('work', 60_000), (await open()).lease('work', 60_000)]
    expect(await one.ask()).toMatchObject({ tag: 'taken' })
    expect(await two.ask()).toMatchObject({ tag: 'other' })
    await one.release()
    expect(await two.ask()).toEqual({ tag: 'taken', after: 'release' })
  })
}
