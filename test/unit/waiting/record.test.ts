import { expect, test } from 'vitest'
import { Change } from '../../../src/model/event/change.ts'
import { stringifyEvent, toChangeEvent } from '../../../src/model/event/event-json.ts'
import { PostedEvent } from '../../../src/model/event/posted-event.ts'
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

test('what waited for an action that is gone is a dead letter like any other, of rows and of posted events', () => {
  for (const change of [BIG, ROW]) {
    const letter = parseLetter(serialiseLetter(letterOf(storedOf(change), 5)), 'here')
    expect(letter.event).toMatchObject({ op: change.op, txId: toChangeEvent(change).txId })
    expect(letter).toMatchObject({ state: 'skip', createdAt: 5 })
    expect(stringifyEvent(letterChange(letter))).toBe(stringifyEvent(change))
  }
  const again = letterChange(parseLetter(serialiseLetter(letterOf(storedOf(BIG), 5)), 'here')) as PostedEvent
  expect(again.envelope).toEqual(BIG.envelope)
})
