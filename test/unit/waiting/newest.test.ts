import { describe, expect, test } from 'vitest'
import type { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import type { WaitingRecord } from '../../../src/model/delivery/waiting.ts'
import { LaneJobs } from '../../../src/flow/lanes/lane-jobs.ts'
import { Change, withFacts } from '../../../src/model/event/change.ts'
import type { Row, RowOp } from '../../../src/model/event/row.ts'
import { toChangeEvent } from '../../../src/model/event/forms/event-json.ts'
import { RuleKey } from '../../../src/model/rule/rule-key.ts'
import type { TableDef } from '../../../src/model/table/table.ts'
import { revised, RevisedRecords, withNewest } from '../../../src/waiting/newest.ts'
import { ChangeReader, recordOf } from '../../../src/waiting/record.ts'
import { action, change as changeOf, CountingHold, tableDef, transaction } from '../../support/jobs.ts'

const TABLE = tableDef(['id', 'status', 'note'])
const RULE = action()

function change(op: RowOp, old: Row | null, new_: Row | null, table: TableDef = TABLE): Change {
  return changeOf(op, old, new_, 0, table)
}

/** What waits by a rule, as its store has it. */
function waiting(of: Change, plan = RULE): WaitingRecord {
  const job = new LaneJobs(1).matched(plan, of, undefined, 'present', 0, new CountingHold())
  return recordOf(job, 'delay/rule', 0, 0)
}

/** The revision of the key that the row had before. */
function newest(of: Change, plan = RULE): InFlightJob {
  return newestOf(of, plan)[0]!
}

function newestOf(of: Change, plan = RULE): readonly InFlightJob[] {
  return new LaneJobs(1).revises(plan.rule, 'newest', of, 0, () => new CountingHold())
}

const rows = (record: WaitingRecord): unknown => {
  const { op, old, new: new_, changed } = toChangeEvent(new ChangeReader().read(record))
  return { op, old, new: new_, changed }
}

describe('what waits, with the newest row', () => {
  test('is the event as if the row had become at once what it is now', () => {
    const waits = change('update', { id: 1, status: 'new', note: 'a' }, { id: 1, status: 'open', note: 'a' })
    const later = change('update', { id: 1, status: 'open', note: 'a' }, { id: 1, status: 'paid', note: 'b' })
    expect(withNewest(waits, later)).toMatchObject({
      id: waits.id,
      op: 'update',
      old: { id: 1, status: 'new', note: 'a' },
      new: { id: 1, status: 'paid', note: 'b' },
    })
    expect(withNewest(change('insert', null, { id: 1, status: 'new', note: 'a' }), later)).toMatchObject({
      op: 'insert',
      old: null,
      new: { status: 'paid' },
    })
  })

  test('ends when the row is gone, also by a row that takes its place', () => {
    const waits = change('insert', null, { id: 1, status: 'new', note: 'a' })
    expect(withNewest(waits, change('delete', { id: 1, status: 'new', note: 'a' }, null))).toBeNull()
  })

  test('of a DELETE stays while the row is gone, and ends when it is there again', () => {
    const waits = change('delete', { id: 1, status: 'new', note: 'a' }, null)
    expect(withNewest(waits, change('delete', { id: 1, status: 'new', note: 'a' }, null))).toBe(waits)
    expect(withNewest(waits, change('insert', null, { id: 1, status: 'new', note: 'b' }))).toBeNull()
  })

  test('keeps the columns that a row image leaves out, and loses those that the table has no more', () => {
    const waits = change('insert', null, { id: 1, status: 'new', note: 'a' })
    const later = change('update', { id: 1 }, { id: 1, status: 'paid' })
    expect(withNewest(waits, later)!.new).toEqual({ id: 1, status: 'paid', note: 'a' })
    const altered = tableDef(['id', 'status', 'total'])
    const after = change('update', { id: 1 }, { id: 1, status: 'paid', total: 5 }, altered)
    expect(withNewest(waits, after)!.new).toEqual({ id: 1, status: 'paid', total: 5 })
  })

  test('keeps what its threshold has counted', () => {
    const threshold = { count: 3, sum: null, by: '' }
    const waits = withFacts(change('insert', null, { id: 1, status: 'new', note: 'a' }), { threshold })
    const later = change('update', { id: 1, status: 'new', note: 'a' }, { id: 1, status: 'paid', note: 'a' })
    expect(withNewest(waits, later)!.facts).toEqual({ threshold })
  })
})

describe('a record that waits', () => {
  const record = waiting(change('insert', null, { id: 1, status: 'new', note: 'a' }))

  test('gets the newest row, and columns that were added meanwhile', () => {
    const altered = tableDef(['id', 'status', 'note', 'total'])
    const later = change('update', { id: 1, status: 'new' }, { id: 1, status: 'paid', note: 'b', total: 7 }, altered)
    const now = revised(record, newest(later))!
    expect(rows(now)).toMatchObject({ op: 'insert', old: null, new: { id: 1, status: 'paid', note: 'b', total: 7 } })
    expect(now.shape.columns.map(([name]) => name)).toEqual(['id', 'status', 'note', 'total'])
    expect(now.id).toBe(record.id)
    expect(revised(record, newest(change('update', { id: 1 }, { id: 1, status: 'x' })))!.shape).toBe(record.shape)
  })

  test('ends when its row gets another primary key', () => {
    expect(revised(record, newest(change('update', { id: 1 }, { id: 9, status: 'new', note: 'a' })))).toBeNull()
  })

  test('of a DELETE ends when a row gets its key, by INSERT or by another key', () => {
    const deleted = waiting(change('delete', { id: 1, status: 'new', note: 'a' }, null))
    const moves = newestOf(change('update', { id: 2 }, { id: 1, status: 'new', note: 'b' }))
    expect(moves.map((each) => revised(deleted, each))).toEqual([null, null])
    expect(moves.map((each) => revised(record, each))).toEqual([record, record])
    expect(revised(deleted, newest(change('insert', null, { id: 1, status: 'new', note: 'b' })))).toBeNull()
  })

  test('is not touched by another row or another table', () => {
    expect(revised(record, newest(change('delete', { id: 2 }, null)))).toBe(record)
    expect(revised(record, newest(change('delete', { id: 1 }, null, { ...TABLE, name: 'other' })))).toBe(record)
  })

  test('ends with a TRUNCATE of its table, unless it waits that its row was deleted', () => {
    const table = { ...TABLE, columns: [], key: [] }
    const truncate = newest(new Change(table, 'truncate', transaction(), 1, null, null, 'TRUNCATE users'))
    const deleted = waiting(change('delete', { id: 3, status: 'new', note: '' }, null))
    expect(revised(record, truncate)).toBeNull()
    expect(revised(deleted, truncate)).toBe(deleted)
    const other = newest(
      new Change({ ...table, name: 'other' }, 'truncate', transaction(), 1, null, null, 'TRUNCATE other'),
    )
    expect(revised(record, other)).toBe(record)
  })

  test('of a rule with a key of its own is told apart from other rows of that key', () => {
    const plan = keyed()
    const mine = waiting(change('insert', null, { id: 1, status: 'new', note: 'ada' }), plan)
    const others = newest(change('update', { id: 2, note: 'ada' }, { id: 2, status: 'paid', note: 'ada' }), plan)
    expect(mine.rowKey).toBe(others.key)
    expect(revised(mine, others)).toBe(mine)
    const own = newest(change('update', { id: 1, note: 'ada' }, { id: 1, status: 'paid', note: 'bob' }), plan)
    expect(rows(revised(mine, own)!)).toMatchObject({ new: { status: 'paid', note: 'bob' } })
    expect(revised(mine, own)!.rowKey).toContain('bob')
  })

  test('of a table without a primary key is found by the key of its rule, and not without one', () => {
    const table = { ...TABLE, key: [] }
    const waits = change('insert', null, { id: 1, status: 'new', note: 'ada' }, table)
    const later = change('update', { id: 1, note: 'ada' }, { id: 1, status: 'paid', note: 'ada' }, table)
    const plan = keyed()
    expect(rows(revised(waiting(waits, plan), newest(later, plan))!)).toMatchObject({ new: { status: 'paid' } })
    const unkeyed = waiting(waits)
    expect(revised(unkeyed, newest(later))).toBe(unkeyed)
  })
})

test('revisions that come one after the other follow a row over the keys of its rule', () => {
  const plan = keyed()
  const records = new RevisedRecords<WaitingRecord>()
  const at = [1, 2, 3].map((id) =>
    records.add(waiting(change('insert', null, { id, status: 'new', note: 'ada' }), plan)),
  )
  const update = (id: number, before: string, note: string, status: string): Change =>
    change('update', { id, status: '', note: before }, { id, status, note })
  const changes = [
    update(1, 'ada', 'bob', 'a'),
    update(1, 'bob', 'cy', 'b'),
    update(3, 'ada', 'ada', 'other'),
    update(1, 'cy', 'cy', 'c'),
    change('delete', { id: 2, status: 'new', note: 'ada' }, null),
  ]
  for (const each of changes) for (const revision of newestOf(each, plan)) records.revise(revision)
  expect(rows(records.at(at[0]!)!)).toMatchObject({ new: { status: 'c', note: 'cy' } })
  expect(records.at(at[1]!)).toBeNull()
  expect(rows(records.at(at[2]!)!)).toMatchObject({ new: { status: 'other' } })
  expect([records.changed.length, records.gone.length]).toEqual([2, 1])
})

function keyed(): typeof RULE {
  const plan = action()
  const render = (of: Change): string => (of.new ?? of.old)?.['note'] as string
  const template = { location: plan.location, reads: () => ({}), bind: () => render }
  Object.assign(plan.rule, { key: new RuleKey(template as never) })
  return plan
}
