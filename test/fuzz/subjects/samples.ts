import { BingoError } from '../../../src/model/errors.ts'
import { stringifyValue, toChangeEvent } from '../../../src/model/event/forms/event-json.ts'
import { sampleChange, type SampleEvent } from '../../../src/rules/samples/sample-change.ts'
import { USERS } from '../../support/match-tables.ts'
import { mutateJson } from '../mutate-json.ts'
import type { FuzzSubject } from '../subject.ts'

const ROW = { id: 7, name: 'Ada', email: 'ada@example.com', status: 1 }

/** As people write them for `bingo test` and `bingo explain`, and as `bingo tail` and dead letters show them. */
export const SAMPLES: readonly object[] = [
  { op: 'insert', table: 'shop.users', new: ROW },
  { op: 'update', table: 'users', schema: 'shop', key: { id: 7 }, old: ROW, new: { ...ROW, status: 2 } },
  {
    id: '3e11fa47-71ca-11e1-9e33-c80aa9429562:23/0',
    op: 'delete',
    schema: 'shop',
    table: 'users',
    key: ['id'],
    old: ROW,
    ts: '2026-11-20T10:15:00.123456Z',
    gtid: '3e11fa47-71ca-11e1-9e33-c80aa9429562:23',
    position: { file: 'binlog.000042', offset: 1_234 },
    serverId: 1,
    txId: '3e11fa47-71ca-11e1-9e33-c80aa9429562:23',
    seq: 0,
    query: 'DELETE FROM users',
    threshold: { count: 3, by: '7', sum: '12.5' },
    lookup: { customer: { name: 'Ada' } },
  },
  { op: 'truncate', table: 'shop.users' },
  { op: 'ddl', schema: 'shop', table: '', query: 'ALTER TABLE users ADD x INT' },
  { op: 'gap', new: { from: 'binlog.000001:4', to: 'binlog.000007:4' } },
  { type: 'orders.order.create', payload: { orderId: '17' } },
  { event: { name: 'orders.order.create', payload: [1], timestamp: '2026-11-28T10:00:00Z' }, options: {} },
  {
    op: 'event',
    new: { id: 'e1', type: 'a.b', source: 'api', key: 'k', payload: { n: 1 }, context: {}, metadata: {}, hops: 1, isTest: true },
    txId: 'e1',
    seq: 0,
  }, // prettier-ignore
]

export const samples: FuzzSubject = {
  name: 'samples',
  attempt(random) {
    try {
      const sample = mutateJson(random.pick(SAMPLES), random)
      const change = sampleChange(sample as SampleEvent, random.chance(50) ? [USERS] : undefined)
      stringifyValue(toChangeEvent(change))
    } catch (error) {
      if (!(error instanceof BingoError)) throw error
    }
  },
}
