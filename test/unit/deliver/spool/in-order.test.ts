import { expect, test } from 'vitest'
import { inOneOrder } from '../../../../src/deliver/spool/in-order.ts'
import type { InFlightJob } from '../../../../src/model/delivery/in-flight-job.ts'
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
