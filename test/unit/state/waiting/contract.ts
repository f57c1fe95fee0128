import { expect, test } from 'vitest'
import type { StoredRecord, WaitingRecord, WaitingShape, WaitingStore } from '../../../../src/model/delivery/waiting.ts'

export const SHAPE: WaitingShape = {
  ruleId: 'rule',
  ruleVersion: 'v1',
  actionIndex: 0,
  action: { identity: '0', parts: { url: 'a' }, ofRule: ['0'] },
  actionType: 'webhook',
  target: 'crm',
  schema: 'shop',
  table: 'users',
  columns: [
    ['id', 'int'],
    ['status', 'string'],
  ],
  key: ['id'],
}

export function record(number: number, overrides: Partial<WaitingRecord> = {}): WaitingRecord {
  return {
    id: `tx/${number}#rule#0`,
    line: 'spool/crm',
    shape: SHAPE,
    rowKey: `shop\0users\0${number}`,
    baseMs: 1_000 + number,
    event: JSON.stringify({ id: `tx/${number}`, text: 'a line\nfeed, a \u0000 and é' }),
    attempts: [],
    ...overrides,
  }
}

export async function ids(store: WaitingStore, line = 'spool/crm'): Promise<number[]> {
  return (await store.page(line, 0, 10_000)).map(({ id }) => Number(/\/(\d+)/.exec(id)![1]))
}

/** What every store of waiting events does. Each call of `open` is another connection to one and the same place. */
export function describeWaiting(newPlace: () => () => Promise<WaitingStore>): void {
  const fresh = (): Promise<WaitingStore> => newPlace()()

  test('gives back what was added, in order and with everything that was said of it', async () => {
    const store = await fresh()
    const failed = record(2, {
      stage: 'filter',
      attempts: [{ at: 5, code: 'BINGO_X', message: 'no\nluck', answer: { status: '422', text: '{}' } }],
    })
    const places = (await store.add([record(1), failed])) as [number, number]
    expect(places[1]).toBeGreaterThan(places[0])
    const page = await store.page('spool/crm', 0, 10)
    const expected = [record(1), failed].map((each, i) => ({
      ...each,
      seq: places[i],
      bytes: Buffer.byteLength(each.event),
    }))
    expect(page).toEqual(expected)
  })

  test('reads a page as the line is at one moment, while its records come again', async () => {
    const store = await fresh()
    const places = await store.add([record(1), record(2), record(3)])
    const reading = store.page('spool/crm', 0, 2)
    const moving = store.add([record(1), record(2), record(3)])
    expect((await reading).map(({ seq }) => seq)).toEqual(places.slice(0, 2))
    await moving
    expect(await ids(store)).toEqual([1, 2, 3])
  })

  test('reads a page as the line is at one moment, while some of them move behind others', async () => {
    const store = await fresh()
    const places = await store.add([record(1), record(2), record(3), record(4)])
    const reading = store.page('spool/crm', 0, 3)
    const moving = store.add([record(1), record(3, { line: 'delay/rule' })])
    expect((await reading).map(({ seq }) => seq)).toEqual(places.slice(0, 3))
    await moving
    expect(await ids(store)).toEqual([2, 4, 1])
  })

  test('reads as many as there are, while some are removed', async () => {
    const store = await fresh()
    const places = (await store.add([record(1), record(2), record(3)])) as number[]
    const reading = store.page('spool/crm', 0, 2)
    const removing = store.remove([places[0]!])
    expect(await reading).toHaveLength(2)
    await removing
    expect(await ids(store)).toEqual([2, 3])
  })

  test('reads on behind a place, line by line', async () => {
    const store = await fresh()
    await store.add([record(1), record(2, { line: 'delay/rule' }), record(3), record(4)])
    const [first] = await store.page('spool/crm', 0, 1)
    expect((await store.page('spool/crm', first!.seq, 10)).map(({ id }) => id)).toEqual([record(3).id, record(4).id])
    expect(await ids(store, 'delay/rule')).toEqual([2])
    expect(await ids(store, 'spool/other')).toEqual([])
  })

  test('moves a record that is added again to the end, also of another line', async () => {
    const store = await fresh()
    await store.add([record(1), record(2), record(3)])
    await store.add([record(1)])
    expect(await ids(store)).toEqual([2, 3, 1])
    await store.add([record(2, { line: 'spool/mail' })])
    expect(await ids(store)).toEqual([3, 1])
    expect(await ids(store, 'spool/mail')).toEqual([2])
    expect((await store.lines()).map(({ line, count }) => `${line} ${count}`).toSorted()).toEqual([
      'spool/crm 2',
      'spool/mail 1',
    ])
  })

  test('takes the same record twice in one call for one, at its last place', async () => {
    const store = await fresh()
    const places = await store.add([record(1), record(2), record(1)])
    expect(places).toHaveLength(3)
    expect(await ids(store)).toEqual([2, 1])
    expect((await store.lines())[0]!.count).toBe(2)
  })

  test('removes by place, so that a record that was added again stays', async () => {
    const store = await fresh()
    const [one, two] = (await store.add([record(1), record(2)])) as [number, number]
    await store.add([record(1)])
    await store.remove([one, two, 999_999])
    expect(await ids(store)).toEqual([1])
    await store.remove((await store.page('spool/crm', 0, 10)).map(({ seq }) => seq))
    expect(await store.lines()).toEqual([])
  })

  test('moves what was read at a place only while something stands there', async () => {
    const store = await fresh()
    const [place] = (await store.add([record(1), record(2)])) as [number, number]
    await store.add([record(1)])
    const moved = { ...record(1, { line: 'spool/mail' }), from: place }
    expect(await store.add([moved])).toEqual([null])
    expect(await ids(store)).toEqual([2, 1])
    const [now] = (await store.page('spool/crm', 0, 10)).filter(({ id }) => id === record(1).id)
    expect(await store.add([{ ...moved, from: now!.seq }])).toEqual([expect.any(Number)])
    expect(await ids(store)).toEqual([2])
    expect(await ids(store, 'spool/mail')).toEqual([1])
    expect(await store.add([{ ...moved, from: now!.seq }])).toEqual([null])
  })

  test('never gives a place twice, whatever was removed and however often it is opened', async () => {
    const open = newPlace()
    let last = 0
    for (let i = 0; i < 3; i++) {
      const store = await open()
      const [place] = await store.add([record(1)])
      expect(place!).toBeGreaterThan(last)
      last = place!
      await store.remove([place!])
    }
  })

  test('keeps the totals of each line, and what its records are', async () => {
    const store = await fresh()
    const other: WaitingShape = { ...SHAPE, ruleId: 'other' }
    const added = [record(7), record(8, { shape: other })]
    await store.add(added)
    const bytes = added.reduce((sum, { event }) => sum + Buffer.byteLength(event), 0)
    const [line] = await store.lines()
    expect(line).toMatchObject({ line: 'spool/crm', count: 2, bytes, oldestMs: 1_007 })
    expect(line!.shapes.map(({ ruleId }) => ruleId).toSorted()).toEqual(['other', 'rule'])
  })

  test('gives one object for one shape, so that what is compiled for it is found again', async () => {
    const store = await fresh()
    await store.add([record(1), record(2, { shape: structuredClone(SHAPE) })])
    const [one, two] = (await store.page('spool/crm', 0, 2)) as [StoredRecord, StoredRecord]
    expect(one.shape).toBe(two.shape)
  })

  test('finds what is delayed by its row', async () => {
    const store = await fresh()
    const delayed = (number: number, row: string): WaitingRecord => record(number, { line: 'delay/rule', rowKey: row })
    await store.add([delayed(1, 'a\0b'), delayed(2, 'c'), delayed(3, 'a\0b'), record(4, { rowKey: 'a\0b' })])
    const found = await store.ofKey('delay/rule', 'a\0b')
    expect(found.map(({ id }) => id)).toEqual([record(1).id, record(3).id])
    await store.remove([found[0]!.seq])
    expect(await store.ofKey('delay/rule', 'a\0b')).toHaveLength(1)
  })

  test('finds what waits for a suspended rule by its row', async () => {
    const store = await fresh()
    await store.add([record(1, { line: 'rule/rule', rowKey: 'a' }), record(2, { line: 'rule/rule', rowKey: 'b' })])
    expect((await store.ofKey('rule/rule', 'b')).map(({ id }) => id)).toEqual([record(2).id])
  })

  test('gives records another row at their places, and passes over places that are empty', async () => {
    const open = newPlace()
    const store = await open()
    const failed = record(2, {
      line: 'delay/rule',
      rowKey: 'a\0b',
      stage: 'when',
      attempts: [{ at: 5, code: 'BINGO_X', message: 'no\nluck' }],
    })
    await store.add([record(1, { line: 'delay/rule' }), failed, record(3, { line: 'delay/rule' })])
    const [first, second] = (await store.page('delay/rule', 0, 2)) as [StoredRecord, StoredRecord]
    await store.remove([first.seq])
    const shape: WaitingShape = { ...SHAPE, columns: [...SHAPE.columns, ['paid', 'int']] }
    const now = { ...second, shape, rowKey: 'c\0d', event: '{"text":"a line\\nfeed, and é"}' }
    await store.replace([{ ...now, seq: first.seq }, now, { ...now, seq: 999_999 }])
    const reopened = await open()
    const expected = { ...now, bytes: Buffer.byteLength(now.event) }
    expect((await reopened.page('delay/rule', 0, 10))[0]).toEqual(expected)
    expect(await ids(reopened, 'delay/rule')).toEqual([2, 3])
    expect(await reopened.ofKey('delay/rule', 'c\0d')).toEqual([expected])
    expect(await reopened.ofKey('delay/rule', 'a\0b')).toEqual([])
    const bytes = expected.bytes + Buffer.byteLength(record(3).event)
    expect(await reopened.lines()).toMatchObject([{ line: 'delay/rule', count: 2, bytes }])
    await reopened.remove([second.seq])
    expect(await reopened.ofKey('delay/rule', 'c\0d')).toEqual([])
    expect(await ids(reopened, 'delay/rule')).toEqual([3])
  })

  test('finds by its row what was added before anybody asked for a row, and after', async () => {
    const store = await fresh()
    const delayed = (number: number): WaitingRecord => record(number, { line: 'delay/rule', rowKey: `${number % 3}` })
    await store.add(Array.from({ length: 6_000 }, (_, i) => delayed(i)))
    expect(await store.ofKey('delay/other', '1')).toEqual([])
    expect(await store.ofKey('delay/rule', '1')).toHaveLength(2_000)
    await store.add([delayed(6_001), delayed(1)])
    const found = await store.ofKey('delay/rule', '1')
    expect(found.map(({ id }) => id).slice(-2)).toEqual([record(6_001).id, record(1).id])
    expect(found).toHaveLength(2_001)
  })

  test('takes records that are there already among others that are new, in the order given', async () => {
    const store = await fresh()
    await store.add([record(5), record(30), record(100)])
    const many = Array.from({ length: 40 }, (_, i) => record(i))
    await store.add([...many, record(7)])
    expect(await ids(store)).toEqual([100, ...many.map((_, i) => i).filter((i) => i !== 7), 7])
    expect((await store.lines())[0]!.count).toBe(41)
  })

  test('leaves nothing of later actions of a rule ahead of an earlier one that is added again', async () => {
    const store = await fresh()
    const of = (action: string, event = 1): WaitingRecord => {
      const ofRule = { identity: action, parts: {}, ofRule: ['0', '1', 'last'] }
      return record(event, { id: `tx/${event}#rule#${action}`, shape: { ...SHAPE, action: ofRule } })
    }
    const actions = async (): Promise<string[]> => (await store.page('spool/crm', 0, 100)).map(({ id }) => id.slice(3))
    await store.add([of('0'), of('1'), of('last'), of('1', 2)])
    await store.add([of('0')])
    expect(await actions()).toEqual(['2#rule#1', '1#rule#0'])
    await store.add([of('0'), of('1'), of('last')])
    expect(await actions()).toEqual(['2#rule#1', '1#rule#0', '1#rule#1', '1#rule#last'])
    await store.add([of('1')])
    expect(await actions()).toEqual(['2#rule#1', '1#rule#0', '1#rule#1'])
    const [, first] = await store.page('spool/crm', 0, 100)
    await store.add([{ ...of('0'), line: 'spool/mail', from: first!.seq }])
    expect(await actions()).toEqual(['2#rule#1', '1#rule#1'])
    expect((await store.lines()).map(({ line, count }) => `${line} ${count}`).toSorted()).toEqual([
      'spool/crm 2',
      'spool/mail 1',
    ])
  })

  test('removes places in any order, with gaps and twice', async () => {
    const store = await fresh()
    const places = await store.add(Array.from({ length: 9 }, (_, i) => record(i)))
    await store.remove([8, 1, 2, 2, 5].map((i) => places[i]!))
    expect(await ids(store)).toEqual([0, 3, 4, 6, 7])
    expect((await store.lines())[0]!.count).toBe(5)
  })

  test('holds thousands, a page at a time', async () => {
    const store = await fresh()
    await store.add(Array.from({ length: 1_500 }, (_, i) => record(i + 1)))
    let after = 0
    let seen = 0
    for (;;) {
      const page = await store.page('spool/crm', after, 400)
      if (page.length === 0) break
      seen += page.length
      after = page.at(-1)!.seq
    }
    expect(seen).toBe(1_500)
  })
}
