import { describe, expect, test } from 'vitest'
import type { PartLease } from '../../../../src/sources/broker/contract.ts'
import { PartLedger } from '../../../../src/sources/broker/ledger.ts'
import { matchesSubjects } from '../../../../src/sources/broker/nats/subject.ts'
import { trimmedUnread } from '../../../../src/sources/broker/redis/commands.ts'
import { recordOfEntry } from '../../../../src/sources/broker/redis/entry.ts'
import { isBehind } from '../../../../src/sources/broker/redis/stream-lease.ts'

describe('the ledger of parts', () => {
  const lease = (part: string): PartLease => ({ part, lost: false })

  test('prints where each part has come to, up to the watermark, and reads it back', () => {
    const [a, b, ledger] = [lease('t/0'), lease('t/1'), new PartLedger()]
    ledger.begin(new Map([['t/2', '9']]))
    ledger.add(a, '1')
    const second = ledger.add(b, '5')
    ledger.add(a, '2')
    const text = ledger.positions.print(second)
    expect(JSON.parse(text)).toEqual({ 't/0': '1', 't/1': '5', 't/2': '9' })
    expect(ledger.positions.parse(text).places).toEqual(new Map(Object.entries(JSON.parse(text) as object)))
    expect(() => ledger.positions.parse('7')).toThrow(
      expect.objectContaining({ code: 'BINGO_CHECKPOINT_CORRUPT' }) as Error,
    )
  })

  test('acknowledges each part once, and never what was read under a lease that is lost', () => {
    const [a, b, ledger] = [lease('t/0'), lease('t/1'), new PartLedger()]
    ledger.add(a, '1')
    ledger.add(b, '5')
    const last = ledger.add(a, '2')
    b.lost = true
    expect([...ledger.finished(last)]).toEqual([[a, '2']])
    expect(ledger.finished(last).size).toBe(0)
    expect(JSON.parse(ledger.positions.print(last))).toEqual({ 't/0': '2' })
  })

  test('is settled when nothing is in flight any more', async () => {
    const [a, ledger] = [lease('t/0'), new PartLedger()]
    await ledger.settled()
    const first = ledger.add(a, '1')
    const last = ledger.add(a, '2')
    let isSettled = false
    const settled = ledger.settled().then(() => (isSettled = true))
    ledger.finished(first)
    await Promise.resolve()
    expect(isSettled).toBe(false)
    ledger.finished(last)
    await settled
  })
})

test('subjects match part by part, and > takes at least one', () => {
  const matching = ['orders.>', 'a.*.c', 'x']
  const subjects = ['orders.1', 'orders.1.2', 'orders', 'a.b.c', 'a.b.c.d', 'x', 'x.y']
  expect(subjects.filter((subject) => matchesSubjects(subject, matching))).toEqual([
    'orders.1',
    'orders.1.2',
    'a.b.c',
    'x',
  ])
  expect(matchesSubjects('any', [])).toBe(true)
})

describe('entries of Redis Streams', () => {
  const record = (
    fields: { readonly [name: string]: string },
    field: string | null = null,
    format: 'json' | 'bingo' = 'json',
  ) => {
    const entries = Object.entries(fields).map(([name, value]) => [name, Buffer.from(value)] as const)
    const { key, value, headers } = recordOfEntry('s', { id: '5-1', fields: entries }, { format, field })
    return [key && String(key), String(value), Object.fromEntries(headers)]
  }

  test('have their value in the field that is named, the only one, or the one that is called so', () => {
    expect(record({ doc: '1' })).toEqual([null, '1', {}])
    expect(record({ key: 'k', value: '1', Trace: 't' })).toEqual(['k', '1', { key: 'k', trace: 't' }])
    expect(record({ a: '1', b: '2' }, 'b')).toEqual([null, '2', { a: '1' }])
    expect(record({ payload: '1', x: '2' }, null, 'bingo')).toEqual([null, '1', { x: '2' }])
  })

  test('without one are all of their fields', () => {
    expect(record({ n: '7', data: 'x' })[1]).toBe('{"n":"7","data":"x"}')
  })

  test('are ordered by both numbers of their id', () => {
    expect([isBehind('10-0', '9-9'), isBehind('10-2', '10-10'), isBehind('10-1', '10-1')]).toEqual([true, false, false])
  })

  test('that were trimmed unread are counted; not what was read, deleted one by one, or is not known', () => {
    const state = {
      length: 2,
      trimmed: 10,
      first: '11-0',
      lastAdded: '12-0',
      deletedUpTo: '0-0',
      delivered: '6-0',
      read: 6,
    }
    expect(trimmedUnread(state)).toBe(4)
    expect(trimmedUnread({ ...state, delivered: '11-0', read: 11 })).toBe(0)
    expect(trimmedUnread({ ...state, deletedUpTo: '8-0' })).toBe(0)
    expect(trimmedUnread({ ...state, read: null })).toBe(0)
    expect(trimmedUnread({ ...state, length: 0, first: null, trimmed: 12 })).toBe(6)
  })
})
