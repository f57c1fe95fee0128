import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import type { Sendable } from '../../../src/model/rule/action.ts'
import { BatchPacker, type PackedBatch } from '../../../src/targets/kafka/packed-batches.ts'
import { change, CountingHold, tableDef, transaction } from '../../support/jobs.ts'
import { compile } from './action-spec.ts'

const KAFKA = { type: 'kafka', brokers: ['k1:9092'], topic: 'shop.users', tombstones: true }
const PLANS = [
  compile(KAFKA).plan,
  compile({ ...KAFKA, contentType: 'text/csv' }, { identity: 'with a space' }).plan,
  compile({ ...KAFKA, headers: { of: '{{id}}' } }).plan,
  compile(KAFKA, { idIsWhole: true }).plan,
]
const TRANSACTIONS = [
  transaction(1),
  transaction(2),
  { ...transaction(3), id: '0-1-77' },
  // Such characters are escaped in the id of the message.
  { ...transaction(4), id: '1:päckchen binlog.000001:4' },
]

const row = fc.record({
  plan: fc.constantFrom(...PLANS),
  transaction: fc.constantFrom(...TRANSACTIONS),
  seq: fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 2_000 }), fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 40)),
  isDelete: fc.boolean(),
})

/** What stands in front of them is written when the batch is sent. */
const RECORDS_AT = 61
function recordsOf({ bytes }: PackedBatch): string {
  return bytes.toString('latin1', RECORDS_AT)
}

test('headers of rows, which are those of the row before but for a number, are the same bytes as written one by one', async () => {
  const table = tableDef()
  const packer = new BatchPacker(() => 0)
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
      const jobs = rows.map(({ plan, transaction: of, seq, isDelete }): Sendable => {
        const image = { id: 7, status: 1 }
        const from = isDelete
          ? change('delete', image, null, seq, table, of)
          : change('insert', null, image, seq, table, of)
        return new InFlightJob(plan, from, plan.bind(table)(from), 0, 100, new CountingHold(), null)
      })
      const oneByOne = jobs.map(({ id, key, at, payload, action }): Sendable => ({ id, key, at, payload, action }))
      const packed = await packer.pack(jobs, jobs.keys(), () => 1)
      const expected = await new BatchPacker(() => 0).pack(oneByOne, jobs.keys(), () => 1)
      expect(packed.map(recordsOf)).toEqual(expected.map(recordsOf))
      packer.done(packed)
    }),
    { numRuns: 300 },
  )
})
