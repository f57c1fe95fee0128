import { expect, test } from 'vitest'
import { inOneOrder } from '../../../../src/deliver/spool/in-order.ts'
import { InFlightJob } from '../../../../src/model/delivery/in-flight-job.ts'
import { Change } from '../../../../src/model/event/change.ts'
import { job } from '../../../support/jobs.ts'

const [one, two, three, four] = [1, 2, 3, 4].map((id) => job({ id })) as [
  InFlightJob,
  InFlightJob,
  InFlightJob,
  InFlightJob,
]

test('each lane keeps its order', () => {
  const ordered = inOneOrder([[one, two], [three]])
  expect(ordered.indexOf(one)).toBeLessThan(ordered.indexOf(two))
  expect(ordered).toHaveLength(3)
})

test('an action comes behind the one that it follows, on whatever lane', () => {
  const [first, second] = [job({ id: 1 }), job({ id: 1 })]
  second.follow(first)
  expect(inOneOrder([[second], [three, first]])).toEqual([three, first, second])
})

test('what concerns every lane comes behind what is ahead of it there, and ahead of what is behind it', () => {
  const all = job({ id: 9 })
  const place = job({ id: 9, lane: 1 })
  all.holdPlaceBy(place)
  expect(
    inOneOrder([
      [all, one],
      [two, place, four],
    ]),
  ).toEqual([two, all, one, four])
  expect(
    inOneOrder([
      [one, all],
      [place, four],
    ]),
  ).toEqual([one, all, four])
})

test('what no lane orders comes in the order of the commits', () => {
  const at = (id: number, timestampUs: number): InFlightJob => {
    const { action, change, payload, lane, bytes, hold } = job({ id })
    const transaction = { ...change.transaction, timestampUs }
    const { table, op, seq, old, new: new_ } = change
    return new InFlightJob(
      action,
      new Change(table, op, transaction, seq, old, new_, null),
      payload,
      lane,
      bytes,
      hold,
      null,
    )
  }
  const [first, second, third, fourth] = [at(1, 10), at(2, 20), at(3, 20), at(4, 30)]
  expect(
    inOneOrder([
      [second, fourth],
      [first, third],
    ]),
  ).toEqual([first, second, third, fourth])
})

test('what waits for a later commit of another lane does not hold up the others', () => {
  const [blocked, free, before] = [job({ id: 1 }), job({ id: 2 }), job({ id: 3 })]
  blocked.follow(before)
  expect(inOneOrder([[blocked], [free, before]])).toEqual([free, before, blocked])
})
