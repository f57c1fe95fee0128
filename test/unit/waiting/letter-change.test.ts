import { expect, test } from 'vitest'
import { parseLetter, serialiseLetter } from '../../../src/state/dead-letters/letter.ts'
import { MemoryDeadLetterStore } from '../../../src/state/dead-letters/memory-store.ts'
import { FailureHandler } from '../../../src/deliver/failure-handler.ts'
import { letterChange } from '../../../src/waiting/letter-change.ts'
import { Change } from '../../../src/model/event/change.ts'
import type { Row } from '../../../src/model/event/row.ts'
import { stringifyEvent } from '../../../src/model/event/forms/event-json.ts'
import { PostedEvent } from '../../../src/model/event/posted/posted-event.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { SampledLog } from '../../../src/model/sampled-log.ts'
import { ColumnType } from '../../../src/model/table/column-type.ts'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import { createStats } from '../../../src/model/stats.ts'
import type { TableDef } from '../../../src/model/table/table.ts'
import { compilePredicate } from '../../../src/rules/language/cel/predicate.ts'
import { inlineText } from '../../../src/rules/language/source-text.ts'
import { ROOMY } from '../state/dead-letters/contract.ts'
import { posted } from '../../support/posted-events.ts'
import { action, CountingHold, silentLog, transaction } from '../../support/jobs.ts'

const { LONGLONG, DOUBLE, VARCHAR, JSON: JSON_TYPE, SET } = ColumnType
const COLUMNS: readonly (readonly [string, number, boolean?])[] = [
  ['id', LONGLONG],
  ['big', LONGLONG],
  ['huge', LONGLONG, true],
  ['price', DOUBLE],
  ['digits', VARCHAR],
  ['tags', SET],
  ['doc', JSON_TYPE],
  ['__proto__', VARCHAR],
]
const table: TableDef = {
  schema: 'shop',
  name: 'users',
  flavour: 'mysql',
  key: [0],
  columns: COLUMNS.map(([name, type, unsigned]) => {
    return { name, type, meta: 0, nullable: true, unsigned: unsigned === true, collation: 0, visible: true }
  }),
}

function row(values: object): Row {
  return Object.assign(Object.create(null) as Row, values, JSON.parse('{"__proto__":"data"}'))
}

const new_ = row({
  id: 1,
  big: 2n ** 60n + 1n,
  huge: 2n ** 64n - 1n,
  price: 5,
  digits: '12345678901234567890',
  tags: ['a', 'b'],
  doc: { n: 7, list: [1.5] },
})

/** What a command gets to read of a change whose filter failed. */
async function stored(change: Change): Promise<Change> {
  const store = new MemoryDeadLetterStore(ROOMY)
  const { signal } = new AbortController()
  const ruleStats = {
    matchedTotal: 0,
    actionsTotal: 0,
    deliveredTotal: 0,
    coalescedTotal: 0,
    errorsTotal: 0,
    deadLettersTotal: 0,
  }
  const deps = {
    store,
    clock: systemClock,
    log: silentLog,
    repeats: new SampledLog(silentLog, systemClock),
    signal,
    stats: createStats(1).deadLetters,
  }
  const failures = await FailureHandler.open({ ...deps, ruleStats: () => ruleStats }, signal)
  const failure = { stage: 'filter', code: 'BINGO_FILTER_FAILED', message: 'no such column' } as const
  await failures.giveUp([new InFlightJob(action(), change, undefined, 0, 1, new CountingHold(), failure)], null)
  for await (const letter of store.list({}))
    return letterChange(parseLetter({ text: serialiseLetter(letter) }, 'memory'))
  throw new Error('nothing was stored')
}

const evaluate = (filter: string, change: Change) => compilePredicate(inlineText(filter)).bind(change.table)(change)

test.each([
  'new.big == 1152921504606846977 && new.big + 1 > new.big',
  'new.huge == 18446744073709551615u',
  'new.price * 1.5 == 7.5',
  "new.digits == '12345678901234567890' && size(new.digits) == 20",
  "'b' in new.tags",
  'new.doc.n + 1 == 8 && new.doc.list[0] < 2.0',
  "new['__proto__'] == 'data'",
  'key.id == 1 && old.price == null',
])('a filter that is evaluated again for a dead letter sees what the daemon saw: %s', async (filter) => {
  const change = new Change(table, 'insert', transaction(), 0, null, new_, null)
  expect(evaluate(filter, change)).toBe(true)
  expect(evaluate(filter, await stored(change))).toBe(true)
})

test('a column that the row image omitted is still absent, and one that the table never had still unknown', async () => {
  const old = row({ id: 1 })
  const change = await stored(new Change(table, 'update', transaction(), 0, old, row({ price: 1 }), null))
  expect(evaluate('key.id == 1', change)).toBe(true)
  expect(() => evaluate('new.big > 0', change)).toThrow(expect.objectContaining({ code: 'BINGO_COLUMN_ABSENT' }))
  expect(() => evaluate('new.vip > 0', change)).toThrow(expect.objectContaining({ code: 'BINGO_UNKNOWN_COLUMN' }))
})

test('a table without a key stays one', async () => {
  const keyless = { ...table, key: [] }
  expect((await stored(new Change(keyless, 'insert', transaction(), 0, null, new_, null))).table.key).toEqual([])
})

test('a long statement behind a row is truncated; one that is the event itself stays whole', async () => {
  const sql = `/* ${'é😀'.repeat(5_000)} */ UPDATE …`
  const ofRow = await stored(new Change(table, 'insert', transaction(), 0, null, new_, sql))
  expect(ofRow.query).toHaveLength(2_048)
  expect(ofRow.query).toBe(ofRow.query?.toWellFormed())
  expect(ofRow.query?.endsWith('…')).toBe(true)
  const none: TableDef = { ...table, columns: [], key: [] }
  expect((await stored(new Change(none, 'ddl', transaction(), 0, null, null, sql))).query).toBe(sql)
})

test('a posted event is kept as it was, and is posted again to its action', async () => {
  const event = posted({
    id: 'order-17/created',
    key: 'order-17',
    payload: { id: 17, big: 2n ** 60n + 1n, digits: '12345678901234567890', items: [{ sku: 'x', n: -(2n ** 60n) }] },
    context: { region: 'eu' },
    correlationId: 'c',
    causationId: 'b',
    environment: 'test',
    hops: 3,
    isTest: true,
  })
  const again = await stored(event)
  expect(again).toBeInstanceOf(PostedEvent)
  expect((again as PostedEvent).envelope).toEqual(event.envelope)
  expect(again.id).toBe('test:order-17/created')
  expect(stringifyEvent(again)).toBe(stringifyEvent(event))
  expect(new InFlightJob(action(), again, undefined, 0, 1, new CountingHold(), null).key).toBe(
    new InFlightJob(action(), event, undefined, 0, 1, new CountingHold(), null).key,
  )
})
