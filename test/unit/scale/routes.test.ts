import { expect, test } from 'vitest'
import { ProblemsError } from '../../../src/model/errors.ts'
import { Change, type Transaction } from '../../../src/model/event/change.ts'
import type { Operation } from '../../../src/model/event/row.ts'
import type { Rule } from '../../../src/model/rule/rule.ts'
import { defineTable, rowChange } from '../../../src/index.ts'
import type { RowValues } from '../../../src/sources/custom/row-change.ts'
import { readerRule, type AppendPayload } from '../../../src/scale/reader-rule.ts'
import { routeOf, shareOf } from '../../../src/scale/routes.ts'
import { shareRules } from '../../../src/scale/share-rules.ts'
import { scaleProblems } from '../../../src/scale/rule-problems.ts'
import { Shapes } from '../../../src/scale/shapes.ts'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'

const orders = defineTable({
  schema: 'shop',
  name: 'orders',
  columns: { id: 'int', customer: 'int', total: 'float', note: 'string' },
  key: ['id'],
})
const SHARES = 16
const ACTION = 'actions: [{type: webhook, url: "https://x.example/{{id}}"}]'

let transactions = 0
function changeOf(op: Operation, old: RowValues | undefined, new_: RowValues | undefined): Change {
  const id = `t${++transactions}`
  const transaction: Transaction = { id, gtid: null, file: '', offset: 0, serverId: 1, timestampUs: 0, query: null }
  if (op === 'truncate') {
    return new Change({ ...orders, columns: [], key: [] }, op, transaction, 0, null, null, 'TRUNCATE TABLE orders')
  }
  const row = rowChange({ table: orders, op: op as 'insert', old, new: new_ })
  return new Change(orders, op, transaction, 0, row.old, row.new, null)
}

const order = (id: number, customer: number) => ({ id, customer, total: 1, note: 'x' })

function rules(...texts: readonly string[]): readonly Rule[] {
  return rulesFrom(
    `rules:\n${texts.map((text, i) => `  - {id: r${i}, table: shop.orders, ${text}, ${ACTION}}`).join('\n')}\n`,
  )
}

const plain = 'events: [INSERT, UPDATE, DELETE, TRUNCATE]'

test('a change goes to the share of its row, and to that of each other key that rules have', () => {
  const [byRow, byCustomer] = rules(plain, `${plain}, key: "{{customer}}"`)
  const change = changeOf('insert', undefined, order(1, 7))
  expect(routeOf([byRow!], change, SHARES)).toEqual({ shares: [shareOf(byRow!, change, SHARES)], meets: false })
  const both = routeOf([byRow!, byCustomer!], change, SHARES)
  expect(both.meets).toBe(false)
  const own = [byRow!, byCustomer!].map((rule) => shareOf(rule, change, SHARES))
  expect(both.shares).toEqual([...new Set(own)].sort((a, b) => a - b))
  // All orders of a customer are in one share.
  const other = changeOf('insert', undefined, order(2, 7))
  expect(shareOf(byCustomer!, other, SHARES)).toBe(shareOf(byCustomer!, change, SHARES))
})

test('an UPDATE of the key brings the shares of both keys together, and one of something else does not', () => {
  const [byRow, byCustomer] = rules(plain, `${plain}, key: "{{customer}}"`)
  const moved = Array.from({ length: 40 }, (_, i) => changeOf('update', order(i, 1), order(i + 1_000, 1)))
  const routes = moved.map((change) => routeOf([byRow!], change, SHARES))
  expect(routes.some(({ meets }) => meets)).toBe(true)
  for (const { shares, meets } of routes) expect(shares).toHaveLength(meets ? 2 : 1)
  const sold = Array.from({ length: 40 }, (_, i) => changeOf('update', order(1, i), order(1, i + 100)))
  expect(sold.some((change) => routeOf([byCustomer!], change, SHARES).meets)).toBe(true)
  expect(sold.some((change) => routeOf([byRow!], change, SHARES).meets)).toBe(false)
})

test('a TRUNCATE concerns all shares, and one of them runs the rule', () => {
  const truncate = changeOf('truncate', undefined, undefined)
  const all = rules(plain, `${plain}, key: "{{customer}}"`)
  expect(routeOf(all, truncate, SHARES)).toEqual({ shares: Array.from({ length: SHARES }, (_, i) => i), meets: true })
  for (const rule of all) expect(runningOn(rule, truncate)).toHaveLength(1)
})

/** The shares whose rules match the change. */
function runningOn(rule: Rule, change: Change): readonly number[] {
  return Array.from({ length: SHARES }, (_, share) => share).filter((share) => {
    const [own] = shareRules({ rules: [rule], files: [] }, share, SHARES).rules
    return own!.filter!.bind(change.table)(change)
  })
}

test.each([
  ['by the row', plain],
  ['by a key of the rule', `${plain}, key: "{{customer}}"`],
])('of all shares exactly one runs a rule for a change, and it is one that the change goes to: %s', (_, text) => {
  const [rule] = rules(text)
  for (let id = 0; id < 30; id++) {
    const change = changeOf('update', order(id, id), order(id, id + 50))
    const running = runningOn(rule!, change)
    expect(running).toHaveLength(1)
    expect(routeOf([rule!], change, SHARES).shares).toContain(running[0])
  }
})

test('a condition that fails is told by one share, and by none where it is false', () => {
  const [failing, never] = rules(`${plain}, filter: "new.note.nothing == 1"`, `${plain}, filter: "new.total > 5.0"`)
  const change = changeOf('insert', undefined, order(1, 1))
  let failures = 0
  for (let share = 0; share < SHARES; share++) {
    const [own] = shareRules({ rules: [failing!], files: [] }, share, SHARES).rules
    try {
      expect(own!.filter!.bind(orders)(change)).toBe(false)
    } catch {
      failures += 1
    }
  }
  expect(failures).toBe(1)
  expect(runningOn(never!, change)).toEqual([])
})

test('what has a limit per second has its part of it in each share', () => {
  const [rule] = rulesFrom(
    'rules:\n  - {id: r, table: shop.orders, actions: [{type: webhook, url: "https://x.example/", rate: 32/s}]}\n',
  )
  const [own] = shareRules({ rules: [rule!], files: [] }, 3, SHARES).rules
  expect(own!.actions[0]!.ratePerSecond).toBe(2)
})

/** What the reader appends of a change; null: nothing. */
function appended(all: readonly Rule[], change: Change): AppendPayload | null {
  const shapes = new Shapes(new MemoryStateStore(), 'shop')
  const reader = readerRule({ rules: all, files: [] }, shapes, SHARES)
  if (!reader.listensTo(change.op, 'shop', 'orders')) return null
  if (!reader.filter!.bind(change.table)(change)) return null
  return reader.actions[0]!.bind(change.table)(change) as AppendPayload
}

test('the reader appends what some rule wants, and nothing else', () => {
  const all = rules('events: [INSERT], filter: "new.total > 5.0"', 'events: [DELETE]')
  expect(appended(all, changeOf('insert', undefined, order(1, 1)))).toBeNull()
  expect(appended(all, changeOf('insert', undefined, { ...order(1, 1), total: 9 }))).not.toBeNull()
  expect(appended(all, changeOf('update', order(1, 1), { ...order(1, 1), total: 9 }))).toBeNull()
  expect(appended(all, changeOf('delete', order(1, 1), undefined))).not.toBeNull()
  expect(appended(all, changeOf('truncate', undefined, undefined))).toBeNull()
  // It is judged where the rule runs.
  const failing = rules('events: [INSERT], filter: "new.note.nothing == 1"')
  expect(appended(failing, changeOf('insert', undefined, order(1, 1)))).not.toBeNull()
})

test('the reader appends what cancels or renews what waits', () => {
  const waiting = rules(
    'events: [INSERT], delay: 1h, cancelOn: {events: [DELETE]}',
    'events: [INSERT], delay: 1h, recheck: true, filter: "new.total > 5.0"',
  )
  expect(appended([waiting[0]!], changeOf('delete', order(1, 1), undefined))).not.toBeNull()
  expect(appended([waiting[0]!], changeOf('update', order(1, 1), order(1, 2)))).toBeNull()
  expect(appended([waiting[1]!], changeOf('update', order(1, 1), order(1, 2)))).not.toBeNull()
  expect(appended([waiting[1]!], changeOf('truncate', undefined, undefined))).not.toBeNull()
})

test('a thousand rules on one column are looked up, not asked one by one', () => {
  const all = rules(...Array.from({ length: 50 }, (_, i) => `events: [INSERT], filter: "new.customer == ${i}"`))
  expect(appended(all, changeOf('insert', undefined, order(1, 20)))!.shares).toHaveLength(1)
  expect(appended(all, changeOf('insert', undefined, order(1, 200)))).toBeNull()
})

const AROUND = { hasSource: true, takesEvents: false }
const WEBHOOK = 'actions: [{type: webhook, url: "https://x.example/"}]'

test('what sagas listen to is the reader’s, which appends nothing of it, and no share runs it', () => {
  const all = rulesFrom(
    `rules:
  - {id: r, table: shop.orders, events: [DELETE], ${WEBHOOK}}
sagas:
  - id: order
    table: shop.orders
    events: [INSERT]
    key: "{{id}}"
    steps: [{id: pay, action: {type: webhook, url: "https://x.example/"}, confirm: {table: shop.orders, events: [UPDATE], key: "{{id}}"}, timeout: 1m, compensate: none}]
`,
  )
  expect(all.map(({ id }) => id)).toEqual(['r', 'saga order start', 'saga order pay confirm'])
  expect(appended(all, changeOf('insert', undefined, order(1, 1)))).toBeNull()
  expect(appended(all, changeOf('update', order(1, 1), order(1, 2)))).toBeNull()
  expect(appended(all, changeOf('delete', order(1, 1), undefined))).not.toBeNull()
  expect(shareRules({ rules: all, files: [] }, 0, SHARES).rules.map(({ id }) => id)).toEqual(['r'])
  expect(scaleProblems({ rules: all, files: [] }, AROUND)).toEqual([])
})

test('rules that posted events could match are refused where the reader takes events in, for sagas alone', () => {
  const refused = (text: string, takesEvents: boolean): readonly string[] =>
    scaleProblems(
      { rules: rulesFrom(`rules:\n  - {id: r, ${text}, ${WEBHOOK}}\n`), files: [] },
      {
        hasSource: true,
        takesEvents,
      },
    ).map(({ code, message }) => `${code} ${message}`)
  expect(refused('on: shop.orders.create', false)).toEqual([])
  expect(refused('on: shop.orders.create', true)).toEqual([
    expect.stringContaining('BINGO_RULE_SCALE the rule matches posted events too'),
  ])
  expect(refused('on: shop.orders.create, source: database', true)).toEqual([])
  expect(refused('on: shop.orders.create, source: api', true)).toEqual([
    'BINGO_RULE_SCALE posted events do not go through a reader',
  ])
})

test('rules that workers cannot run are refused, with what to do', () => {
  const refused = (text: string): readonly string[] =>
    scaleProblems({ rules: rules(text), files: [] }, AROUND).map(({ message }) => message)
  const threshold = (by: string) => `threshold: {count: 3, within: 1m${by}}`
  expect(refused(threshold(''))).toEqual([expect.stringContaining('no worker sees all of them')])
  expect(refused(threshold(', by: "{{customer}}"'))).toEqual([expect.stringContaining('ordered by the primary key')])
  expect(refused(`${threshold(', by: "{{customer}}"')}, key: "{{customer}}"`)).toEqual([])
  expect(refused('delay: 5m')).toEqual([])
  expect(refused('debounce: 5s')).toEqual([])
  expect(() => {
    throw new ProblemsError(scaleProblems({ rules: rules(threshold('')), files: [] }, AROUND))
  }).toThrow(/a\.yaml:2:/)
})
