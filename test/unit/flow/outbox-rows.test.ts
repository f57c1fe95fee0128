import { beforeEach, expect, test } from 'vitest'
import { RowWriter } from '../../../src/app/outbox/row-writer.ts'
import { OutboxRows, type EndedRow } from '../../../src/flow/reading/outbox-rows.ts'
import type { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import { BingoError } from '../../../src/model/errors.ts'
import { Change } from '../../../src/model/event/change.ts'
import type { OutboxCounters } from '../../../src/model/event/posted/outbox-counters.ts'
import { PostedEvent } from '../../../src/model/event/posted/posted-event.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { silentLog } from '../../support/jobs.ts'
import { changeOf, tableOf } from '../../support/match-tables.ts'
import { posted } from '../../support/posted-events.ts'

const TABLE = tableOf({ id: 'varchar', processed_at: 'varchar', last_error: 'varchar', retry_count: 'int' }, 'outbox')
const counters = new Map<string, OutboxCounters>()
let written: EndedRow[] = []
let refuses = false
let rows: OutboxRows

beforeEach(() => {
  written = []
  refuses = false
  counters.clear()
  const write = (ended: readonly EndedRow[]): Promise<void> => {
    if (refuses) return Promise.reject(new Error('down'))
    written.push(...ended)
    return Promise.resolve()
  }
  rows = new OutboxRows({ write }, counters)
})

function read(id: string, seq = 0, after: 'mark' | 'delete' | 'keep' = 'mark'): PostedEvent {
  const { envelope, transaction } = posted({ id })
  const event = new PostedEvent(envelope, transaction, seq)
  const { table, op, old, new: new_ } = changeOf(null, { id }, TABLE)
  rows.read(new Change(table, op, transaction, seq, old, new_, null), event, { table: 'shop.outbox', after })
  return event
}

const ids = (): unknown[] => written.map(({ key }) => key['id'])

test('rows are written when their transaction has ended, and those behind it wait', async () => {
  read('a')
  rows.committed(1)
  read('b')
  rows.committed(2)
  await rows.finished(1)
  expect(ids()).toEqual(['a'])
  expect(counters.get('shop.outbox')).toMatchObject({ eventsTotal: 2, unfinished: 1 })
  await rows.finished(2)
  expect(ids()).toEqual(['a', 'b'])
  await rows.finished(2)
  expect(ids()).toEqual(['a', 'b'])
})

test('rows that were rolled back, to a savepoint too, are not written', async () => {
  read('a', 0)
  read('b', 100)
  rows.discard(100)
  rows.committed(1)
  read('c', 0)
  rows.discard(0)
  rows.committed(2)
  await rows.finished(2)
  expect(ids()).toEqual(['a'])
  expect(counters.get('shop.outbox')).toMatchObject({ unfinished: 0 })
})

test('rows that could not be written are written with the next ones', async () => {
  read('a')
  rows.committed(1)
  refuses = true
  await expect(rows.finished(1)).rejects.toThrow('down')
  refuses = false
  read('b')
  rows.committed(2)
  await Promise.all([rows.finished(2), rows.finished(2)])
  expect(ids()).toEqual(['a', 'b'])
})

test('rows that are kept are counted until their event has ended, and not written', async () => {
  read('a', 0, 'keep')
  expect(counters.get('shop.outbox')).toMatchObject({ eventsTotal: 1, unfinished: 1 })
  rows.committed(1)
  await rows.finished(1)
  expect(written).toEqual([])
  expect(counters.get('shop.outbox')).toMatchObject({ eventsTotal: 1, unfinished: 0 })
})

test('a row whose event ended in the dead letters says why', async () => {
  const event = read('a')
  rows.committed(1)
  const attempts = [
    { at: 0, code: 'BINGO_X', message: 'no' },
    { at: 1, code: 'BINGO_X', message: 'never' },
  ]
  rows.ended({ change: event, failure: null, attempts } as unknown as InFlightJob, 'dead letter')
  await rows.finished(1)
  expect(written[0]!.failure).toEqual({ error: 'BINGO_X: never', retries: 1 })
})

function ended(id: string, after: 'mark' | 'delete', failure: EndedRow['failure'] = null): EndedRow {
  const count = { eventsTotal: 0, unfinished: 0, markedTotal: 0, deletedTotal: 0, failedTotal: 0 }
  counters.set('shop.outbox', count)
  return { table: TABLE, key: { id }, after, counters: count, failure }
}

test('the writer marks and deletes by primary key, many rows in one statement, and leaves rows that failed', async () => {
  const asked: unknown[] = []
  const connection = {
    query: (sql: string, values: readonly unknown[] = []) => (asked.push([sql, values]), Promise.resolve([])),
  }
  const writer = new RowWriter({ connection, log: silentLog, clock: systemClock })
  await writer.write([ended('a', 'mark'), ended('b', 'mark'), ended('c', 'mark', { error: 'no', retries: 2 })])
  await writer.write([ended('d', 'delete'), ended('e', 'delete', { error: 'no', retries: 2 })])
  expect(asked).toEqual([
    [
      'UPDATE `shop`.`outbox` SET `processed_at` = CURRENT_TIMESTAMP(3), `last_error` = NULL WHERE `id` IN (?, ?) AND `processed_at` IS NULL',
      ['a', 'b'],
    ],
    ['UPDATE `shop`.`outbox` SET `last_error` = ?, `retry_count` = ? WHERE `id` IN (?)', ['no', 2, 'c']],
    ['DELETE FROM `shop`.`outbox` WHERE `id` IN (?)', ['d']],
  ])
})

test('what the server refuses for good is told and does not keep the checkpoint; what may pass does', async () => {
  let retryable = false
  const connection = {
    query: () => Promise.reject(new BingoError('BINGO_SOURCE_DENIED', 'UPDATE command denied', { retryable })),
  }
  const writer = new RowWriter({ connection, log: silentLog, clock: systemClock })
  await writer.write([ended('a', 'mark')])
  expect(counters.get('shop.outbox')).toMatchObject({ failedTotal: 1, markedTotal: 0 })
  retryable = true
  await expect(writer.write([ended('a', 'mark')])).rejects.toMatchObject({ code: 'BINGO_SOURCE_DENIED' })
})
