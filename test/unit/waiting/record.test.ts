import { expect, test } from 'vitest'
import { Change, withFacts } from '../../../src/model/event/change.ts'
import type { Row } from '../../../src/model/event/row.ts'
import { stringifyEvent, toChangeEvent } from '../../../src/model/event/forms/event-json.ts'
import { PostedEvent } from '../../../src/model/event/posted/posted-event.ts'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import type { StoredRecord } from '../../../src/model/delivery/waiting.ts'
import { ColumnType } from '../../../src/model/table/column-type.ts'
import type { TableDef } from '../../../src/model/table/table.ts'
import { parseLetter, serialiseLetter } from '../../../src/state/dead-letters/letter.ts'
import { letterChange } from '../../../src/waiting/letter-change.ts'
import { ChangeReader, letterOf, recordOf } from '../../../src/waiting/record.ts'
import { action, CountingHold, transaction } from '../../support/jobs.ts'
import { posted } from '../../support/posted-events.ts'

const TABLE: TableDef = {
  schema: 'shop',
  name: 'orders',
  flavour: 'mysql',
  key: [0],
  columns: [
    { name: 'id', type: ColumnType.LONGLONG, meta: 0, nullable: false, unsigned: false, collation: 0, visible: true },
    {
      name: 'digits',
      type: ColumnType.VARCHAR,
      meta: 0,
      nullable: true,
      unsigned: false,
      collation: 45,
      visible: true,
    },
  ],
}

function storedOf(change: Change): StoredRecord {
  const job = new InFlightJob(action(), change, undefined, 0, 1, new CountingHold(), null)
  const record = recordOf(job, 'delay/a', 0, 0)
  // As it is after it was written to a store and read again.
  return { ...(JSON.parse(JSON.stringify(record)) as StoredRecord), seq: 1, bytes: 1 }
}

const BIG = posted({
  id: 'order-17/created',
  key: 'order-17',
  payload: { big: 2n ** 60n + 1n, digits: '12345678901234567890', items: [{ n: -(2n ** 60n) }] },
  environment: 'test',
  hops: 3,
})
const ROW = new Change(
  TABLE,
  'insert',
  transaction(),
  0,
  null,
  { id: 2n ** 60n + 1n, digits: '12345678901234567890' },
  null,
)

test('a posted event waits as it was, with integers of any size', () => {
  const again = new ChangeReader().read(storedOf(BIG))
  expect(again).toBeInstanceOf(PostedEvent)
  expect((again as PostedEvent).envelope).toEqual(BIG.envelope)
  expect(again.id).toBe(BIG.id)
})

test('a row waits as it was', () => {
  const again = new ChangeReader().read(storedOf(ROW))
  expect({ ...again.new }).toEqual({ ...ROW.new })
  expect(stringifyEvent(again)).toBe(stringifyEvent(ROW))
})

const updated = (old: Row | null, new_: Row | null, query: string | null = null): Change =>
  new Change(TABLE, 'update', { ...transaction(), query }, 3, old, new_, query)

test.each([
  ['of which not all columns were read', updated({ id: 1 }, { digits: 'a' })],
  [
    'with a statement and signs of all kinds',
    updated({ id: 1, digits: 'ä"\\\u0000\u{1f600}' }, { id: 1, digits: null }, 'SET "x"'),
  ],
  ['with integers beyond 2^53 inside JSON', updated(null, { id: 1, digits: { n: [2n ** 60n] } })],
  [
    'without a GTID',
    new Change(TABLE, 'delete', { ...transaction(), id: '1:f:4', gtid: null }, 0, { id: 1, digits: '1' }, null, null),
  ],
  [
    'that is a statement',
    new Change({ ...TABLE, columns: [], key: [] }, 'truncate', transaction(), 0, null, null, 'TRUNCATE x'),
  ],
  ['with what its threshold counted', withFacts(ROW, { threshold: { count: 2, sum: '3', by: 'x' } })],
])('a change %s waits as it was', (_what, change) => {
  expect(stringifyEvent(new ChangeReader().read(storedOf(change)))).toBe(stringifyEvent(change))
})

test('a change that waits takes half the room of its JSON', () => {
  expect(storedOf(ROW).event.length).toBeLessThan(stringifyEvent(ROW).length / 2)
})

test('the beginning of a long statement waits, and the whole of one that is no row', () => {
  const long = 'x'.repeat(3_000)
  const statement = new Change({ ...TABLE, columns: [], key: [] }, 'ddl', transaction(), 0, null, null, long)
  expect(new ChangeReader().read(storedOf(updated({ id: 1 }, { id: 1 }, long))).query).toHaveLength(2_048)
  expect(new ChangeReader().read(storedOf(statement)).query).toBe(long)
})

test('changes of one transaction share it again', () => {
  const reader = new ChangeReader()
  const [one, two] = [ROW, updated({ id: 1 }, { id: 2 })].map((change) => reader.read(storedOf(change)))
  expect(two!.transaction).toBe(one!.transaction)
})

test('what an older BinGo kept as the JSON of the event is read', () => {
  const again = new ChangeReader().read({ ...storedOf(ROW), event: stringifyEvent(ROW) })
  expect({ ...again.new }).toEqual({ ...ROW.new })
  expect(stringifyEvent(again)).toBe(stringifyEvent(ROW))
})

test('what waited for an action that is gone is a dead letter like any other, of rows and of posted events', () => {
  for (const change of [BIG, ROW]) {
    const letter = parseLetter({ text: serialiseLetter(letterOf(storedOf(change), 5)) }, 'here')
    expect(letter.event).toMatchObject({ op: change.op, txId: toChangeEvent(change).txId })
    expect(letter).toMatchObject({ state: 'skip', createdAt: 5 })
    expect(stringifyEvent(letterChange(letter))).toBe(stringifyEvent(change))
  }
  const again = letterChange(parseLetter({ text: serialiseLetter(letterOf(storedOf(BIG), 5)) }, 'here')) as PostedEvent
  expect(again.envelope).toEqual(BIG.envelope)
})

test('a job whose `when` did not hold, after a lookup, asks it again where its record is read', () => {
  const job = new InFlightJob(action(), ROW, undefined, 0, 1, new CountingHold(), null)
  job.waitFor({ change: ROW, lookups: [], stage: 'when', finish: () => ({ tag: 'skip' }) })
  expect(recordOf(job, 'spool/a', 0, 0).stage).toBe('when')
  job.prepared({ tag: 'skip' })
  expect(recordOf(job, 'spool/a', 0, 0).stage).toBe('when')
})

test.each([
  ['a row as JSON without its end', ROW, (event: string) => event.slice(0, -1), 'it is not JSON'],
  [
    'a row of other columns',
    ROW,
    (event: string) => event.replace('["insert",0,null,[', '["insert",0,null,[1,'),
    'a row has not the columns of its table',
  ],
  ['an operation that there is not', ROW, (event: string) => event.replace('insert', 'upsert'), 'it[0] is not one of'],
  ['a posted event as JSON without its end', BIG, (event: string) => event.slice(0, -1), 'it is not JSON'],
  ['a map that is neither', BIG, () => '{"ts":"yesterday"}', 'op is not one of'],
])('%s is refused by the id of what waits', (_, change, edit, fault) => {
  const stored = storedOf(change)
  const edited = edit(stored.event)
  expect(edited).not.toBe(stored.event)
  const read = (): unknown => new ChangeReader().read({ ...stored, event: edited })
  expect(read).toThrow(expect.objectContaining({ code: 'BINGO_WAITING_CORRUPT' }))
  expect(read).toThrow(`The waiting event "${stored.id}" is corrupt: ${fault}`)
})
